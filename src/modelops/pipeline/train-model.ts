/**
 * One training, start to finish: snapshot, training set, trees in a worker thread, evaluation beside baselines and the
 * champion on rows nothing was chosen on, gates, and a registered version with everything it was made from.
 */
import { runWorkerJob, workerModule } from "../../compute/index.ts";
import type { Lake, LakeSnapshot, TrainingRows, TrainingSet } from "../../data/index.ts";
import { buildTrainingSet } from "../../data/index.ts";
import { featurePins, hashModel } from "../../define/index.ts";
import type { Application, Model } from "../../define/index.ts";
import type { Clock } from "../../kernel/clock.ts";
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import { sha256 } from "../../kernel/hash.ts";
import { createRandom } from "../../kernel/random.ts";
import type { BlobStore } from "../../ports/blob-store.ts";
import type { ModelRuntime } from "../../ports/model-runtime.ts";
import type { Logger } from "../../ports/telemetry.ts";
import { encodeTreeModel } from "../../ports/tree-model.ts";
import type { Experiments } from "../experiments/experiments.ts";
import type { Environment, RunTrigger } from "../experiments/run.ts";
import type { Registry } from "../registry/registry.ts";
import type { TrainedEnsemble, TrainingProgress as TreeProgress } from "../training/gradient-boosting.ts";
import { exportOnnx } from "../training/onnx/tree-export.ts";
import { gatesPassed } from "../validation/gates.ts";
import type { GateVerdict, ModelEvidence } from "../validation/gates.ts";
import { baselinesOf } from "./baselines.ts";
import { evaluateScores, figureOf, metricsFor } from "./evaluation.ts";
import type { HeldOutRows } from "./evaluation.ts";
import { judgeGates } from "./gate-evaluation.ts";
import { splitHeldOut } from "./holdout-split.ts";
import type { HeldOut } from "./holdout-split.ts";
import { ARTIFACTS, readTrees } from "./model-artifacts.ts";
import { qualityTable } from "./quality-table.ts";
import type { QualityEntry } from "./quality-table.ts";
import { scoreColumns } from "./scoring.ts";
import { profileTraining } from "./training-profile.ts";
import type { TrainingJob } from "./training-job.ts";

export interface TrainingContext {
  readonly application: Application;
  readonly lake: Lake;
  readonly blobs: BlobStore;
  readonly experiments: Experiments;
  readonly registry: Registry;
  readonly runtime: ModelRuntime;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly environment: Environment;
  readonly threads: number;
}

export interface TrainingStep {
  readonly stage: string;
  /** 0 to 1 over the whole training. */
  readonly share: number;
  readonly detail: string;
}

export interface TrainingRequest {
  readonly model: Model;
  readonly trigger: RunTrigger;
  /** Kept with the run, for triggers that count events since. */
  readonly exampleOffset: number;
  readonly onStep: (step: TrainingStep) => void;
  readonly signal: AbortSignal;
}

export interface TrainingReport {
  readonly run: string;
  readonly model: string;
  readonly version: number;
  readonly passed: boolean;
  readonly rows: number;
  readonly groups: number;
  readonly trees: number;
  readonly elapsedMs: number;
  readonly dropped: TrainingSet["dropped"];
  /** On the latest, untouched part of the examples. */
  readonly quality: readonly QualityEntry[];
  readonly gates: readonly { readonly metric: string; readonly passed: boolean; readonly reason: string }[];
  readonly verdicts: readonly GateVerdict[];
}

/** Fewest rows worth learning from. */
const MINIMUM_ROWS = 100;

export async function trainModel(context: TrainingContext, request: TrainingRequest): Promise<TrainingReport> {
  const { application, lake, experiments, environment } = context;
  const { model, trigger, onStep, signal } = request;
  const startedAtMs = context.clock.monotonicMs();
  onStep({ stage: "snapshot of the lake", share: 0.01, detail: "" });
  await lake.flush(undefined, { signal });
  const snapshot = await lake.snapshot();
  const definitionHash = hashModel(application, model);
  const run = await experiments.createRun({
    model: model.name, trigger, snapshot: snapshot.id, definitionHash, codeHash: codeHashOf(model), environment,
    parameters: { ...model.trainer.parameters, trainer: model.trainer.kind, exampleOffset: request.exampleOffset },
  });
  try {
    await lake.pin(snapshot.id, `run ${run}`); // the run can be repeated as long as it is on record
    const report = await runTraining(context, { ...request, run, snapshot, definitionHash });
    await experiments.finish(run, "finished");
    return { ...report, elapsedMs: context.clock.monotonicMs() - startedAtMs };
  } catch (thrown) {
    await experiments.finish(run, signal.aborted ? "cancelled" : "failed", reasonOf(thrown));
    throw thrown;
  }
}

