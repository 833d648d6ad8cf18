/** Operations: progress, cancelling, going on after a crash from the cursor, and work of clients. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../../../test/conformance/temporary-folder.ts";
import { openSqliteDatabase } from "../../engines/sqlite/database.ts";
import { createManualClock } from "../../kernel/clock.ts";
import { StrataError } from "../../kernel/errors.ts";
import { createIdSource } from "../../kernel/ids.ts";
import { silentLogger } from "../../ports/telemetry.ts";
import { createOperations, type OperationHandler } from "./operations.ts";

async function openKit(file: string, handlers: Record<string, OperationHandler>) {
  const clock = createManualClock(1_000_000);
  const database = await openSqliteDatabase({ file });
  const operations = createOperations({ database, clock, ids: createIdSource(clock, () => 0.5), logger: silentLogger, handlers });
  await operations.open();
  return { clock, operations, [Symbol.asyncDispose]: async () => { await operations.close(); await database.close(); } };
}

const untilAborted = (signal: AbortSignal): Promise<never> => new Promise((_, reject) => signal.addEventListener("abort", () => reject(new StrataError("ABORTED", { what: "Work" })), { once: true }));

test("an operation tells its progress, rate and time left, and how it ended", async () => {
  await using folder = await temporaryFolder();
  const gate = Promise.withResolvers<void>();
  await using kit = await openKit(join(folder.path, "db"), {
    replay: async (_, { report }) => {
      report({ done: 250, total: 1_000 });
      await gate.promise;
      report({ done: 1_000, total: 1_000 });
      return { same: 7 };
    },
    broken: async () => { throw new StrataError("STREAM_NOT_FOUND", { stream: "x", known: "" }); },
  });
  const { clock, operations } = kit;
  const { id } = await operations.start("replay", "big", { derived: "big" });
  clock.advance(500);
  const { state, done, total, perSecond, leftMs } = await operations.get(id);
  assert.deepEqual({ state, done, total, perSecond, leftMs }, { state: "running", done: 250, total: 1_000, perSecond: 500, leftMs: 1_500 });
  gate.resolve();
  await operations.ended(id);
  const ended = await operations.get(id);
  assert.deepEqual([ended.state, ended.done, ended.result, ended.input], ["done", 1_000, { same: 7 }, { derived: "big" }]);
  await assert.rejects(operations.cancel(id), { code: "OPERATION_REFUSED" });
  const failing = await operations.start("broken", "x", {});
  await operations.ended(failing.id);
  assert.deepEqual(await operations.get(failing.id).then(({ state: end, reason }) => [end, reason]), ["failed", "There is no stream named \"x\"."]);
  assert.deepEqual((await operations.list({ state: "done" })).map((one) => one.id), [id]);
  await assert.rejects(operations.get("none"), { code: "OPERATION_NOT_FOUND" });
});

test("closing interrupts; the next opening goes on from the last cursor; cancelling ends for good", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "db");
  const cursors: unknown[] = [];
  const handlers: Record<string, OperationHandler> = {
    replay: async (_, { cursor, report, signal }) => {
      cursors.push(cursor);
      if (cursor === undefined) kitClock.advance(5_000);
      report({ done: 10, total: 20, cursor: { at: 10 } });
      return untilAborted(signal);
    },
  };
  let kitClock = createManualClock();
  let id: string;
  {
    await using kit = await openKit(file, handlers);
    kitClock = kit.clock;
    ({ id } = await kit.operations.start("replay", "big", {}));
  }
  await using kit = await openKit(file, handlers);
  assert.deepEqual(cursors, [undefined, { at: 10 }]);
  const going = await kit.operations.get(id);
  assert.deepEqual([going.state, going.done], ["running", 10]);
  assert.equal((await kit.operations.cancel(id)).state, "cancelled");
  assert.deepEqual((await kit.operations.list({ state: "running" })).length, 0);
});

test("a client reports the work it does; the platform's own is not for it to report", async () => {
  await using folder = await temporaryFolder();
  await using kit = await openKit(join(folder.path, "db"), { replay: (_, { signal }) => untilAborted(signal) });
  const { operations } = kit;
  const backfill = await operations.start("backfill", "clicks", { file: "history.ndjson" });
  assert.equal((await operations.progress(backfill.id, { done: 5, total: 10, state: "running" })).done, 5);
  assert.equal((await operations.progress(backfill.id, { done: 10, total: 10, state: "done" })).state, "done");
  await assert.rejects(operations.progress(backfill.id, { done: 1, total: 1, state: "running" }), { code: "OPERATION_REFUSED" });
  const own = await operations.start("replay", "big", {});
  await assert.rejects(operations.progress(own.id, { done: 1, total: 1, state: "done" }), { code: "OPERATION_REFUSED" });
});
