import assert from "node:assert/strict";
import { test } from "node:test";
import { createManualClock } from "../kernel/clock.ts";
import { isStrataError } from "../kernel/errors.ts";
import { createWorkQueue } from "./work-queue.ts";

const codeOf = (thrown: unknown): string => (isStrataError(thrown) ? thrown.code : String(thrown));

test("work runs in order of arrival, a bounded time per turn of the event loop", async () => {
  const clock = createManualClock();
  const queue = createWorkQueue({ clock, name: "work", turnMs: 8 });
  const ran: number[] = [];
  const turns: number[] = [];
  const all = Array.from({ length: 10 }, (_, number) => queue.run(() => { ran.push(number); clock.advance(3); return number; }, 10_000));
  setImmediate(() => turns.push(ran.length)); // runs after the first turn
  assert.deepEqual(await Promise.all(all), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.deepEqual(ran, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.deepEqual(turns, [3], "three pieces of 3 ms fill a turn of 8 ms");
});

test("what cannot run before its deadline is refused: at once when the queue shows it, else in its turn", async () => {
  const clock = createManualClock();
  const queue = createWorkQueue({ clock, name: "work" });
  for (let i = 0; i < 200; i++) await queue.run(() => clock.advance(10), Number.POSITIVE_INFINITY); // learns that work takes 10 ms
  const start = clock.monotonicMs();
  const waiting = Array.from({ length: 30 }, () => queue.run(() => clock.advance(10), start + 100_000));
  assert.ok(Math.abs(queue.expectedWaitMs() - 300) < 5, `expected about 300 ms, said ${queue.expectedWaitMs()}`);
  assert.equal(await queue.run(() => 1, start + 200).catch(codeOf), "OVERLOADED");
  const late = queue.run(() => 1, start + 501).catch(codeOf);
  clock.advance(1_000);
  assert.equal(await late, "DEADLINE_EXCEEDED");
  await Promise.all(waiting);
});

test("work that throws fails alone", async () => {
  const queue = createWorkQueue({ clock: createManualClock(), name: "work" });
  const results = await Promise.allSettled([queue.run(() => 1, 10), queue.run(() => { throw new Error("no"); }, 10), queue.run(() => 3, 10)]);
  assert.deepEqual(results.map((result) => result.status), ["fulfilled", "rejected", "fulfilled"]);
});
