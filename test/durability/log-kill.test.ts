/** SIGKILL at random moments under load, 50 rounds (STRATA_KILL_ROUNDS): every acknowledged record is there exactly once. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { temporaryFolder } from "../conformance/temporary-folder.ts";
import { runKillRounds } from "./log-rounds.ts";

const rounds = Number(process.env["STRATA_KILL_ROUNDS"] ?? 50);

test(`the event log loses nothing in ${rounds} kills`, async (t) => {
  await using folder = await temporaryFolder();
  const result = await runKillRounds(folder.path, { rounds, seed: "log-kill" });
  const recovery = result.recoveryMs.toSorted((a, b) => a - b);
  t.diagnostic(`${result.acknowledged} appends acknowledged, ${result.lost} lost, ${result.unacknowledged} found unacknowledged, ${result.tornTails} torn tails cut`);
  t.diagnostic(`recovery ms: median ${recovery[recovery.length >> 1]?.toFixed(1)}, max ${recovery.at(-1)?.toFixed(1)}`);
  assert.equal(result.lost, 0);
  assert.ok(result.acknowledged > rounds * 10, "the load did work");
});
