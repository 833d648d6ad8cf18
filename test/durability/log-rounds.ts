/** Kill rounds on one event log: load, SIGKILL at a random moment, reopen, check. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { openEmbeddedEventLog } from "../../src/engines/embedded/event-log.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { createRandom } from "../../src/kernel/random.ts";
import { runUntilKilled, type KillPlan } from "./kill.ts";
import { checkItems } from "./log-items.ts";
import { countItems, countLost, parseAcknowledged } from "./sequences.ts";

export const LOG_LOAD = fileURLToPath(new URL("log-load.ts", import.meta.url));

export interface KillRounds {
  readonly acknowledged: number;
  readonly lost: number;
  /** Items found that had not been acknowledged: allowed, at most one per producer and round. */
  readonly unacknowledged: number;
  readonly tornTails: number;
  /** How long opening took after each kill. */
  readonly recoveryMs: readonly number[];
}

const PRODUCERS = 8;
const KEPT_BYTES = 64 * 1024 * 1024;

/** Runs the rounds; `lost` must be 0. Wrong, doubled or misplaced records throw. */
export async function runKillRounds(folder: string, options: { readonly rounds: number; readonly seed: string }): Promise<KillRounds> {
  const random = createRandom(options.seed);
  const total = { acknowledged: 0, lost: 0, unacknowledged: 0, tornTails: 0, recoveryMs: [] as number[] };
  let nextOffset = 0;
  for (let round = 0; round < options.rounds; round++) {
    const early = round % 5 === 4; // also while the log is being opened
    const plan: KillPlan = early ? { after: "spawn", ms: 60 + random.integer(200) } : { after: "ready", ms: 20 + random.integer(300) };
    const acknowledged = parseAcknowledged(await runUntilKilled(LOG_LOAD, [folder, String(round), String(PRODUCERS), "0"], plan));
    const startMs = performance.now();
    await using log = await openEmbeddedEventLog({ folder, clock: systemClock });
    total.recoveryMs.push(performance.now() - startMs);
    const found = await checkItems(log, round, nextOffset);
    const foundCount = [...found.values()].reduce((sum, count) => sum + count, 0);
    total.acknowledged += countItems(acknowledged);
    total.lost += countLost(acknowledged, found);
    total.unacknowledged += foundCount - countItems(acknowledged);
    assert.ok(log.checkpoint("clicks", "consumer") >= acknowledged.checkpoint, "a committed checkpoint is kept");
    const damage = await log.verify("clicks");
    assert.ok(damage.every((one) => one.kind === "torn-tail"), JSON.stringify(damage));
    total.tornTails += damage.length;
    nextOffset = log.statistics("clicks").nextOffset;
    await log.retain("clicks", { maxBytes: KEPT_BYTES });
  }
  return total;
}
