/**
 * The whole loop, twice. First a planted change that a new version copes with better: drift, retraining, shadow,
 * canary, a restart in the middle of it, promotion. Then a version that people dislike and one that learned nothing:
 * both are stopped, each with its reason.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createRandom, createReplayClock } from "strata/testing";
import type { ManualClock, Platform } from "strata/testing";
import application from "./maintenance-app.ts";
import { WINTER, createMaintenanceWorld, isRight } from "./maintenance-world.ts";
import type { Judge, MaintenanceWorld } from "./maintenance-world.ts";
import { openTestPlatform, temporaryFolder } from "./platform-kit.ts";

/** Scored rows of a drift window: two of them show both calm and change. */
const WINDOW = 1_000;
/** An answer's reward counts when its outcome window of 5 minutes has passed. */
const OUTCOME_MS = 6 * 60_000;

interface Story {
  platform: Platform;
  readonly clock: ManualClock;
  readonly world: MaintenanceWorld;
}

test("the loop turns: drift, retraining, a trial that wins, a trial that loses, a version that fails its gate, rollback", { timeout: 120_000 }, async (context) => {
  await using folder = await temporaryFolder();
  const clock = createReplayClock(Date.UTC(2026, 0, 5));
  const open = () => openTestPlatform(application, { dataDir: folder.path, clock });
  const story: Story = { platform: await open(), clock, world: createMaintenanceWorld(createRandom("loop"), clock) };
  await using stack = new AsyncDisposableStack();
  stack.defer(() => story.platform.close());
  const restart = async (): Promise<void> => {
    await story.platform.close();
    story.platform = await open();
  };

  await context.test("history makes a champion, with evidence", () => firstChampion(story));
  await context.test("drift is told, and retrains once the cool-down has passed", () => driftRetrains(story));
  await context.test("shadow, canary, a restart on the way, promotion", () => betterIsPromoted(story, restart));
  await context.test("a challenger that people dislike is rejected", () => worseIsRejected(story));
  await context.test("a version that learned nothing fails its gate and meets no traffic", () => gateStops(story));
  await context.test("rollback, and everything proves itself after another restart", () => rollbackAndProof(story, restart));
});

async function firstChampion({ platform, world }: Story): Promise<void> {
  await world.history(platform, 1_200);
  const unserved = await platform.endpoints.answer("guess", { machine: "m1" });
  assert.deepEqual([unserved.variant, unserved.version, unserved.outputs], ["fallback", 0, [0.5]]);
  const report = await platform.train("wear", { reason: "the first one" });
  assert.deepEqual([report.version, report.passed, report.rows], [1, true, 1_200]);
  assert.deepEqual(await platform.registry.aliases("wear"), { champion: 1 });
  const [record] = await platform.registry.evidence("wear");
  assert.deepEqual([record?.version, record?.alias, record?.gates.every(({ passed }) => passed), record?.run], [1, "champion", true, report.run]);
  const { snapshot } = await platform.experiments.run(report.run);
  assert.deepEqual((await platform.lake.snapshots()).find(({ id }) => id === snapshot)?.pins, [`run ${report.run}`]);
  await assert.rejects(platform.lake.forgetSnapshot(snapshot), { code: "SNAPSHOT_PINNED" });
  await platform.lake.collect({ olderThanMs: 0 });
  assert.equal((await platform.lake.openSnapshot(snapshot)).id, snapshot);
}

