/**
 * Gradient boosting beside LightGBM and scikit-learn, one thread each, on the same Higgs-like rows: seconds with
 * binning included, AUC on held-out rows; then the tree scorer's time per row for 100 trees of depth 6.
 *
 *   node --conditions=source bench/training.ts [--rows 200000] [--trees 100] [--leaves 63] [--runs 3] [--threads 1]
 *
 * Python packages go to a virtual environment in the system's temporary folder. Without Python or network the
 * comparison is skipped, with the reason. CPU seconds are the ones to compare on a machine that others use too.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { createRandom, createTreeScorer, evaluateMetric, trainGradientBoosting, type TreeModel } from "strata/testing";

const run = promisify(execFile);
const COLUMNS = 28;
const PYTHON_PACKAGES = ["numpy==2.4.6", "scipy==1.17.1", "scikit-learn==1.9.1", "lightgbm==4.7.0"];

export interface TrainingBenchOptions {
  readonly rows: number;
  readonly trees: number;
  readonly leaves: number;
  readonly threads: number;
  /** Runs of each trainer, taken in turns. */
  readonly runs: number;
  readonly seed: number;
}

export interface TrainerResult {
  readonly trainer: "strata" | "lightgbm" | "scikit-learn";
  /** Medians over the runs. */
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  readonly cpuSecondsOfRuns: readonly number[];
  readonly auc: number;
}

export interface TrainingBenchResult {
  readonly trainers: readonly TrainerResult[];
  /** Why there is nothing to compare with; undefined when there is. */
  readonly skipped: string | undefined;
  readonly scoringMicrosecondsPerRow: Readonly<Record<string, number>>;
}

interface Rows {
  /** Row-major, COLUMNS wide. */
  readonly values: Float32Array;
  readonly label: Float32Array;
}

/** Twenty normal, four log-normal and four three-valued columns; the label mixes interactions, steps and waves with noise. */
function generateRows(count: number, seed: number): Rows {
  const random = createRandom(seed);
  const values = new Float32Array(count * COLUMNS), label = new Float32Array(count);
  for (let row = 0; row < count; row++) {
    const x = values.subarray(row * COLUMNS, (row + 1) * COLUMNS);
    for (let column = 0; column < COLUMNS; column++) x[column] = column < 20 ? random.normal() : column < 24 ? Math.exp(random.normal() / 2) : random.integer(3);
    const signal = 0.6 * x[0]! * x[1]! + 0.8 * Math.sin(2 * x[2]!) + 0.5 * x[3]! - 0.4 * x[4]! ** 2 + 0.6 * (x[5]! > 0.5 ? x[6]! : -x[7]!)
      + 0.4 * Math.log(x[20]!) * x[8]! + 0.3 * (x[24]! - 1) * x[9]! + 0.3 * x[10]! + 0.2 * x[11]! * x[12]! + 0.3;
    label[row] = random.next() < 1 / (1 + Math.exp(-1.2 * signal)) ? 1 : 0;
  }
  return { values, label };
}

const columnsOf = ({ values, label }: Rows) => Array.from({ length: COLUMNS }, (_, column) => ({
  name: `x${column}`, kind: "numeric" as const, values: Float64Array.from(label, (_, row) => values[row * COLUMNS + column]!),
}));

interface Measured { readonly wallSeconds: number; readonly cpuSeconds: number; readonly auc: number }

async function measureStrata(train: Rows, test: Rows, { trees, leaves, threads }: TrainingBenchOptions): Promise<Measured> {
  const data = { columns: columnsOf(train), label: Float64Array.from(train.label) };
  const begin = performance.now(), cpu = process.cpuUsage();
  const { model } = await trainGradientBoosting(data, { objective: "binary", trees, leaves, learningRate: 0.1, lambda: 0, minChildSamples: 20 }, { threads });
  const wallSeconds = (performance.now() - begin) / 1000, { user, system } = process.cpuUsage(cpu);
  const scores = createTreeScorer(model).rawScores(Float64Array.from(test.values), test.label.length);
  return { wallSeconds, cpuSeconds: (user + system) / 1e6, auc: evaluateMetric("auc", { scores, outputs: 1, label: Float64Array.from(test.label) }) };
}

/** 100 trees of depth 6, as full as the data fills them: the shape that scoring goals are stated for. */
async function trainDepthSix(train: Rows): Promise<TreeModel> {
  const data = { columns: columnsOf(train), label: Float64Array.from(train.label) };
  return (await trainGradientBoosting(data, { objective: "binary", trees: 100, leaves: 64, maxDepth: 6, minChildSamples: 1, minChildWeight: 0 })).model;
}

const PYTHON_TRAINER = `
import json, sys, time
import numpy as np
trainer, folder, rows, trees, leaves, threads = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:7])
x = np.fromfile(folder + "/values.f32", np.float32).reshape(-1, ${COLUMNS}); y = np.fromfile(folder + "/label.f32", np.float32)
train, test = slice(0, rows), slice(rows, None)
from sklearn.metrics import roc_auc_score
if trainer == "lightgbm":
    import lightgbm
    def fit():
        return lightgbm.train(dict(objective="binary", num_leaves=leaves, learning_rate=0.1, min_data_in_leaf=20, num_threads=threads, verbosity=-1),
                              lightgbm.Dataset(x[train], y[train]), trees)
    predict = lambda model: model.predict(x[test])
else:
    from sklearn.ensemble import HistGradientBoostingClassifier
    def fit():
        return HistGradientBoostingClassifier(max_iter=trees, max_leaf_nodes=leaves, learning_rate=0.1, early_stopping=False).fit(x[train], y[train])
    predict = lambda model: model.predict_proba(x[test])[:, 1]
wall, cpu = time.perf_counter(), time.process_time()
model = fit()
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
print(json.dumps(dict(wallSeconds=wall, cpuSeconds=cpu, auc=roc_auc_score(y[test], predict(model)))))
`;

