/** Three kill rounds of test/durability/log-kill.test.ts, so that every test run has a few. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runKillRounds } from "../durability/log-rounds.ts";
import { temporaryFolder } from "./temporary-folder.ts";

test("the embedded event log loses nothing when its process is killed under load", async () => {
  await using folder = await temporaryFolder();
  const { acknowledged, lost } = await runKillRounds(folder.path, { rounds: 3, seed: "three kills" });
  assert.equal(lost, 0);
  assert.ok(acknowledged > 30, `only ${acknowledged} appends were acknowledged`);
});
