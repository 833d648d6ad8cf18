import assert from "node:assert/strict";
import { test } from "node:test";
import { createManualClock, systemClock } from "../../kernel/clock.ts";
import { StrataError, isStrataError } from "../../kernel/errors.ts";
import type { ErrorCode } from "../../kernel/errors.ts";
import { createRandom } from "../../kernel/random.ts";
import type { Tensor } from "../../kernel/tensor.ts";
import type { InferenceModel, InferenceOptions } from "../../ports/inference-model.ts";
import { createReplicaSet } from "./replica-set.ts";
import type { ReplicaSetOptions } from "./replica-set.ts";

const INPUT: readonly Tensor[] = [{ name: "x", datatype: "FP32", shape: [1, 1], data: Float32Array.of(1) }];

type Behaviour = (call: number, options?: InferenceOptions) => Promise<void> | void;

/** A model that answers its own number; `behave` may wait or throw. */
function model(number: number, behave: Behaviour = () => undefined): InferenceModel & { calls: number; isClosed: boolean } {
  const self = {
    platform: "test", inputs: [{ name: "x", datatype: "FP32" as const, shape: [-1, 1] }], outputs: [{ name: "y", datatype: "FP32" as const, shape: [-1, 1] }],
    isBatchable: true, concurrency: 1, memoryBytes: 10, calls: 0, isClosed: false,
    infer: async (_: readonly Tensor[], options?: InferenceOptions): Promise<readonly Tensor[]> => {
      await behave(++self.calls, options);
      return [{ name: "y", datatype: "FP32", shape: [1, 1], data: Float32Array.of(number) }];
    },
    close: () => { self.isClosed = true; return Promise.resolve(); },
  };
  return self;
}

function setOf(models: readonly InferenceModel[], options: Partial<ReplicaSetOptions> = {}) {
  return createReplicaSet({ name: "m", clock: systemClock, random: createRandom(1), replicas: models.map((one, index) => ({ name: `r${index}`, model: one })), ...options });
}
const answerOf = (outputs: readonly Tensor[]): number => Number(outputs[0]!.data[0]);
const hasCode = (code: ErrorCode) => (thrown: unknown): boolean => isStrataError(thrown) && thrown.code === code;
const fails = (code: ErrorCode, retryAfterSeconds?: number): Behaviour => () => { throw new StrataError(code, {}, retryAfterSeconds === undefined ? {} : { retryAfterSeconds }); };
const until = (options?: InferenceOptions): Promise<void> => new Promise((_, reject) => {
  options?.signal?.addEventListener("abort", () => reject(new StrataError("ABORTED", { what: "The call" })), { once: true });
});

test("replicas share the calls, add up, report and close", async () => {
  const models = [model(0), model(1), model(2)];
  const set = setOf(models);
  assert.deepEqual([set.platform, set.concurrency, set.memoryBytes, set.isBatchable, set.inputs[0]?.name], ["test", 3, 30, true, "x"]);
  for (let i = 0; i < 90; i++) await set.infer(INPUT);
  assert.ok(models.every(({ calls }) => calls > 15), models.map(({ calls }) => calls).join(" "));
  const report = set.report();
  assert.deepEqual([report.policy, report.replicas.map(({ name, state, inFlight }) => [name, state, inFlight])], ["least-in-flight", [["r0", "ready", 0], ["r1", "ready", 0], ["r2", "ready", 0]]]);
  assert.equal(report.replicas.reduce((sum, { calls }) => sum + calls.ok, 0), 90);
  await set.close();
  assert.ok(models.every(({ isClosed }) => isClosed));
  await assert.rejects(set.infer(INPUT), hasCode("CLOSED"));
});

test("a failing replica is not noticed by callers, and its breaker opens", async () => {
  const bad = model(0, fails("UPSTREAM_FAILED"));
  const set = setOf([bad, model(1)]);
  for (let i = 0; i < 60; i++) assert.equal(answerOf(await set.infer(INPUT)), 1);
  assert.equal(set.report().replicas[0]?.state, "open");
  assert.equal(bad.calls, 5);
});

test("the caller's mistakes and poisonous inputs are not tried elsewhere and open nothing", async () => {
  for (const code of ["INFERENCE_INVALID", "INFERENCE_FAILED", "DEADLINE_EXCEEDED"] as const) {
    const models = [model(0, fails(code)), model(1, fails(code))];
    const set = setOf(models);
    for (let i = 0; i < 60; i++) await assert.rejects(set.infer(INPUT), hasCode(code));
    assert.equal(models[0]!.calls + models[1]!.calls, 60);
    assert.deepEqual(set.report().replicas.map(({ state }) => state), ["ready", "ready"]);
  }
});

test("when everybody fails, the caller gets the failure, then is told when to come back", async () => {
  const set = setOf([model(0, fails("UPSTREAM_FAILED")), model(1, fails("UPSTREAM_FAILED"))]);
  let unavailable: unknown;
  for (let i = 0; i < 20; i++) await set.infer(INPUT).catch((thrown: unknown) => { unavailable = thrown; });
  assert.ok(isStrataError(unavailable) && unavailable.code === "UPSTREAM_UNAVAILABLE", String(unavailable));
  assert.equal(unavailable.retryAfterSeconds, 1);
  assert.equal(unavailable.message, "No upstream of \"m\" can take the call: r0 is failing, r1 is failing");
});