/** The interpreter of an environment that has the packages, made on first use. Throws with the tool's own words. */
async function preparePython(): Promise<string> {
  const folder = join(tmpdir(), "strata-bench-python"), python = join(folder, "bin", "python");
  if (!existsSync(python)) await run("python3", ["-m", "venv", folder]);
  await run(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...PYTHON_PACKAGES], { timeout: 600_000 });
  return python;
}

async function measurePython(python: string, trainer: TrainerResult["trainer"], folder: string, { rows, trees, leaves, threads }: TrainingBenchOptions): Promise<Measured> {
  const { stdout } = await run(python, ["-c", PYTHON_TRAINER, trainer, folder, ...[rows, trees, leaves, threads].map(String)], { env: { ...process.env, OMP_NUM_THREADS: String(threads) } });
  return JSON.parse(stdout) as Measured; // printed by the script above
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

function summarise(trainer: TrainerResult["trainer"], runs: readonly Measured[]): TrainerResult {
  return {
    trainer, wallSeconds: median(runs.map((one) => one.wallSeconds)), cpuSeconds: median(runs.map((one) => one.cpuSeconds)),
    cpuSecondsOfRuns: runs.map((one) => Number(one.cpuSeconds.toFixed(2))), auc: median(runs.map((one) => one.auc)),
  };
}

/** CPU microseconds per row by batch size, best of five passes over varying rows; repeating one row would flatter branches. */
function measureScoring(model: TreeModel, { values, label }: Rows): Readonly<Record<string, number>> {
  const scorer = createTreeScorer(model);
  const count = Math.min(20_000, label.length);
  return Object.fromEntries([1, 16, 256].map((batch) => {
    const batches = Array.from({ length: Math.floor(count / batch) }, (_, i) => Float64Array.from(values.subarray(i * batch * COLUMNS, (i + 1) * batch * COLUMNS)));
    const passes = Array.from({ length: 5 }, () => {
      const cpu = process.cpuUsage();
      for (const one of batches) scorer.predict(one, batch);
      return process.cpuUsage(cpu).user / (batches.length * batch);
    });
    return [`batch${batch}`, Number(Math.min(...passes).toFixed(2))];
  }));
}

/** Trains in turns, so that a noisy machine is noisy for everyone. */
export async function benchTraining(options: TrainingBenchOptions): Promise<TrainingBenchResult> {
  const train = generateRows(options.rows, options.seed), test = generateRows(Math.ceil(options.rows / 4), options.seed + 1);
  const folder = await mkdtemp(join(tmpdir(), "strata-bench-training-"));
  try {
    await writeFile(join(folder, "values.f32"), Buffer.concat([train.values, test.values].map((part) => Buffer.from(part.buffer))));
    await writeFile(join(folder, "label.f32"), Buffer.concat([train.label, test.label].map((part) => Buffer.from(part.buffer))));
    let skipped: string | undefined;
    const python = await preparePython().catch((thrown: unknown) => {
      skipped = thrown instanceof Error ? thrown.message.trim().split("\n").slice(0, 3).join(" ") : String(thrown);
      return undefined;
    });
    const ours: Measured[] = [], lightgbm: Measured[] = [], scikit: Measured[] = [];
    for (let round = 0; round < options.runs; round++) {
      ours.push(await measureStrata(train, test, options));
      if (python === undefined) continue;
      lightgbm.push(await measurePython(python, "lightgbm", folder, options));
      scikit.push(await measurePython(python, "scikit-learn", folder, options));
    }
    const others = python === undefined ? [] : [summarise("lightgbm", lightgbm), summarise("scikit-learn", scikit)];
    return { trainers: [summarise("strata", ours), ...others], skipped, scoringMicrosecondsPerRow: measureScoring(await trainDepthSix(train), test) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function print(options: TrainingBenchOptions, { trainers, skipped, scoringMicrosecondsPerRow }: TrainingBenchResult): void {
  console.log(JSON.stringify(options));
  const [ours] = trainers;
  for (const result of trainers) {
    console.log(`${result.trainer.padEnd(13)} wall ${result.wallSeconds.toFixed(2)} s, cpu ${result.cpuSeconds.toFixed(2)} s [${result.cpuSecondsOfRuns.join(", ")}], AUC ${result.auc.toFixed(5)}`
      + (result === ours ? "" : `; strata takes ${(ours!.cpuSeconds / result.cpuSeconds).toFixed(2)}x its CPU time, AUC ${(ours!.auc - result.auc).toFixed(5)}`));
  }
  if (skipped !== undefined) console.log(`comparison skipped: ${skipped}`);
  console.log(`scoring 100 trees of depth 6, CPU µs per row: ${JSON.stringify(scoringMicrosecondsPerRow)}`);
}

if (import.meta.main) {
  const { values: flags } = parseArgs({ options: {
    rows: { type: "string", default: "200000" }, trees: { type: "string", default: "100" }, leaves: { type: "string", default: "63" },
    threads: { type: "string", default: "1" }, runs: { type: "string", default: "3" }, seed: { type: "string", default: "1" },
  } });
  const options = Object.fromEntries(Object.entries(flags).map(([name, text]) => [name, Number(text)])) as unknown as TrainingBenchOptions; // the table above has its keys
  print(options, await benchTraining(options));
}
