import assert from "node:assert/strict";
import { test } from "node:test";
import { lines, openIngestionKit, order } from "../../../test/bad-input/ingestion-kit.ts";
import type { IngestionKit } from "../../../test/bad-input/ingestion-kit.ts";
import { createStreamConsumer } from "./stream-consumer.ts";
import type { StreamConsumer, StreamConsumerOptions } from "./stream-consumer.ts";

const send = (kit: IngestionKit, count = 1) =>
  kit.ingestion.ingestText("orders", lines(...Array.from({ length: count }, () => order())), { format: "ndjson" });
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface Following extends AsyncDisposable {
  readonly consumer: StreamConsumer;
  /** Offsets in the order they were handled. */
  readonly handled: readonly number[];
}

/** `before` runs before each batch is counted as handled. */
function follow(kit: IngestionKit, { before, ...options }: Partial<StreamConsumerOptions> & { before?: (offset: number) => Promise<void> | void } = {}): Following {
  const handled: number[] = [];
  const consumer = createStreamConsumer({
    log: kit.log, decoder: kit.decoder, stream: "orders", fromOffset: 0, ...options,
    handle: async (batch) => {
      await before?.(batch.baseOffset);
      handled.push(...batch.rows.map((_, n) => batch.baseOffset + n));
    },
  });
  return { consumer, handled, [Symbol.asyncDispose]: () => consumer.stop().catch(() => undefined) };
}

test("batches come in order from the wanted offset, and what was acknowledged is applied when caughtUp resolves", async () => {
  await using kit = await openIngestionKit();
  await send(kit, 3);
  await using following = follow(kit, { fromOffset: 1 });
  for (let n = 0; n < 20; n++) {
    const { nextOffset } = await send(kit, 2);
    await following.consumer.caughtUp(nextOffset);
    assert.equal(following.handled.at(-1), nextOffset - 1);
  }
  assert.deepEqual(following.handled, Array.from({ length: 42 }, (_, n) => n + 1));
  assert.deepEqual([following.consumer.state, following.consumer.appliedOffset], ["running", 43]);
});

test("live rows are not parsed twice, though the log may wake its readers before its writers", async () => {
  await using kit = await openIngestionKit();
  await using following = follow(kit);
  await Promise.all(Array.from({ length: 50 }, async () => following.consumer.caughtUp((await send(kit, 4)).nextOffset)));
  assert.deepEqual(kit.decoder.statistics(), { sharedRows: 200, parsedRows: 0 });
});

test("a handler that throws ends the consumer; those who wait and those who come later get its error", async () => {
  await using kit = await openIngestionKit();
  await using following = follow(kit, { before: (offset) => { if (offset === 2) throw new Error("bad row"); } });
  const waiting = assert.rejects(following.consumer.caughtUp(3), { message: "bad row" });
  await send(kit, 2);
  await send(kit, 1);
  await send(kit, 1);
  await waiting;
  await following.consumer.caughtUp(2);
  await assert.rejects(following.consumer.caughtUp(4), { message: "bad row" });
  await assert.rejects(following.consumer.stop(), { message: "bad row" });
  assert.deepEqual([following.consumer.state, following.consumer.appliedOffset, following.handled], ["failed", 2, [0, 1]]);
});

test("stopping handles what was durable by then, no more, and turns away who waits for more", async () => {
  await using kit = await openIngestionKit();
  const held = kit.gate();
  await using following = follow(kit, { before: () => held.opened });
  for (let n = 0; n < 3; n++) await send(kit, 2);
  const beyond = assert.rejects(following.consumer.caughtUp(7), { code: "CLOSED" });
  const stopped = following.consumer.stop();
  assert.equal(following.consumer.state, "draining");
  await send(kit, 2);
  held.open();
  await stopped;
  await beyond;
  assert.deepEqual([following.consumer.state, following.handled], ["stopped", [0, 1, 2, 3, 4, 5]]);
  await assert.rejects(following.consumer.caughtUp(8), { code: "CLOSED" });
  await following.consumer.stop();
});

