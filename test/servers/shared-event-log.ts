/**
 * What an event log that several processes share owes beside the contract's suite: appends of several writers, news of
 * each other, large appends, and a server that is killed without warning while they append.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "../../src/kernel/clock.ts";
import type { Clock } from "../../src/kernel/clock.ts";
import type { EventLog, NewRecord } from "../../src/ports/event-log.ts";
import { readAll, record, recordsNamed } from "../conformance/log-records.ts";
import type { ServerProcess } from "./process.ts";

export interface SharedLogOptions {
  readonly engine: string;
  readonly server: ServerProcess;
  /** Opens the same logs again; `place` tells tests apart. */
  readonly open: (place: string, clock: Clock) => Promise<EventLog>;
  /** SIGKILLs of the server under load. */
  readonly killRounds: number;
}

export function sharedEventLogSuite({ engine, server, open, killRounds }: SharedLogOptions): void {
  test(`${engine}: two writers share one log: consecutive offsets, each append whole, each in its own order`, async () => {
    await using one = await open("writers", systemClock);
    await using two = await open("writers", systemClock);
    const append = async (log: EventLog, name: string): Promise<void> => {
      for (let at = 0; at < 60; at++) await log.append("clicks", recordsNamed(`${name}-${at}-`, 3));
    };
    await Promise.all([append(one, "one"), append(two, "two")]);
    const records = await readAll(one, "clicks");
    assert.deepEqual(records.map(({ offset }) => offset), Array.from({ length: 360 }, (_, offset) => offset));
    for (const name of ["one", "two"]) {
      const own = records.filter(({ id }) => id.startsWith(name));
      assert.deepEqual(own.map(({ id }) => id), Array.from({ length: 60 }, (_, at) => [0, 1, 2].map((part) => `${name}-${at}-${part}`)).flat());
    }
    for (let at = 0; at < 360; at += 3) assert.equal(records[at]!.offset + 2, records.find(({ id }) => id === records[at]!.id.replace(/0$/, "2"))!.offset);
  });

  test(`${engine}: refresh knows what others were acknowledged; followers hear of it by themselves`, async () => {
    await using writer = await open("news", systemClock);
    await using reader = await open("news", systemClock);
    const following = reader.read("clicks", { from: { offset: 0 }, follow: true })[Symbol.asyncIterator]();
    const first = following.next();
    await writer.append("clicks", recordsNamed("a", 2));
    assert.equal((await reader.refresh("clicks")).nextOffset, 2);
    assert.deepEqual(((await first).value as { records: readonly NewRecord[] }).records.map(({ id }) => id), ["a0", "a1"]);
    const second = following.next();
    const startedMs = performance.now();
    await writer.append("clicks", recordsNamed("b", 1));
    assert.deepEqual(((await second).value as { records: readonly NewRecord[] }).records.map(({ id }) => id), ["b0"]);
    assert.ok(performance.now() - startedMs < 900, "a follower waited for its timer");
    await writer.commit("clicks", "lake", 2);
    await reader.refresh("clicks");
    assert.equal(reader.checkpoint("clicks", "lake"), 2);
  });

  test(`${engine}: an append of many megabytes is one append`, async () => {
    await using log = await open("large", systemClock);
    const records = Array.from({ length: 60 }, (_, at) => record(`r${at}`, Buffer.alloc(100_000, at)));
    const [large, after] = await Promise.all([log.append("clicks", records), log.append("clicks", [record("after")])]);
    assert.deepEqual([large, after], [{ baseOffset: 0, nextOffset: 60 }, { baseOffset: 60, nextOffset: 61 }]);
    await using other = await open("large", systemClock);
    const read = await readAll(other, "clicks");
    assert.deepEqual(read.map(({ id }) => id), [...records.map(({ id }) => id), "after"]);
    assert.ok(read.slice(0, 60).every(({ payload }, at) => payload.length === 100_000 && payload[99_999] === at));
    assert.deepEqual(await other.verify("clicks"), []);
  });

  test(`${engine}: ${killRounds} × kill -9 of the server under load: nothing acknowledged is lost, doubled or out of order`, async (context) => {
    const stop = new AbortController();
    const acknowledged = new Map<string, number>(); // id → offset
    const writers = [await open("kill", systemClock), await open("kill", systemClock)];
    const load = async (log: EventLog, name: string): Promise<void> => {
      for (let at = 0; !stop.signal.aborted; at++) {
        const records = recordsNamed(`${name}-${at}-`, 1 + at % 7);
        const { baseOffset } = await log.append("clicks", records);
        records.forEach(({ id }, index) => acknowledged.set(id, baseOffset + index));
      }
    };
    const loads = writers.flatMap((log, writer) => ["a", "b"].map((name) => load(log, `${writer}${name}`)));
    for (let round = 0; round < killRounds; round++) {
      await sleep(200 + 137 * (round % 5));
      await server.kill();
      await sleep(round % 2 === 0 ? 0 : 300);
      await server.start();
      const before = acknowledged.size;
      const deadline = performance.now() + 30_000;
      while (acknowledged.size === before && performance.now() < deadline) await sleep(20);
      assert.ok(acknowledged.size > before, "no append was acknowledged within 30 s of the restart");
    }
    stop.abort();
    await Promise.all(loads);
    for (const log of writers) await log.close();
    await using reader = await open("kill", systemClock);
    const records = await readAll(reader, "clicks");
    const lost = [...acknowledged].filter(([id, offset]) => records[offset]?.id !== id);
    const twice = records.length - new Set(records.map(({ id }) => id)).size;
    const disordered = disorder(records.map(({ id }) => id));
    context.diagnostic(`${acknowledged.size} acknowledged, ${records.length} stored, ${lost.length} lost, ${twice} twice, ${disordered} out of order, ${killRounds} kills`);
    assert.deepEqual({ lost: lost.slice(0, 3), twice, disordered }, { lost: [], twice: 0, disordered: 0 });
    assert.deepEqual(await reader.verify("clicks"), []);
  });
}

/** Ids "<producer>-<append>-<index>" that come before one that was appended earlier. */
function disorder(ids: readonly string[]): number {
  const last = new Map<string, number>();
  return ids.filter((id) => {
    const [producer = "", append = "", index = ""] = id.split("-");
    const place = Number(append) * 10 + Number(index);
    const isLate = place <= (last.get(producer) ?? -1);
    last.set(producer, place);
    return isLate;
  }).length;
}

/** 3 kills in a quick run; STRATA_KILL_ROUNDS=20 for the long one. */
export const killRounds = Number(process.env["STRATA_KILL_ROUNDS"] ?? 3);
