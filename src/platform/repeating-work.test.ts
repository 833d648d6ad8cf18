import assert from "node:assert/strict";
import { test } from "node:test";
import type { Logger } from "../ports/telemetry.ts";
import { repeatWork } from "./repeating-work.ts";

function collect() {
  const lines: string[] = [];
  const logger: Logger = { log: (level, message) => { lines.push(`${level} ${message}`); } };
  return { lines, logger };
}

async function until(look: () => boolean): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!look()) {
    assert.ok(performance.now() < deadline, "it did not happen");
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

test("work repeats, never two rounds at once, and a failure is logged and tried again", async () => {
  const { lines, logger } = collect();
  let rounds = 0, running = 0;
  const repeating = repeatWork({
    name: "counting", everyMs: 1, logger,
    work: async () => {
      running += 1;
      assert.equal(running, 1);
      await new Promise((resolve) => setTimeout(resolve, 3));
      running -= 1;
      rounds += 1;
      if (rounds === 2) throw new Error("once");
    },
  });
  await until(() => rounds >= 4);
  await repeating[Symbol.asyncDispose]();
  assert.deepEqual(lines, ["error counting failed; it is tried again in 1 ms"]);
  const after = rounds;
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(rounds, after, "nothing repeats after it was stopped");
});

test("stopping waits for the round in hand, and ends a long wait at once", async () => {
  const { lines, logger } = collect();
  let state = "waiting";
  const busy = repeatWork({ name: "busy", everyMs: 1, logger, work: async () => {
    state = "working";
    await new Promise((resolve) => setTimeout(resolve, 20));
    state = "done";
  } });
  await until(() => state === "working");
  await busy[Symbol.asyncDispose]();
  assert.equal(state, "done");
  const idle = repeatWork({ name: "idle", everyMs: 3_600_000, logger, work: () => assert.fail("too early") });
  await idle[Symbol.asyncDispose]();
  assert.deepEqual(lines, []);
});
