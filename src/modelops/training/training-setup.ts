/** Before the first tree: chooses bins, lays out the workspace and fills it with binned columns, labels and starting scores. */
import { StrataError } from "../../kernel/errors.ts";
import type { Random } from "../../kernel/random.ts";
import { chooseBins, createBinWriter, type Bins } from "./binning.ts";
import { baseScores } from "./objective.ts";
import { QUANTUM_CELLS, type Pacer } from "./pacer.ts";
import type { ResolvedParameters } from "./parameters.ts";
import { groupStarts } from "./row-sampling.ts";
import type { LabeledRows, TrainingColumn, TrainingData } from "./training-data.ts";
import { BLOCK_ROWS, createWorkspace, strideFor, type Workspace, type WorkspacePlan } from "./workspace.ts";

/** A column that a split can use. */
export interface TrainingFeature {
  readonly bins: Bins;
  /** Its place in the training data's columns. */
  readonly column: number;
}

/** Held-out rows, binned like the training rows. */
export interface ValidationRows {
  readonly columnBins: Uint8Array;
  readonly rows: number;
  /** Raw scores, [output * rows + row]. */
  readonly scores: Float64Array;
}

export interface Training {
  readonly workspace: Workspace;
  readonly features: readonly TrainingFeature[];
  /** Columns each tree may use. */
  readonly columnsPerTree: number;
  readonly baseScores: Float64Array;
  readonly validation: ValidationRows | undefined;
}

interface Setup { readonly random: Random; readonly pacer: Pacer }

/** Raises TRAINING_DATA_INVALID for a bad categorical code, ABORTED. */
export async function prepareTraining(data: TrainingData, parameters: ResolvedParameters, setup: Setup): Promise<Training> {
  const features = await chooseFeatures(data.columns, parameters, setup);
  const columnsPerTree = Math.max(1, Math.round(parameters.columnFraction * features.length));
  const plan: WorkspacePlan = {
    parameters, rows: data.label.length, features: features.length, slots: Math.ceil(columnsPerTree / 4) * 4,
    stride: strideFor(Math.max(1, ...features.map((feature) => feature.bins.binCount))),
    hasWeight: data.weight !== undefined, blocks: data.groups?.length ?? Math.ceil(data.label.length / BLOCK_ROWS),
  };
  checkSize(plan);
  const workspace = createWorkspace(plan);
  await fillWorkspace(workspace, data, features, setup.pacer);
  const base = baseScores(workspace);
  fillScores(workspace.scores, base);
  const validation = data.validation && await prepareValidation(data.validation, features, base, setup.pacer);
  return { workspace, features, columnsPerTree, baseScores: base, validation };
}

/** Histograms beyond this are a mistake in the parameters more often than a wish. */
const HISTOGRAM_LIMIT_BYTES = 4 * 2 ** 30;

/** Loops count cells in int32; an allocation that fails says nothing about why. */
function checkSize({ rows, features, slots, stride, parameters: { leaves } }: WorkspacePlan): void {
  const histogramBytes = leaves * slots * stride * Float64Array.BYTES_PER_ELEMENT;
  if (histogramBytes > HISTOGRAM_LIMIT_BYTES) {
    throw new StrataError("TRAINING_PARAMETER_INVALID", {
      parameter: "leaves", reason: `${leaves} leaves of ${slots} columns need ${Math.ceil(histogramBytes / 2 ** 20)} MiB of histograms, at most ${HISTOGRAM_LIMIT_BYTES / 2 ** 20} are taken; lower leaves, maxBins or columnFraction`,
    });
  }
  if (rows * Math.max(features, slots) >= 2 ** 31) {
    throw new StrataError("TRAINING_DATA_INVALID", { reason: `${rows} rows of ${features} columns are more than 2^31 values; sample the rows or leave out columns` });
  }
}

/** Bins every column; a column whose rows all share one bin can never split and is left out. */
async function chooseFeatures(columns: readonly TrainingColumn[], { maxBins }: ResolvedParameters, { random, pacer }: Setup): Promise<readonly TrainingFeature[]> {
  const features: TrainingFeature[] = [];
  for (const [column, training] of columns.entries()) {
    const bins = chooseBins(training, maxBins, random);
    if (bins.binCount > 1 || training.values.some((value) => Number.isNaN(value))) features.push({ bins, column });
    await pacer.spend(QUANTUM_CELLS); // sorting a sample takes about a quantum
  }
  return features;
}

async function fillWorkspace(workspace: Workspace, data: TrainingData, features: readonly TrainingFeature[], pacer: Pacer): Promise<void> {
  workspace.label.set(data.label);
  if (data.weight) workspace.weight.set(data.weight);
  features.forEach(({ bins }, feature) => {
    workspace.binCount[feature] = bins.binCount;
    workspace.isCategorical[feature] = bins.kind === "categorical" ? 1 : 0;
  });
  workspace.blockStarts.set(data.groups ? groupStarts(data.groups) : evenStarts(data.label.length));
  workspace.slotFeature.fill(-1);
  await binColumns(data, features, workspace.columnBins, pacer);
}

const evenStarts = (rows: number): Int32Array =>
  Int32Array.from({ length: Math.ceil(rows / BLOCK_ROWS) + 1 }, (_, block) => Math.min(rows, block * BLOCK_ROWS));

/** Cost of binning one value in histogram cells: about 8 ns against 2. */
const BINNING_CELLS = 4;

async function binColumns({ columns, label }: LabeledRows, features: readonly TrainingFeature[], columnBins: Uint8Array, pacer: Pacer): Promise<void> {
  const rows = label.length;
  const step = QUANTUM_CELLS / BINNING_CELLS;
  for (const [feature, { bins, column }] of features.entries()) {
    const write = createBinWriter(bins);
    const out = columnBins.subarray(feature * rows, (feature + 1) * rows);
    for (let from = 0; from < rows; from += step) {
      const to = Math.min(rows, from + step);
      write(columns[column]!.values, out, from, to);
      const pause = pacer.spend((to - from) * BINNING_CELLS);
      if (pause) await pause;
    }
  }
}

async function prepareValidation(data: LabeledRows, features: readonly TrainingFeature[], base: Float64Array, pacer: Pacer): Promise<ValidationRows> {
  const rows = data.label.length;
  const columnBins = new Uint8Array(features.length * rows);
  await binColumns(data, features, columnBins, pacer);
  const scores = new Float64Array(base.length * rows);
  fillScores(scores, base);
  return { columnBins, rows, scores };
}

function fillScores(scores: Float64Array, base: Float64Array): void {
  const rows = scores.length / base.length;
  base.forEach((score, output) => scores.fill(score, output * rows, (output + 1) * rows));
}
