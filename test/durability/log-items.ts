/** The records of a load's items, so that what is found can be compared byte by byte; and that comparison. */
import assert from "node:assert/strict";
import type { EventLog, NewRecord } from "../../src/ports/event-log.ts";
import { noteItem } from "./sequences.ts";

export function recordsOfItem(round: number, producer: number, item: number): readonly NewRecord[] {
  const count = 1 + ((item * 7 + producer) % 20);
  return Array.from({ length: count }, (_, i) => {
    const id = `${round}.${producer}.${item}.${i}`;
    return { id, timeMs: item, knownAtMs: producer, payload: Buffer.alloc(20 + ((item * 31 + i) % 400), id) };
  });
}

/** Reads a round's records and checks that they are whole items, each once, in each producer's order, at consecutive offsets; returns how many items of each producer there are. */
export async function checkItems(log: EventLog, round: number, fromOffset: number): Promise<ReadonlyMap<number, number>> {
  const found = new Map<number, number>();
  let offset = fromOffset;
  for await (const batch of log.read("clicks", { from: { offset: fromOffset } })) {
    const [foundRound, producer, item] = batch.records[0]!.id.split(".").map(Number) as [number, number, number];
    assert.equal(foundRound, round);
    const expected = recordsOfItem(round, producer, item).map((record, i) => ({ ...record, offset: offset + i }));
    assert.deepEqual(batch.records.map((record) => ({ ...record, payload: Buffer.from(record.payload) })), expected);
    noteItem(found, producer, item);
    offset += batch.records.length;
  }
  assert.equal(offset, log.statistics("clicks").nextOffset);
  return found;
}