test("a busy replica is left alone as long as it asks, and another one answers meanwhile", async () => {
  const clock = createManualClock();
  const busy = model(0, (call) => { if (call === 1) throw new StrataError("QUEUE_FULL", { model: "m", waiting: 9 }, { retryAfterSeconds: 2 }); });
  const set = setOf([busy, model(1)], { clock });
  for (let i = 0; i < 40; i++) assert.equal(answerOf(await set.infer(INPUT)), 1);
  assert.deepEqual([busy.calls, set.report().replicas[0]?.state, set.report().replicas[0]?.reason], [1, "busy", "asked to be left alone for 2.0 s"]);
  clock.advance(2_000);
  for (let i = 0; i < 40; i++) await set.infer(INPUT);
  assert.ok(busy.calls > 5);
});

test("one replica alone is asked again after a pause, within the deadline", async () => {
  const shaky = model(7, (call) => { if (call === 1) throw new StrataError("UPSTREAM_FAILED", { upstream: "r0", reason: "reset" }); });
  assert.equal(answerOf(await setOf([shaky]).infer(INPUT)), 7);
  const late = model(0, fails("UPSTREAM_FAILED"));
  await assert.rejects(setOf([late]).infer(INPUT, { deadlineAtMs: systemClock.monotonicMs() - 1 }), hasCode("UPSTREAM_FAILED"));
  assert.equal(late.calls, 1);
});

test("the caller's cancellation reaches the replica and judges nobody", async () => {
  const hanging = model(0, (_, options) => until(options));
  const set = setOf([hanging]);
  for (let i = 0; i < 10; i++) await assert.rejects(set.infer(INPUT, { signal: AbortSignal.timeout(1) }), hasCode("ABORTED"));
  const [replica] = set.report().replicas;
  assert.deepEqual([replica?.calls.cancelled, replica?.calls.failed, replica?.state, replica?.inFlight, hanging.calls], [10, 0, "ready", 0, 10]);
});

test("a slow answer is hedged, the loser is cancelled, and hedges stay within the budget", async () => {
  let cancelled = 0;
  const sticking = model(0, (call, options) => call <= 80 ? undefined : until(options).catch((thrown: unknown) => { cancelled++; throw thrown; }));
  const set = setOf([sticking, model(1)], { hedge: { minimumMs: 5 }, retryBudget: { share: 0, floorPerSecond: 0, maximum: 8 } });
  while (sticking.calls < 80) await set.infer(INPUT);
  while (cancelled < 4) assert.equal(answerOf(await set.infer(INPUT)), 1); // 4 hedges are saved up
  const alone = set.infer(INPUT, { signal: AbortSignal.timeout(50) });
  await alone.then((outputs) => assert.equal(answerOf(outputs), 1), (thrown: unknown) => assert.ok(hasCode("ABORTED")(thrown)));
  assert.equal(set.report().replicas[0]?.inFlight, 0);
});

test("the steps of a sequence stay with one replica and are not repeated when it fails", async () => {
  const models = [model(0), model(1), model(2)];
  const set = setOf(models);
  for (const sequence of [1, 2, 3, 4, 5, 6, 7, 8]) {
    const answers = new Set<number>();
    for (let step = 0; step < 10; step++) answers.add(answerOf(await set.infer(INPUT, { parameters: { sequence_id: sequence } })));
    assert.equal(answers.size, 1);
  }
  assert.ok(models.filter(({ calls }) => calls > 0).length > 1);
  const broken = setOf([model(0, fails("UPSTREAM_FAILED")), model(1, fails("UPSTREAM_FAILED"))]);
  await assert.rejects(broken.infer(INPUT, { parameters: { sequence_id: 1 } }), hasCode("UPSTREAM_FAILED"));
  assert.equal(broken.report().replicas.reduce((sum, { calls }) => sum + calls.failed, 0), 1);
});

test("replicas come and go; new ones start slowly", async () => {
  const clock = createManualClock();
  const [first, second] = [model(0), model(1)];
  const set = setOf([first], { clock, slowStart: { rampMs: 1_000, lowest: 0.1 } });
  set.update([{ name: "r0", model: first }, { name: "r1", model: second }]);
  assert.equal(set.report().replicas[1]?.state, "starting slowly");
  for (let i = 0; i < 50; i++) await set.infer(INPUT);
  assert.equal(second.calls, 0); // one call at a time: an idle replica at a tenth of its weight costs ten calls
  clock.advance(1_000);
  for (let i = 0; i < 50; i++) await set.infer(INPUT);
  assert.ok(second.calls > 10);
  set.update([{ name: "r1", model: second }]);
  assert.equal(answerOf(await set.infer(INPUT)), 1);
});

test("replicas that differ are refused with the difference", () => {
  const other = { ...model(1), outputs: [{ name: "y", datatype: "FP64" as const, shape: [-1, 1] }] };
  assert.throws(() => setOf([model(0), other]), /replica r1 has the outputs y FP64\[-1,1\], replica r0 has y FP32\[-1,1\]/);
  assert.throws(() => setOf([]), /at least one replica/);
  assert.throws(() => createReplicaSet({ name: "m", clock: systemClock, random: createRandom(1), replicas: [{ name: "a", model: model(0) }, { name: "a", model: model(1) }] }), /different names/);
});
