/** The control loop over the real records, with what it observes and what fails planned by the test. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { z } from "zod";
import { canary, defineApplication, defineEndpoint, defineEntity, defineFeatureView, defineModel, defineStream, count, eachEvent, gate, gradientBoosting, labelValue, onNewData, outcomeFrom } from "../define/index.ts";
import type { Application, Model } from "../define/index.ts";
import { openEmbeddedBlobStore } from "../engines/embedded/blob-store.ts";
import { openDomainDatabase } from "../../test/conformance/domain-database.ts";
import { createManualClock } from "../kernel/clock.ts";
import { isStrataError, StrataError } from "../kernel/errors.ts";
import type { ErrorCode } from "../kernel/errors.ts";
import { createIdSource } from "../kernel/ids.ts";
import { createRandom } from "../kernel/random.ts";
import { createDecisionLog, createExperiments, createRegistry, createRollouts } from "../modelops/index.ts";
import type { GateVerdict, Registry } from "../modelops/index.ts";
import { silentLogger } from "../ports/telemetry.ts";
import type { TrafficPlan } from "../serving/index.ts";
import { createController } from "./controller.ts";
import type { TrainedVersion } from "./controller.ts";
import type { Monitor } from "./monitor.ts";

const DAY_MS = 86_400_000;
const PASSED: readonly GateVerdict[] = [{ gate: { metric: "auc", min: 0.5 }, condition: "min", passed: true, value: 0.9, threshold: 0.5, reason: "0.9 reaches 0.5." }];

function application({ hasEndpoint = true, retrains = false } = {}): Application {
  const sales = defineStream("sales", { schema: z.object({ customer: z.string(), price: z.number(), decision: z.string().optional() }) });
  const customer = defineEntity("customer");
  const activity = defineFeatureView("activity", { entities: [customer], from: sales, by: (e) => ({ customer: e.customer }), features: () => ({ sales: count() }) });
  const model = defineModel("buyer", {
    features: [activity], examples: eachEvent(sales, { keys: (e) => ({ customer: e.customer }) }), label: labelValue(sales, (e) => e.price),
    trainer: gradientBoosting({ objective: "binary" }), gates: [gate("auc", { min: 0.5 })], retrain: retrains ? [onNewData({ events: 10 })] : [],
  });
  const endpoint = defineEndpoint("ask", {
    model, request: z.object({ customer: z.string() }), keys: { customer: "customer" },
    rollout: canary({ steps: [0.5], shadowRequests: 10, minimumOutcomes: 100, maximumOutcomes: 1_000 }),
    outcome: outcomeFrom(sales, { decision: (e) => e.decision, within: "1h" }),
  });
  return defineApplication("shop", hasEndpoint ? [endpoint] : [model]);
}

/** Rewards by version; the shadow always does well. */
interface Observed {
  rewards: Record<number, { readonly n: number; readonly mean: number }>;
}

