import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { openEmbeddedBlobStore } from "../../engines/embedded/blob-store.ts";
import { openDomainDatabase } from "../../../test/conformance/domain-database.ts";
import { createManualClock } from "../../kernel/clock.ts";
import { isStrataError } from "../../kernel/errors.ts";
import type { ErrorCode } from "../../kernel/errors.ts";
import { createIdSource } from "../../kernel/ids.ts";
import { createRandom } from "../../kernel/random.ts";
import { createExperiments } from "./experiments.ts";
import { latestPoints } from "./metric-history.ts";
import type { MetricPoint, NewRun } from "./run.ts";

const NEW_RUN: NewRun = {
  model: "ranker", trigger: { kind: "drift", reason: "3 features drifted." }, parameters: { trees: 150, objective: "lambdarank" },
  tags: { by: "loop" }, snapshot: "snapshot-7", definitionHash: "d1", codeHash: "c1", environment: { node: "24.0.0", strata: "0.1.0", platform: "linux-x64" },
};

async function openStore() {
  const folder = await mkdtemp(join(tmpdir(), "strata-experiments-"));
  const clock = createManualClock(1_000_000);
  const ids = createIdSource(clock, createRandom(1).next);
  const blobs = await openEmbeddedBlobStore({ folder: join(folder, "blobs") });
  const open = async () => {
    const database = await openDomainDatabase({ file: join(folder, "strata.db") });
    const experiments = createExperiments({ database, blobs, clock, ids });
    return { database, experiments, interrupted: await experiments.open() };
  };
  return { clock, blobs, open, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

const hasCode = (code: ErrorCode, text = "") => (thrown: unknown): boolean => isStrataError(thrown) && thrown.code === code && thrown.message.includes(text);

test("a run keeps what it was given, what it measured and what it left, across a restart", async () => {
  await using store = await openStore();
  const first = await store.open();
  const id = await first.experiments.createRun(NEW_RUN);
  await first.experiments.setParameters(id, { seed: 7 });
  await first.experiments.logMetrics(id, [
    { name: "ndcg@10", step: 0, value: 0.02, timeMs: 1 }, { name: "ndcg@10", step: 1, value: 0.03, timeMs: 2 }, { name: "loss", step: 0, value: 4, timeMs: 1 },
  ]);
  const artifact = await first.experiments.logArtifact(id, "trees", { bytes: Buffer.from("abc"), mediaType: "application/octet-stream" });
  store.clock.advance(5_000);
  await first.experiments.finish(id, "finished");
  await first.database.close();

  const second = await store.open();
  assert.deepEqual(second.interrupted, []);
  assert.deepEqual(await second.experiments.run(id), {
    id, ...NEW_RUN, parameters: { trees: 150, objective: "lambdarank", seed: 7 }, status: "finished", startedAtMs: 1_000_000, finishedAtMs: 1_005_000, error: undefined,
    metrics: { "ndcg@10": { step: 1, value: 0.03, timeMs: 2 }, loss: { step: 0, value: 4, timeMs: 1 } },
    artifacts: [{ name: "trees", digest: artifact.digest, sizeBytes: 3, mediaType: "application/octet-stream", timeMs: 1_000_000 }],
  });
  assert.equal(Buffer.from(await store.blobs.get(artifact.digest)).toString(), "abc");
  await second.database.close();
});

test("a run that its process left running is failed as interrupted when the next one opens", async () => {
  await using store = await openStore();
  const first = await store.open();
  const [left, done] = [await first.experiments.createRun(NEW_RUN), await first.experiments.createRun(NEW_RUN)];
  await first.experiments.finish(done, "cancelled");
  await first.database.close();
  store.clock.advance(60_000);

  const second = await store.open();
  assert.deepEqual(second.interrupted, [left]);
  const run = await second.experiments.run(left);
  assert.deepEqual([run.status, run.error, run.finishedAtMs], ["failed", "interrupted", 1_060_000]);
  assert.equal((await second.experiments.run(done)).status, "cancelled");
  await assert.rejects(second.experiments.logMetrics(left, [{ name: "loss", step: 0, value: 1, timeMs: 0 }]), hasCode("RUN_REFUSED", "it is failed"));
  await second.database.close();
});

test("a batch of metrics is kept whole or not at all", async () => {
  await using store = await openStore();
  const { experiments, database } = await store.open();
  const id = await experiments.createRun(NEW_RUN);
  await experiments.logMetrics(id, [{ name: "loss", step: 0, value: 1, timeMs: 0 }]);
  const points = Array.from({ length: 1_200 }, (_, step): MetricPoint => ({ name: "loss", step: step + 1, value: step, timeMs: step }));
  await assert.rejects(experiments.logMetrics(id, [...points, { name: "loss", step: 0.5, value: 1, timeMs: 0 }]), hasCode("REQUEST_INVALID", "point 1200"));
  await database.transaction<{ experiment_metric: { run: string; sequence: number; name: string; step: number; time_ms: number } }, void>(async (transaction) => {
    await transaction.insertInto("experiment_metric").values({ run: id, sequence: 1_000, name: "in the way", step: 0, time_ms: 0 }).execute();
  });
  await assert.rejects(experiments.logMetrics(id, points), hasCode("SQL_CONSTRAINT")); // fails in the third statement of the transaction
  assert.deepEqual(await experiments.metricHistory(id, "loss"), [{ step: 0, value: 1, timeMs: 0 }]);
  assert.deepEqual((await experiments.run(id)).metrics["loss"], { step: 0, value: 1, timeMs: 0 });
  await database.close();
});

test("histories are ordered by step and paged, and keep values that are not finite", async () => {
  await using store = await openStore();
  const { experiments, database } = await store.open();
  const id = await experiments.createRun(NEW_RUN);
  await experiments.logMetrics(id, [{ name: "loss", step: 2, value: Number.NaN, timeMs: 3 }, { name: "loss", step: 1, value: Number.POSITIVE_INFINITY, timeMs: 2 }]);
  await experiments.logMetrics(id, [{ name: "loss", step: 0, value: -0.5, timeMs: 1 }]);
  assert.deepEqual((await experiments.metricHistory(id, "loss")).map((point) => point.value), [-0.5, Number.POSITIVE_INFINITY, Number.NaN]);
  assert.deepEqual((await experiments.metricHistory(id, "loss", { fromStep: 1, limit: 1 })).map((point) => point.step), [1]);
  assert.deepEqual((await experiments.run(id)).metrics["loss"], { step: 2, value: Number.NaN, timeMs: 3 });
  await assert.rejects(experiments.metricHistory("nope", "loss"), hasCode("RUN_NOT_FOUND"));
  await database.close();
});

test("the latest value is the same however the points are cut into batches", async () => {
  await using store = await openStore();
  const { experiments, database } = await store.open();
  const point = fc.record({ name: fc.constantFrom("a", "b"), step: fc.integer({ min: 0, max: 3 }), timeMs: fc.integer({ min: 0, max: 3 }), value: fc.integer() });
  await fc.assert(fc.asyncProperty(fc.array(fc.array(point, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 4 }), async (batches) => {
    const id = await experiments.createRun(NEW_RUN);
    for (const batch of batches) await experiments.logMetrics(id, batch);
    const expected = Object.fromEntries(latestPoints(batches.flat()).map(({ name, ...rest }) => [name, rest]));
    assert.deepEqual((await experiments.run(id)).metrics, expected);
  }), { numRuns: 60 });
  await database.close();
});

test("parameters never change, and what ended stays ended", async () => {
  await using store = await openStore();
  const { experiments, database } = await store.open();
  const id = await experiments.createRun(NEW_RUN);
  await experiments.setParameters(id, { trees: 150 });
  await assert.rejects(experiments.setParameters(id, { trees: 151, leaves: 3 }), hasCode("RUN_REFUSED", "parameter \"trees\" is 150 and cannot become 151"));
  assert.equal("leaves" in (await experiments.run(id)).parameters, false);
  await experiments.finish(id, "failed", "TRAINING_DATA_INSUFFICIENT: too few rows");
  await experiments.finish(id, "failed");
  assert.equal((await experiments.run(id)).error, "TRAINING_DATA_INSUFFICIENT: too few rows");
  await assert.rejects(experiments.finish(id, "finished"), hasCode("RUN_REFUSED", "it is failed and cannot become finished"));
  await assert.rejects(experiments.setParameters(id, { more: 1 }), hasCode("RUN_REFUSED"));
  await assert.rejects(experiments.logArtifact(id, "late", { bytes: new Uint8Array(1), mediaType: "text/plain" }), hasCode("RUN_REFUSED"));
  await database.close();
});

test("runs are listed newest first, filtered and paged", async () => {
  await using store = await openStore();
  const { experiments, database } = await store.open();
  const ids: string[] = [];
  for (let i = 0; i < 7; i++) ids.push(await experiments.createRun({ ...NEW_RUN, model: i % 2 === 0 ? "even" : "odd" }));
  await experiments.finish(ids[2]!, "finished");
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await experiments.listRuns({ limit: 3, ...(cursor === undefined ? {} : { cursor }) });
    seen.push(...page.runs.map((run) => run.id));
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  assert.deepEqual(seen, ids.toReversed());
  assert.deepEqual((await experiments.listRuns({ model: "even", status: "running", limit: 10 })).runs.map((run) => run.id), [ids[6], ids[4], ids[0]]);
  await assert.rejects(experiments.listRuns({ limit: 0 }), hasCode("REQUEST_INVALID", "limit"));
  await database.close();
});
