import assert from "node:assert/strict";
import { test } from "node:test";
import { StrataError, isStrataError } from "../../kernel/errors.ts";
import type { ErrorCode } from "../../kernel/errors.ts";
import { createProcessLink } from "./process-link.ts";
import type { LinkMessage, ProcessLink } from "./process-link.ts";

/** Two ends of one channel; messages are copied as between processes. */
function pair(): readonly [ProcessLink, ProcessLink] {
  const receivers: ((message: LinkMessage) => void)[] = [];
  const end = (own: number) => ({
    send: (message: LinkMessage): void => { const copy = structuredClone(message); setImmediate(() => receivers[1 - own]?.(copy)); },
    subscribe: (receive: (message: LinkMessage) => void): void => { receivers[own] = receive; },
  });
  return [createProcessLink("left", end(0)), createProcessLink("right", end(1))];
}
const hasCode = (code: ErrorCode) => (thrown: unknown): boolean => isStrataError(thrown) && thrown.code === code;

test("both ends ask and answer, also at once and while they wait for each other", async () => {
  const [left, right] = pair();
  right.on("double", (value: number) => value * 2);
  left.on("base", () => 10);
  right.on("from base", async (value: number) => (await right.ask<number>("base")) + value);
  assert.deepEqual(await Promise.all([1, 2, 3].map((value) => left.ask<number>("double", value))), [2, 4, 6]);
  assert.equal(await left.ask("from base", 5), 15);
});

test("errors arrive as what they are, with when to come back", async () => {
  const [left, right] = pair();
  right.on("busy", () => { throw new StrataError("QUEUE_FULL", { model: "m", waiting: 3 }, { retryAfterSeconds: 7 }); });
  await assert.rejects(left.ask("busy"), (thrown) => isStrataError(thrown) && thrown.code === "QUEUE_FULL" && thrown.retryAfterSeconds === 7 && thrown.message === "The queue of model \"m\" is full (3 rows wait).");
  await assert.rejects(left.ask("what?"), hasCode("INTERNAL"));
});

test("who does not answer in time, or is gone, fails what waits", async () => {
  const [left, right] = pair();
  right.on("never", () => new Promise(() => undefined));
  await assert.rejects(left.ask("never", undefined, 20), hasCode("DEADLINE_EXCEEDED"));
  const waiting = left.ask("never");
  left.close();
  await assert.rejects(waiting, hasCode("CLOSED"));
  await assert.rejects(left.ask("never"), hasCode("CLOSED"));
});