test("an idle consumer stops at once; one with a deadline stops after the batch in hand", async () => {
  await using kit = await openIngestionKit();
  await send(kit);
  await using idle = follow(kit, { fromOffset: 1 });
  await turn();
  await idle.consumer.stop();
  const held = kit.gate();
  await using slow = follow(kit, { before: () => held.opened });
  for (let n = 0; n < 3; n++) await send(kit);
  await turn();
  const stopped = slow.consumer.stop(1);
  setTimeout(held.open, 20);
  await stopped;
  assert.deepEqual([slow.consumer.state, slow.handled], ["stopped", [0]]);
});

test("an abort signal ends it without draining, also one that fired before", async () => {
  await using kit = await openIngestionKit();
  await send(kit);
  const abort = new AbortController();
  await using following = follow(kit, { before: () => abort.abort(), signal: abort.signal });
  for (let n = 0; n < 3; n++) await send(kit);
  await following.consumer.ended;
  assert.deepEqual([following.consumer.state, following.handled], ["stopped", [0]]);
  await using never = follow(kit, { signal: AbortSignal.abort() });
  await never.consumer.ended;
  assert.deepEqual([never.consumer.state, never.handled], ["stopped", []]);
});

test("waiting can be given up by time and by signal, and leaves no trace", async () => {
  await using kit = await openIngestionKit();
  await using following = follow(kit);
  await assert.rejects(following.consumer.caughtUp(1, { timeoutMs: 1 }), { code: "DEADLINE_EXCEEDED", message: /Applying offset 1 of stream "orders"/ });
  const abort = new AbortController();
  const waiting = assert.rejects(following.consumer.caughtUp(1, { signal: abort.signal, timeoutMs: 60_000 }), { code: "ABORTED" });
  abort.abort();
  await waiting;
  await assert.rejects(following.consumer.caughtUp(1, { signal: abort.signal }), { code: "ABORTED" });
});

test("whoever waits is woken when their offset is reached, in whatever order they came", async () => {
  await using kit = await openIngestionKit();
  await using following = follow(kit);
  const woken: number[] = [];
  const all = [3, 1, 2, 3].map(async (offset) => {
    await following.consumer.caughtUp(offset, { timeoutMs: 60_000 });
    woken.push(offset);
  });
  await send(kit);
  await following.consumer.caughtUp(1);
  await turn();
  assert.deepEqual(woken, [1]);
  await send(kit, 2);
  await Promise.all(all);
  assert.deepEqual(woken, [1, 2, 3, 3]);
});

test("a group's checkpoint follows behind and is exact when the consumer has stopped", async () => {
  await using kit = await openIngestionKit();
  await using following = follow(kit, { group: "features" });
  for (let n = 0; n < 10; n++) await send(kit, 3);
  await following.consumer.stop();
  assert.equal(kit.log.checkpoint("orders", "features"), 30);
  await kit.crash();
  assert.equal(kit.log.checkpoint("orders", "features"), 30);
});

test("a checkpoint that cannot be stored fails the consumer", async () => {
  await using kit = await openIngestionKit();
  const log = { ...kit.log, commit: async () => { throw new Error("disk is full"); } };
  await using following = follow(kit, { log, group: "features" });
  await send(kit);
  await following.consumer.ended;
  assert.equal(following.consumer.state, "failed");
  await assert.rejects(following.consumer.caughtUp(9), { message: "disk is full" });
});

test("a log that is gone below the wanted offset is told, not skipped", async () => {
  await using kit = await openIngestionKit();
  const log = { ...kit.log, read: () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error("gone")) }) }) };
  await using following = follow(kit, { log });
  await following.consumer.ended;
  assert.deepEqual([following.consumer.state, String(following.consumer.error)], ["failed", "Error: gone"]);
});