async function driftRetrains({ platform, world, clock }: Story): Promise<void> {
  const right = await world.live(platform, WINDOW);
  assert.ok(right > 850, `${right} of ${WINDOW} right in the summer it was trained on`);
  await platform.control.tick();
  assert.deepEqual(await verdicts(platform, "alert"), ["stable"]);

  world.regime = WINTER;
  const wrong = await world.live(platform, WINDOW);
  assert.ok(wrong < 650, `${wrong} of ${WINDOW} right in a winter it never saw`);
  await platform.control.tick();
  const [alert] = await decisionsOf(platform, "alert");
  assert.equal(alert?.verdict, "drift");
  assert.match(alert.reason, /Version 1, 1000 scored rows.*heat\.now: PSI is \d/);
  const [blocked] = await decisionsOf(platform, "trigger");
  assert.equal(blocked?.verdict, "blocked");
  assert.match(blocked.reason, /the cool-down is 1h/);

  clock.advance(3_600_000);
  await platform.control.tick();
  await platform.control.idle();
  const [retrain] = await decisionsOf(platform, "trigger");
  assert.equal(retrain?.verdict, "retrain");
  assert.match(retrain.reason, /drift: [12] of 3 features/);
  assert.deepEqual(await platform.registry.aliases("wear"), { champion: 1, challenger: 2 });
  const { runs } = await platform.experiments.listRuns({ model: "wear", limit: 10 });
  assert.deepEqual(runs.map(({ status, trigger }) => [status, trigger.kind]), [["finished", "drift"], ["finished", "manual"]]);
}

async function betterIsPromoted(story: Story, restart: () => Promise<void>): Promise<void> {
  await trial(story, "start-canary");
  await story.world.live(story.platform, 50);
  const before = await remembered(story);
  assert.ok(before.rewards.n >= 1_000, "the champion's rewards are counted");
  await restart();
  await story.platform.monitor.settle();
  assert.deepEqual(await remembered(story), before, "what the platform knew is what it knows");

  await trial(story, "promote");
  const { platform } = story;
  assert.deepEqual(await platform.registry.aliases("wear"), { champion: 2, previous: 1 });
  const [promoted] = await decisionsOf(platform, "rollout");
  assert.match(promoted!.reason, /^The challenger is promoted: challenger mean reward 0\.\d+ over \d+ outcomes, champion mean reward (?:0\.\d+|1) over \d+ outcomes\./);
  const { rollouts } = await platform.rollouts.list({ model: "wear", limit: 10 });
  assert.deepEqual(rollouts.map(({ phase, challenger, champion }) => [phase, challenger, champion]), [["promoted", 2, 1]]);
  assert.deepEqual(rollouts[0]?.decisions.map(({ action }) => action), ["start", "start-canary", "promote"]);
  const right = await story.world.live(platform, 100);
  assert.ok(right > 80, `${right} of 100 right by the version that knows winter`);
}

async function worseIsRejected(story: Story): Promise<void> {
  const { platform } = story;
  const { version, passed, gates } = await platform.train("wear", { reason: "another look" });
  assert.deepEqual([version, passed], [3, true], gates.map(({ reason }) => reason).join(" "));
  const disliked: Judge = (answer, visit) => (answer.variant === "canary" ? 0 : isRight(answer, visit));
  await trial(story, "reject", disliked);
  assert.deepEqual(await platform.registry.aliases("wear"), { champion: 2, previous: 1 });
  const [rejected] = await decisionsOf(platform, "rollout");
  assert.match(rejected!.reason, /^The challenger is worse: challenger mean reward 0 over \d+ outcomes, champion mean reward (?:0\.\d+|1) over/);
  const answers = await Promise.all(Array.from({ length: 40 }, (_, at) => platform.endpoints.answer("guess", { machine: `m${at}` })));
  assert.ok(answers.every(({ version: by, variant }) => by === 2 && variant === "champion"), "the rejected version meets no traffic");
}

async function gateStops({ platform, world, clock }: Story): Promise<void> {
  world.regime = { ...WINTER, worn: "chance" };
  clock.advance(2_000_000);
  await world.history(platform, 2_000);
  const report = await platform.train("wear", { reason: "on noise" });
  assert.deepEqual([report.version, report.passed], [4, false]);
  const [gate] = await decisionsOf(platform, "gate");
  assert.equal(gate?.verdict, "failed");
  assert.match(gate.reason, /^Version 4: \d of 2 gate conditions failed\. auc of 0\.[45]\d* /);
  assert.deepEqual(await platform.registry.aliases("wear"), { champion: 2, previous: 1 });
  assert.equal(await platform.rollouts.activeOf("wear"), undefined);
  await assert.rejects(
    platform.registry.moveAlias({ model: "wear", alias: "champion", version: 4, gates: gate.details as [], reason: "I want it", actor: "ada" }),
    { code: "ALIAS_REFUSED" },
  );
}

