/**
 * Histogram gradient boosting (Friedman 2001; Ke et al. 2017, "LightGBM"): bins once, then one tree per output and
 * iteration, each fitted to the gradients of the loss at the current scores. The same data, parameters and seed give
 * the same model bit for bit on any number of threads.
 */
import { systemClock, type Clock } from "../../kernel/clock.ts";
import { StrataError } from "../../kernel/errors.ts";
import { createRandom } from "../../kernel/random.ts";
import type { TreeModel } from "../../ports/tree-model.ts";
import { featureImportances, modelOf, type FeatureImportance } from "./ensemble.ts";
import type { GrownTree } from "./grown-tree.ts";
import { createIterationSource, type IterationContext } from "./iteration.ts";
import { evaluateMetric, isBetter } from "./metrics.ts";
import { createPacer } from "./pacer.ts";
import { resolveParameters, type GradientBoostingParameters, type ResolvedParameters } from "./parameters.ts";
import { chooseMetricSample } from "./row-sampling.ts";
import { openThreadTeam } from "./thread-team.ts";
import { checkTrainingData, type TrainingData } from "./training-data.ts";
import { prepareTraining } from "./training-setup.ts";

export interface TrainingOptions {
  /** Cancels training within about 20 ms of work; raises ABORTED. */
  readonly signal?: AbortSignal;
  /** Called after every iteration. */
  readonly onProgress?: (progress: TrainingProgress) => void;
  /** Threads to train on, this one included, 1 to 64; default 1, which starts no worker. */
  readonly threads?: number;
  /** Measures elapsedMs. */
  readonly clock?: Clock;
}

export interface IterationMetrics {
  /** From 1. */
  readonly iteration: number;
  /** Measured on at most about 16,000 evenly spaced training rows. */
  readonly trainMetric: number;
  readonly validationMetric: number | undefined;
}

export interface TrainingProgress extends IterationMetrics {
  /** Most iterations; early stopping may end before. */
  readonly total: number;
  readonly elapsedMs: number;
}

export interface TrainedEnsemble {
  /** Trees up to the best iteration; encode it with encodeTreeModel. */
  readonly model: TreeModel;
  readonly parameters: ResolvedParameters;
  /** Iterations kept: the best by validation metric under early stopping, otherwise all. */
  readonly bestIteration: number;
  readonly stoppedEarly: boolean;
  /** One entry per iteration that was run. */
  readonly history: readonly IterationMetrics[];
  readonly importances: readonly FeatureImportance[];
}

/**
 * Trains an ensemble. Runs on the calling thread (and workers when threads > 1), giving way to the event loop about
 * every 10 ms of work. Raises TRAINING_PARAMETER_INVALID, TRAINING_DATA_INVALID, ABORTED.
 */
export async function trainGradientBoosting(data: TrainingData, parameters: GradientBoostingParameters, options: TrainingOptions = {}): Promise<TrainedEnsemble> {
  const resolved = resolveParameters(parameters, data.validation !== undefined);
  checkTrainingData(data, resolved);
  const threads = checkThreads(options.threads ?? 1);
  const pacer = createPacer(options.signal);
  pacer.check();
  const random = createRandom(resolved.seed);
  const training = await prepareTraining(data, resolved, { random: random.fork("bins"), pacer });
  await using team = await openThreadTeam(training.workspace, threads);
  return await boost({ training, parameters: resolved, team, threads, pacer, random }, data, options); // awaited here, so that the team outlives the work
}

async function boost(context: IterationContext, data: TrainingData, options: TrainingOptions): Promise<TrainedEnsemble> {
  const { training, parameters, pacer } = context;
  const clock = options.clock ?? systemClock;
  const startedMs = clock.now();
  const growIteration = createIterationSource(context);
  const measure = createMeasurement(context, data);
  const trees: GrownTree[] = [], history: IterationMetrics[] = [];
  let best = { iteration: 0, metric: NaN }, stoppedEarly = false;
  while (history.length < parameters.trees && !stoppedEarly) {
    const grown = await growIteration();
    trees.push(...grown);
    const metrics = measure(history.length + 1);
    history.push(metrics);
    options.onProgress?.({ ...metrics, total: parameters.trees, elapsedMs: clock.now() - startedMs });
    pacer.check(); // the callback may have cancelled
    const metric = metrics.validationMetric ?? NaN;
    if (best.iteration === 0 || isBetter(parameters.metric, metric, best.metric)) best = { iteration: metrics.iteration, metric };
    stoppedEarly = parameters.earlyStoppingRounds > 0 && metrics.iteration - best.iteration >= parameters.earlyStoppingRounds;
    if (isExhausted(grown, parameters)) break;
  }
  const bestIteration = parameters.earlyStoppingRounds > 0 ? best.iteration : history.length;
  const model = modelOf(data.columns, parameters, training.baseScores, trees.slice(0, bestIteration * parameters.outputs));
  return { model, parameters, bestIteration, stoppedEarly, history, importances: featureImportances(model) };
}

/** Measures the current scores on a sample of the training rows and on the validation set. */
function createMeasurement({ training, parameters }: IterationContext, data: TrainingData): (iteration: number) => IterationMetrics {
  const { metric, outputs } = parameters;
  const sample = chooseMetricSample(data.label.length, data.groups);
  const pick = (values: Float64Array): Float64Array => Float64Array.from(sample.rows, (row) => values[row]!);
  const sampled = { outputs, label: pick(data.label), weight: data.weight && pick(data.weight), groups: sample.groups };
  const { workspace, validation } = training;
  return (iteration) => ({
    iteration,
    trainMetric: evaluateMetric(metric, { ...sampled, scores: pickScores(workspace.scores, outputs, sample.rows) }),
    validationMetric: validation && data.validation ? evaluateMetric(metric, { ...data.validation, scores: validation.scores, outputs }) : undefined,
  });
}

function pickScores(scores: Float64Array, outputs: number, picked: Int32Array): Float64Array {
  const rows = scores.length / outputs;
  const taken = new Float64Array(outputs * picked.length);
  for (let output = 0; output < outputs; output++) {
    for (let i = 0; i < picked.length; i++) taken[output * picked.length + i] = scores[output * rows + picked[i]!]!;
  }
  return taken;
}

/** No tree could split and chance will not change that: every further iteration would be the same. */
function isExhausted(grown: readonly GrownTree[], { rowFraction, columnFraction }: ResolvedParameters): boolean {
  return rowFraction === 1 && columnFraction === 1 && grown.every((tree) => tree.nodes.length === 1);
}

function checkThreads(threads: number): number {
  if (Number.isInteger(threads) && threads >= 1 && threads <= 64) return threads;
  throw new StrataError("TRAINING_PARAMETER_INVALID", { parameter: "threads", reason: `${threads} is not a whole number from 1 to 64` });
}