async function openLoop(options: { readonly retrains?: boolean } = {}) {
  const folder = await mkdtemp(join(tmpdir(), "strata-controller-"));
  const clock = createManualClock(1_000_000);
  const database = await openDomainDatabase({ file: join(folder, "strata.db") });
  const blobs = await openEmbeddedBlobStore({ folder: join(folder, "blobs") });
  const trees = await blobs.put(Buffer.from("trees"));
  const shared = { database, blobs, clock, ids: createIdSource(clock, createRandom(1).next) };
  const [experiments, records, rollouts, decisions] = [createExperiments(shared), createRegistry(shared), createRollouts(shared), createDecisionLog(shared)];
  for (const record of [experiments, records, rollouts, decisions]) await record.open();
  const observed: Observed = { rewards: {} };
  const fault: { inRegistry: string | undefined; inServe: boolean } = { inRegistry: undefined, inServe: false };
  const definition = { current: application(options) };
  const served: (readonly (number | undefined)[])[] = [];
  let trainings = 0;

  const registry: Registry = {
    ...records,
    moveAlias: (request) => (fault.inRegistry === request.alias ? Promise.reject(new Error("the disk is full")) : records.moveAlias(request)),
  };
  const monitor: Monitor = {
    start: () => Promise.resolve(), settle: () => new Promise((resolve) => setImmediate(resolve)), checkpoint: () => Promise.resolve(),
    rewards: (_, { version }) => {
      const { n = 0, mean = 0 } = observed.rewards[version] ?? {};
      return { n, sum: n * mean, sumSquares: n * mean };
    },
    failures: () => ({ answers: 100, fallbacks: 0, errors: 0 }),
    shadow: () => ({ requests: 10, errors: 0, p99Ms: 1, championP99Ms: 1, scoreDifference: 0.1 }),
    performance: () => [], drift: () => [], traffic: () => [], [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const train = async (): Promise<TrainedVersion> => {
    trainings += 1;
    const version = await records.registerVersion({
      model: "buyer", run: `run-${trainings}`, artifacts: { trees }, definitionHash: "d", codeHash: "c", snapshot: "s",
      environment: { node: "24", strata: "0", platform: "test" }, metrics: {}, signature: { inputs: [], outputs: 1 },
    });
    return { version, passed: true, gates: PASSED, reason: "all passed" };
  };
  const serve = (_: string, { champion, challenger }: TrafficPlan): Promise<void> => {
    if (fault.inServe) return Promise.reject(new StrataError("BLOB_CORRUPT", { digest: "abc" }));
    served.push([champion, challenger]);
    return Promise.resolve();
  };
  const open = () => createController({
    application: () => definition.current, monitor, registry, experiments, rollouts, decisions, clock, logger: silentLogger, dailyTrainings: 5,
    newEvents: () => 100, dataQuality: () => ({ ok: true, reason: "" }), train, serve,
  });
  const model = (): Model => definition.current.models.get("buyer")!;
  const control = open();
  return {
    clock, control, registry, rollouts, decisions, observed, fault, definition, served, model, open,
    trainNow: () => control.train(model(), { kind: "manual", reason: "now" }),
    verdicts: async () => (await decisions.list({ limit: 100 })).decisions.map(({ kind, verdict }) => `${kind} ${verdict}`).toReversed(),
    trainings: () => trainings,
    [Symbol.asyncDispose]: async () => {
      await database.close();
      await rm(folder, { recursive: true });
    },
  };
}

const hasCode = (code: ErrorCode) => (thrown: unknown): boolean => isStrataError(thrown) && thrown.code === code;

/** Version 1 is champion, version 2 in its canary phase. */
async function openTrial() {
  const loop = await openLoop();
  await loop.trainNow();
  await loop.trainNow();
  await loop.control.tick();
  assert.equal((await loop.rollouts.activeOf("buyer"))?.phase, "canary");
  return loop;
}

test("the first version that passes becomes champion, the second goes on trial, and serving follows", async () => {
  await using loop = await openTrial();
  assert.deepEqual(await loop.registry.aliases("buyer"), { champion: 1, challenger: 2 });
  assert.deepEqual(loop.served, [[1, undefined], [1, 2], [1, 2]]);
  assert.deepEqual(await loop.verdicts(), ["training started", "gate passed", "alias champion", "training started", "gate passed", "rollout start", "rollout start-canary"]);
  assert.deepEqual({ ...loop.control.trafficPlan("buyer"), salt: "" }, { champion: 1, challenger: 2, canaryShare: 0.5, isShadowing: false, salt: "" });
});

test("a version trained during a trial is registered and does not disturb it", async () => {
  await using loop = await openTrial();
  const { version } = await loop.trainNow();
  assert.equal(version, 3);
  assert.deepEqual(await loop.registry.aliases("buyer"), { champion: 1, challenger: 2 });
  const [skipped] = (await loop.decisions.list({ limit: 1 })).decisions;
  assert.equal(skipped?.verdict, "skipped");
  assert.match(skipped.reason, /^Version 3 passed its gates and does not go on trial: version 2 is on trial against version 1\.$/);
});

test("a promotion whose alias could not be moved is carried out by the next round, also of another process", async () => {
  await using loop = await openTrial();
  loop.observed.rewards = { 1: { n: 500, mean: 0.2 }, 2: { n: 500, mean: 0.6 } };
  loop.fault.inRegistry = "champion";
  await assert.rejects(loop.control.tick(), /the disk is full/);
  assert.equal((await loop.rollouts.list({ model: "buyer", limit: 1 })).rollouts[0]?.phase, "promoted");
  assert.deepEqual(await loop.registry.aliases("buyer"), { champion: 1, challenger: 2 });

  loop.fault.inRegistry = undefined;
  const other = loop.open();
  await other.start();
  await other.tick();
  assert.deepEqual(await loop.registry.aliases("buyer"), { champion: 2, previous: 1 });
  assert.equal(other.trafficPlan("buyer").champion, 2);
  const evidence = (await loop.registry.evidence("buyer")).at(-1)!;
  assert.equal((evidence.decision as { readonly action: string }).action, "promote");
  await other.tick();
  assert.equal((await loop.verdicts()).filter((verdict) => verdict === "rollout promote").length, 1);
});

test("a rollback that is refused leaves the trial alone; one that is allowed ends it", async () => {
  await using loop = await openTrial();
  const before = await loop.rollouts.activeOf("buyer");
  await assert.rejects(loop.control.rollback("buyer", "no reason to", "ada"), hasCode("ALIAS_REFUSED"));
  assert.deepEqual(await loop.rollouts.activeOf("buyer"), before);
  assert.deepEqual(await loop.registry.aliases("buyer"), { champion: 1, challenger: 2 });

  loop.observed.rewards = { 1: { n: 500, mean: 0.2 }, 2: { n: 500, mean: 0.6 } };
  await loop.control.tick();
  await loop.trainNow();
  assert.deepEqual(await loop.registry.aliases("buyer"), { champion: 2, previous: 1, challenger: 3 });
  await loop.control.rollback("buyer", "complaints", "ada");
  assert.deepEqual(await loop.registry.aliases("buyer"), { champion: 1, previous: 2 });
  assert.equal(await loop.rollouts.activeOf("buyer"), undefined);
  assert.deepEqual({ ...loop.control.trafficPlan("buyer"), salt: "" }, { champion: 1, challenger: undefined, canaryShare: 0, isShadowing: false, salt: "" });
});

test("cancelling needs a trial and a reason", async () => {
  await using loop = await openTrial();
  await assert.rejects(loop.control.cancelRollout("buyer", " ", "ada"), hasCode("ALIAS_REFUSED"));
  assert.equal((await loop.rollouts.activeOf("buyer"))?.phase, "canary");
  await loop.control.cancelRollout("buyer", "wrong data", "ada");
  assert.deepEqual(await loop.registry.aliases("buyer"), { champion: 1 });
  await assert.rejects(loop.control.cancelRollout("buyer", "wrong data", "ada"), hasCode("ROLLOUT_NOT_FOUND"));
});

test("a trial ends when its endpoint is no longer defined, or when the champion is another", async () => {
  await using loop = await openTrial();
  loop.definition.current = application({ hasEndpoint: false });
  await loop.control.tick();
  assert.deepEqual(await loop.registry.aliases("buyer"), { champion: 1 });
  assert.match((await loop.decisions.list({ limit: 1 })).decisions[0]!.reason, /"ask" is no longer defined/);

  loop.definition.current = application();
  await loop.trainNow();
  await loop.registry.moveAlias({ model: "buyer", alias: "champion", version: 2, gates: PASSED, reason: "by hand", actor: "ada" });
  await loop.control.tick();
  assert.deepEqual(await loop.registry.aliases("buyer"), { champion: 2, previous: 1 });
  assert.match((await loop.decisions.list({ limit: 1 })).decisions[0]!.reason, /The champion is version 2 and no more version 1/);
});

test("a promoted champion is watched, settles once, and a restart does not judge it again", async () => {
  await using loop = await openTrial();
  loop.observed.rewards = { 1: { n: 500, mean: 0.4 }, 2: { n: 500, mean: 0.6 } };
  await loop.control.tick();
  loop.clock.advance(2 * DAY_MS);
  await loop.control.tick();
  assert.equal((await loop.verdicts()).at(-1), "rollout settled");

  loop.observed.rewards = { 1: { n: 500, mean: 0.4 }, 2: { n: 5_000, mean: 0.1 } };
  const other = loop.open();
  await other.start();
  await other.tick();
  assert.deepEqual(await loop.registry.aliases("buyer"), { champion: 2, previous: 1 });
  assert.equal((await loop.verdicts()).at(-1), "rollout settled");
});

test("a promoted champion that falls while it is watched is rolled back", async () => {
  await using loop = await openTrial();
  loop.observed.rewards = { 1: { n: 500, mean: 0.4 }, 2: { n: 500, mean: 0.6 } };
  await loop.control.tick();
  loop.observed.rewards = { 1: { n: 500, mean: 0.4 }, 2: { n: 2_000, mean: 0.1 } };
  await loop.control.tick();
  assert.deepEqual(await loop.registry.aliases("buyer"), { champion: 1, previous: 2 });
  assert.match((await loop.decisions.list({ limit: 1 })).decisions[0]!.reason, /fell below the champion before it/);
});

test("two rounds asked for at once decide once", async () => {
  await using loop = await openLoop({ retrains: true });
  await loop.trainNow();
  await Promise.all([loop.control.tick(), loop.control.tick(), loop.control.tick()]);
  await loop.control.idle();
  assert.equal(loop.trainings(), 2);
  assert.equal((await loop.verdicts()).filter((verdict) => verdict === "trigger retrain").length, 1);
});

test("a version that cannot be loaded keeps nobody from starting", async () => {
  await using loop = await openLoop();
  await loop.trainNow();
  loop.fault.inServe = true;
  const other = loop.open();
  await other.start();
  assert.equal(other.trafficPlan("buyer").champion, 1);
});