/** What is learned from, what stops the training, and what is only judged on. */
interface Examples extends HeldOut {
  readonly training: TrainingRows;
  readonly dropped: TrainingSet["dropped"];
}

interface RunningRequest extends TrainingRequest {
  readonly run: string;
  readonly snapshot: LakeSnapshot;
  readonly definitionHash: string;
}

async function runTraining(context: TrainingContext, request: RunningRequest): Promise<Omit<TrainingReport, "elapsedMs">> {
  const { application, lake, clock, experiments } = context;
  const { model, run, snapshot, onStep, signal } = request;
  const set = await buildTrainingSet({
    application, model, lake, snapshot, atMs: clock.now(), signal,
    onProgress: ({ share, stage }) => onStep({ stage: "training set", share: 0.02 + 0.38 * share, detail: stage }),
  });
  const examples: Examples = { training: set.training, ...splitHeldOut(set.validation), dropped: set.dropped };
  checkExamples(model, examples);
  const ensemble = await growTrees(context, request, examples);
  const importances = shares(ensemble);
  await experiments.setParameters(run, {
    importances, keptTrees: ensemble.bestIteration, trainingRows: examples.training.rows, validationRows: examples.validation.rows, testRows: examples.test.rows, dropped: examples.dropped,
  });
  onStep({ stage: "evaluation", share: 0.86, detail: "" });
  const stored = await storeVersion(context, request, { ensemble, examples, importances });
  const { evidence, verdicts } = await evaluate(context, request, { examples, stored });
  onStep({ stage: "gates", share: 0.97, detail: "" });
  const metrics = Object.fromEntries(Object.entries(evidence.challenger).map(([metric, values]) => [metric, figureOf(values)]));
  await experiments.logMetrics(run, Object.entries(metrics).map(([name, value]) => ({ name, step: 0, value, timeMs: clock.now() })));
  const version = await context.registry.registerVersion({ ...stored.registration, metrics });
  onStep({ stage: "registered", share: 1, detail: `version ${version}` });
  return {
    run, model: model.name, version, passed: gatesPassed(verdicts), verdicts,
    rows: examples.training.rows + examples.validation.rows + examples.test.rows,
    groups: [examples.training, examples.validation, examples.test].reduce((sum, part) => sum + (part.groups?.length ?? 0), 0),
    trees: ensemble.bestIteration, dropped: examples.dropped,
    quality: qualityTable(evidence, createRandom(`quality:${run}`)),
    gates: verdicts.map(({ gate, passed, reason }) => ({ metric: gate.metric, passed, reason })),
  };
}

function checkExamples({ name }: Model, { training, validation, test, dropped }: Examples): void {
  const fewest = Math.min(training.rows, validation.rows, test.rows);
  if (training.rows >= MINIMUM_ROWS && fewest > 0) return;
  const left = Object.entries(dropped).map(([reason, rows]) => `${reason}: ${rows}`).join(", ");
  throw new StrataError("TRAINING_DATA_INSUFFICIENT", {
    model: name, reason: `there are ${training.rows} training, ${validation.rows} validation and ${test.rows} test rows; at least ${MINIMUM_ROWS} training rows and some of the others are needed${left === "" ? "" : ` (left out: ${left})`}`,
  });
}

async function growTrees({ experiments, clock, threads }: TrainingContext, { model, run, onStep, signal }: RunningRequest, examples: Examples): Promise<TrainedEnsemble> {
  const points: { part: string; step: number; value: number; timeMs: number }[] = [];
  const { classes, ...parameters } = model.trainer.parameters;
  const job: TrainingJob = {
    threads, parameters: { ...parameters, ...(classes === undefined ? {} : { classes }) },
    data: { ...labeledRows(examples.training), validation: labeledRows(examples.validation) },
  };
  const ensemble = await runWorkerJob<TrainingJob, TrainedEnsemble, TreeProgress>(workerModule("training-job", import.meta.url), job, {
    name: `training ${model.name}`, signal,
    onProgress: ({ iteration, total, trainMetric, validationMetric }) => {
      const timeMs = clock.now();
      points.push({ part: "training", step: iteration, value: trainMetric, timeMs });
      if (validationMetric !== undefined) points.push({ part: "validation", step: iteration, value: validationMetric, timeMs });
      onStep({ stage: "trees", share: 0.4 + 0.45 * (iteration / total), detail: `${iteration} of ${total}, validation ${validationMetric?.toFixed(4) ?? "–"}` });
    },
  });
  await experiments.logMetrics(run, points.map(({ part, ...point }) => ({ ...point, name: `${part} ${ensemble.parameters.metric}` })));
  return ensemble;
}

