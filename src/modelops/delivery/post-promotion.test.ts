import assert from "node:assert/strict";
import { test } from "node:test";
import { canary } from "../../define/index.ts";
import { createRandom } from "../../kernel/random.ts";
import { decideCanary } from "../../observe/index.ts";
import { decideRollback } from "./post-promotion.ts";
import type { WatchObservation } from "./post-promotion.ts";

const HOUR_MS = 3_600_000;
const RULES = { policy: canary({ margin: 0.1, minimumOutcomes: 200, maximumOutcomes: 20_000 }), decideCanary };
const rewards = (n: number, rate: number) => ({ n, sum: Math.round(n * rate), sumSquares: Math.round(n * rate) });
const WATCH: WatchObservation = { model: "ranker", nowMs: 6 * HOUR_MS, promotedAtMs: 0, watchMs: 24 * HOUR_MS, champion: 2, previous: 1, before: rewards(3_000, 0.1), after: rewards(1_000, 0.1) };

test("a champion that holds is watched, then settled", () => {
  const watched = decideRollback(WATCH, RULES);
  assert.equal(watched.action, "watch");
  assert.match(watched.reason, /^Version 2 of "ranker" is watched: mean reward 0\.1 over 1000 outcomes, 0\.1 over 3000 outcomes of version 1 before it \(6h of 1d watched\)\./);
  assert.equal(decideRollback({ ...WATCH, nowMs: 24 * HOUR_MS }, RULES).action, "settled");
});

test("a champion that fell goes back, also at the very end of the window", () => {
  const { action, reason } = decideRollback({ ...WATCH, after: rewards(1_000, 0.04), nowMs: 25 * HOUR_MS }, RULES);
  assert.equal(action, "rollback");
  assert.match(reason, /^Version 2 of "ranker" fell below the champion before it and goes back to version 1: mean reward 0\.04 over 1000 outcomes, .* The canary is worse/);
});

test("too few outcomes decide nothing, and without an earlier champion there is nothing to go back to", () => {
  const few = decideRollback({ ...WATCH, after: rewards(199, 0) }, RULES);
  assert.deepEqual([few.action, few.reason], ["watch", 'Version 2 of "ranker" has 199 outcomes since its promotion and the champion before it has 3000 recorded; 200 each are needed to judge (6h of 1d watched).']);
  assert.equal(decideRollback({ ...WATCH, after: rewards(199, 0), nowMs: 24 * HOUR_MS }, RULES).action, "settled");
  assert.deepEqual(decideRollback({ ...WATCH, previous: undefined, after: rewards(9_000, 0) }, RULES),
    { action: "settled", reason: 'Version 2 of "ranker" is not watched: there is no earlier champion to return to.' });
});

test("looking after every 50 outcomes, an equal champion is rolled back in at most 5 % of 200 watches", () => {
  const random = createRandom("watch");
  let rollbacks = 0;
  for (let run = 0; run < 200; run++) {
    const draw = (n: number): number => Array.from({ length: n }, () => (random.next() < 0.1 ? 1 : 0)).filter((value) => value === 1).length;
    const before = draw(1_000);
    for (let n = 0, sum = 0; n < 4_000; n += 50) {
      sum += draw(50);
      const { action } = decideRollback({ ...WATCH, before: { n: 1_000, sum: before, sumSquares: before }, after: { n: n + 50, sum, sumSquares: sum } }, RULES);
      if (action !== "rollback") continue;
      rollbacks++;
      break;
    }
  }
  assert.ok(rollbacks <= 10, `${rollbacks} of 200`);
});