async function rollbackAndProof(story: Story, restart: () => Promise<void>): Promise<void> {
  await story.platform.control.rollback("wear", "inspectors miss the old one", "ada");
  await restart();
  const { platform } = story;
  assert.deepEqual(await platform.registry.aliases("wear"), { champion: 1, previous: 2 });
  assert.equal((await platform.endpoints.answer("guess", { machine: "m1" })).version, 1);

  const records = await platform.registry.evidence("wear");
  assert.deepEqual(records.map(({ changes: [first], actor }) => `${first!.alias} ${first!.from ?? "-"}→${first!.to ?? "-"} ${actor}`), [
    "champion -→1 strata-controller", "challenger -→2 strata-controller", "champion 1→2 strata-controller",
    "challenger -→3 strata-controller", "challenger 3→- strata-controller", "champion 2→1 ada",
  ]);
  assert.deepEqual(records.at(-1)?.reason, "inspectors miss the old one");
  const check = await platform.registry.verifyEvidence("wear");
  assert.deepEqual([check.ok, check.records], [true, 6]);

  const audit = await platform.audit({ limit: 100_000 });
  assert.ok(audit.rows > 2_100, `${audit.rows} rows`);
  assert.deepEqual({ mismatches: audit.mismatches, skipped: audit.skipped, values: audit.checked }, { mismatches: 0, skipped: 0, values: audit.rows * 3 });
}

/** Visits and ticks until the rollout does this; anything else than on the way to it fails. */
async function trial(story: Story, wanted: "start-canary" | "promote" | "reject", judge: Judge = isRight): Promise<void> {
  for (let round = 0; round < 30; round++) {
    await story.world.live(story.platform, 50, judge);
    story.clock.advance(OUTCOME_MS);
    await story.platform.control.tick();
    const latest = (await decisionsOf(story.platform, "rollout"))[0]!;
    if (latest.verdict === wanted) return;
    assert.ok(["start", "start-canary", "raise-share"].includes(latest.verdict), `${latest.verdict}: ${latest.reason}`);
  }
  assert.fail(`no ${wanted} after 30 rounds`);
}

async function decisionsOf(platform: Platform, kind: "alert" | "trigger" | "rollout" | "gate") {
  return (await platform.decisions.list({ kind, subject: "wear", limit: 100 })).decisions;
}

async function verdicts(platform: Platform, kind: "alert"): Promise<readonly string[]> {
  return (await decisionsOf(platform, kind)).map(({ verdict }) => verdict).toReversed();
}

/** What must survive a restart, as one comparable value. */
async function remembered({ platform, clock }: Story) {
  await platform.monitor.settle();
  await platform.features.fresh(["readings"]);
  const keys = Array.from({ length: 200 }, (_, at) => [`m${at * 7}`]);
  return {
    aliases: await platform.registry.aliases("wear"),
    rollout: await platform.rollouts.activeOf("wear"),
    traffic: platform.control.trafficPlan("wear"),
    features: platform.features.read({ view: "heat", keys, atMs: clock.now() }),
    offset: platform.features.appliedOffset("readings"),
    answers: platform.monitor.traffic("guess"),
    rewards: platform.monitor.rewards("guess", { version: 1 }),
    performance: platform.monitor.performance("guess", 86_400_000),
    shadow: platform.monitor.shadow("guess", 2, 0),
    failures: platform.monitor.failures("guess", { sinceMs: 0 }),
    drift: JSON.parse(JSON.stringify(platform.monitor.drift("wear"))) as unknown,
  };
}