function labeledRows({ columns, label, groups }: TrainingRows) {
  return { columns, label, ...(groups ? { groups } : {}) };
}

function shares({ importances }: TrainedEnsemble): Readonly<Record<string, number>> {
  const total = importances.reduce((sum, entry) => sum + entry.gain, 0);
  return Object.fromEntries(importances.map(({ name, gain }) => [name, total > 0 ? gain / total : 0]));
}

interface Grown {
  readonly ensemble: TrainedEnsemble;
  readonly examples: Examples;
  readonly importances: Readonly<Record<string, number>>;
}

/** Artifacts first, so that a version never names a blob that is not there. */
async function storeVersion({ blobs, experiments, environment, runtime, logger }: TrainingContext, { model, run, snapshot, definitionHash }: RunningRequest, grown: Grown) {
  const { ensemble, examples, importances } = grown;
  const trees = encodeTreeModel(ensemble.model);
  const signature = {
    inputs: examples.training.columns.map(({ name, kind, categories }) => ({ name, kind, ...(categories ? { categories } : {}) })), outputs: ensemble.model.outputs,
  };
  const stored = { model: model.name, version: 0, artifact: trees, signature };
  const scores = await scoreColumns(runtime, stored, examples.heldOut.columns);
  const profile = Buffer.from(JSON.stringify(profileTraining(examples.heldOut.columns, scores, importances)));
  const testScores = scores.subarray(examples.validation.rows * ensemble.model.outputs);
  const artifacts: Record<string, string> = { [ARTIFACTS.trees]: await blobs.put(trees), [ARTIFACTS.profile]: await blobs.put(profile) };
  try {
    const onnx = exportOnnx(ensemble.model);
    artifacts[ARTIFACTS.onnx] = await blobs.put(onnx);
    await experiments.logArtifact(run, "model.onnx", { bytes: onnx, mediaType: "application/octet-stream" });
  } catch (thrown) {
    logger.log("warn", `version of ${model.name} has no ONNX form`, { reason: reasonOf(thrown) });
  }
  await experiments.logArtifact(run, "model.trees", { bytes: trees, mediaType: "application/octet-stream" });
  await experiments.logArtifact(run, "profile.json", { bytes: profile, mediaType: "application/json" });
  return { testScores, registration: { model: model.name, run, artifacts, definitionHash, features: featurePins(model), codeHash: codeHashOf(model), snapshot: snapshot.id, environment, signature } };
}

interface Evaluated {
  readonly examples: Examples;
  readonly stored: Awaited<ReturnType<typeof storeVersion>>;
}

async function evaluate(context: TrainingContext, { model, run }: RunningRequest, { examples: { test, training }, stored: { testScores } }: Evaluated) {
  const { runtime, registry, blobs } = context;
  const { objective } = model.trainer.parameters;
  const rows: HeldOutRows = { objective, label: test.label, ...(test.groups ? { groupSizes: test.groups } : {}), ...(test.totalRelevant ? { totalRelevant: test.totalRelevant } : {}) };
  const metrics = metricsFor(objective, model.gates.map((gate) => gate.metric));
  const champion = await registry.resolve(model.name, "champion");
  const championEvidence: ModelEvidence | null = champion === undefined ? null : evaluateScores(rows, await scoreColumns(runtime, {
    model: model.name, version: champion.version, artifact: await readTrees(blobs, champion), signature: champion.signature,
  }, test.columns), metrics);
  const evidence = {
    challenger: evaluateScores(rows, testScores, metrics), champion: championEvidence,
    baselines: Object.fromEntries(baselinesOf(model, test.columns, training.label).map((baseline) => [baseline.name, evaluateScores(rows, baseline.scores, metrics)])),
  };
  return { evidence, verdicts: judgeGates(model.gates, evidence, createRandom(`gates:${run}`)) };
}

/** Hash of the code that a definition brings along: its functions as text. */
function codeHashOf({ features }: Model): string {
  return sha256(features.map((provider) => (provider.kind === "on-demand" ? provider.compute.toString() : "")).join("\u0000"));
}
