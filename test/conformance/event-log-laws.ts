/** The law of the event log: any sequence of operations equals a list of records in memory. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { createManualClock, type ManualClock } from "../../src/kernel/clock.ts";
import type { EventLog, LogRecord, NewRecord } from "../../src/ports/event-log.ts";
import type { NewEventLogPlace } from "./event-log-place.ts";
import { plain, readAll } from "./log-records.ts";

type Operation =
  | { readonly kind: "append"; readonly log: string; readonly appends: readonly (readonly NewRecord[])[] }
  | { readonly kind: "reopen" }
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "retain"; readonly log: string; readonly maxBytes: number; readonly maxAgeMs: number }
  | { readonly kind: "commit"; readonly log: string; readonly part: number }
  | { readonly kind: "read"; readonly log: string; readonly part: number };

const logName = fc.constantFrom("clicks", "Views");
const newRecord: fc.Arbitrary<NewRecord> = fc.record({
  id: fc.string({ unit: "grapheme", maxLength: 12 }),
  timeMs: fc.double({ noNaN: true }),
  knownAtMs: fc.integer(),
  payload: fc.oneof({ weight: 5, arbitrary: fc.uint8Array({ maxLength: 80 }) }, { weight: 1, arbitrary: fc.uint8Array({ minLength: 300, maxLength: 900 }) }),
});
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("append"), log: logName, appends: fc.array(fc.array(newRecord, { maxLength: 5 }), { minLength: 1, maxLength: 4 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("reopen") }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("wait"), ms: fc.integer({ min: 0, max: 1_000 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("retain"), log: logName, maxBytes: fc.integer({ min: 0, max: 8_000 }), maxAgeMs: fc.integer({ min: 0, max: 2_000 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("commit"), log: logName, part: fc.double({ min: 0, max: 1, noNaN: true }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("read"), log: logName, part: fc.double({ min: 0, max: 1, noNaN: true }) }) },
);

interface ModelLog {
  readonly records: { readonly record: NewRecord; readonly appendedAtMs: number }[];
  oldestOffset: number;
  checkpoint: number;
}

interface World {
  log: EventLog;
  readonly model: Record<string, ModelLog>;
  readonly clock: ManualClock;
}

export async function checkEventLogLaws(newPlace: NewEventLogPlace): Promise<void> {
  await fc.assert(fc.asyncProperty(fc.array(operation, { maxLength: 25 }), async (operations) => {
    await using place = await newPlace({ segmentBytes: 1_500 });
    const clock = createManualClock(5_000);
    const world: World = { log: await place.open(clock), model: { clicks: emptyModel(), Views: emptyModel() }, clock };
    try {
      for (const operation of operations) {
        if (operation.kind === "reopen") {
          await world.log.close();
          world.log = await place.open(clock);
        } else await perform(world, operation);
      }
      for (const name of Object.keys(world.model)) await checkRead(world, name, 0);
    } finally {
      await world.log.close();
    }
  }), { numRuns: 20 });
}

function emptyModel(): ModelLog {
  return { records: [], oldestOffset: 0, checkpoint: 0 };
}

async function perform(world: World, operation: Exclude<Operation, { kind: "reopen" }>): Promise<void> {
  if (operation.kind === "wait") return world.clock.advance(operation.ms);
  const model = world.model[operation.log]!;
  if (operation.kind === "append") await performAppends(world, operation, model);
  if (operation.kind === "retain") await performRetain(world, operation, model);
  if (operation.kind === "read") await checkRead(world, operation.log, operation.part);
  if (operation.kind === "commit") {
    const offset = Math.round(operation.part * model.records.length);
    await world.log.commit(operation.log, "group", offset);
    model.checkpoint = Math.max(model.checkpoint, offset);
  }
}

async function performAppends({ log, clock }: World, operation: Extract<Operation, { kind: "append" }>, model: ModelLog): Promise<void> {
  const results = await Promise.all(operation.appends.map((records) => log.append(operation.log, records)));
  for (const [i, records] of operation.appends.entries()) {
    const baseOffset = model.records.length;
    model.records.push(...records.map((record) => ({ record, appendedAtMs: clock.now() })));
    assert.deepEqual(results[i], { baseOffset, nextOffset: model.records.length });
  }
}

/** How much one segment holds is the engine's affair; what may be dropped is not. */
async function performRetain({ log, clock }: World, operation: Extract<Operation, { kind: "retain" }>, model: ModelLog): Promise<void> {
  const before = log.statistics(operation.log);
  const dropped = await log.retain(operation.log, operation);
  const after = log.statistics(operation.log);
  assert.equal(after.oldestOffset, model.oldestOffset + dropped);
  assert.equal(after.nextOffset, model.records.length);
  assert.ok(after.segments <= 1 || after.sizeBytes <= operation.maxBytes, "too many bytes were kept");
  const lastDropped = model.records[after.oldestOffset - 1];
  if (dropped > 0 && before.sizeBytes <= operation.maxBytes) assert.ok(lastDropped!.appendedAtMs < clock.now() - operation.maxAgeMs, "a young record was dropped");
  model.oldestOffset = after.oldestOffset;
}

/** Reads from an offset somewhere in the log (`part` of the way) and from that record's time. */
async function checkRead({ log, model }: World, name: string, part: number): Promise<void> {
  const { records, oldestOffset, checkpoint } = model[name]!;
  assert.equal(log.checkpoint(name, "group"), checkpoint);
  const offset = Math.round(oldestOffset + part * (records.length - oldestOffset));
  checkRecords(await readAll(log, name, { from: { offset } }), records.slice(offset).map((entry) => entry.record), offset);
  const appendedAtMs = records[offset]?.appendedAtMs ?? Infinity;
  const since = records.findIndex((entry, i) => i >= oldestOffset && entry.appendedAtMs >= appendedAtMs);
  const first = since === -1 ? records.length : since;
  checkRecords(await readAll(log, name, { from: { appendedAtMs } }), records.slice(first).map((entry) => entry.record), first);
  if (oldestOffset > 0) await assert.rejects(readAll(log, name, { from: { offset: oldestOffset - 1 } }), { code: "LOG_OFFSET_GONE" });
}

function checkRecords(found: readonly LogRecord[], expected: readonly NewRecord[], firstOffset: number): void {
  assert.deepEqual(plain(found), plain(expected));
  assert.deepEqual(found.map((record) => record.offset), expected.map((_, i) => firstOffset + i));
}
