import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createTreeScorer } from "../../engines/trees/tree-scorer.ts";
import { createManualClock } from "../../kernel/clock.ts";
import { isStrataError, type ErrorCode } from "../../kernel/errors.ts";
import { createRandom } from "../../kernel/random.ts";
import { decodeTreeModel, encodeTreeModel, type TreeModel } from "../../ports/tree-model.ts";
import { trainGradientBoosting, type TrainingProgress } from "./gradient-boosting.ts";
import { evaluateMetric } from "./metrics.ts";
import type { GradientBoostingParameters, TrainingMetric } from "./parameters.ts";
import type { LabeledRows, TrainingColumn, TrainingData } from "./training-data.ts";

const numeric = (name: string, values: Float64Array): TrainingColumn => ({ name, kind: "numeric", values });
const categorical = (name: string, values: Float64Array): TrainingColumn => ({ name, kind: "categorical", values });
const fill = (rows: number, make: (row: number) => number): Float64Array => Float64Array.from({ length: rows }, (_, row) => make(row));

function matrixOf({ columns, label }: LabeledRows): Float64Array {
  return fill(columns.length * label.length, (i) => columns[i % columns.length]!.values[Math.floor(i / columns.length)]!);
}

/** A metric of a stored model on rows, from the scorer's raw scores; the metrics want [output * rows + row]. */
function judge(model: TreeModel, rows: LabeledRows, metric: TrainingMetric): number {
  const count = rows.label.length;
  const raw = createTreeScorer(model).rawScores(matrixOf(rows), count);
  return evaluateMetric(metric, { ...rows, outputs: model.outputs, scores: fill(raw.length, (i) => raw[(i % count) * model.outputs + Math.floor(i / count)]!) });
}

/** Labels by the signs of two columns: no single column says anything. */
function xorRows(rows: number, seed: number): LabeledRows {
  const random = createRandom(seed);
  const [a, b, noise] = [0, 1, 2].map(() => fill(rows, () => random.normal()));
  return { columns: [numeric("a", a!), numeric("b", b!), numeric("noise", noise!)], label: fill(rows, (row) => +(a![row]! > 0 !== b![row]! > 0)) };
}

const refusedWith = (code: ErrorCode, text: RegExp) => (thrown: unknown): boolean => isStrataError(thrown) && thrown.code === code && text.test(thrown.message);

describe("trainGradientBoosting: what it learns", () => {
  it("learns an interaction that no single column shows", async () => {
    const { model, importances } = await trainGradientBoosting(xorRows(4000, 1), { objective: "binary", trees: 60, leaves: 15, columnFraction: 0.67 });
    assert.ok(judge(model, xorRows(2000, 2), "auc") > 0.98);
    const [a, b, noise] = importances;
    assert.ok(noise!.gain < 0.1 * Math.min(a!.gain, b!.gain), "the noise column gains little");
    assert.equal(a!.splits + b!.splits + noise!.splits, model.nodes.feature.filter((feature) => feature >= 0).length);
  });

  it("never makes the training loss worse on noiseless regression", async () => {
    const random = createRandom(3);
    const x = fill(3000, () => random.next() * 6);
    const { history } = await trainGradientBoosting({ columns: [numeric("x", x)], label: x.map((value) => Math.sin(value) * value) }, { objective: "regression", trees: 80, leaves: 8 });
    history.forEach(({ trainMetric }, i) => assert.ok(i === 0 || trainMetric <= history[i - 1]!.trainMetric + 1e-12, `iteration ${i + 1}`));
    assert.ok(history.at(-1)!.trainMetric < 0.05);
  });

  it("with one leaf size of rows, unit learning rate and no regularisation reproduces the labels exactly", async () => {
    const x = Float64Array.of(5, 1, 4, 2, 3, 0);
    const label = Float64Array.of(7, -3, 2.5, 11, 0.125, 9);
    const { model } = await trainGradientBoosting({ columns: [numeric("x", x)], label }, { objective: "regression", trees: 1, leaves: 6, learningRate: 1, lambda: 0, minChildSamples: 1 });
    const predicted = createTreeScorer(model).predict(x, 6);
    predicted.forEach((value, i) => assert.ok(Math.abs(value - label[i]!) < 1e-12));
  });

  it("leaf values are -learningRate * G / (H + λ), by hand", async () => {
    const x = Float64Array.of(0, 0, 0, 1, 1, 1), label = Float64Array.of(1, 2, 3, 10, 11, 12);
    const { model } = await trainGradientBoosting({ columns: [numeric("x", x)], label }, { objective: "regression", trees: 1, learningRate: 0.5, lambda: 2, minChildSamples: 1 });
    const mean = 6.5, left = -0.5 * (3 * mean - 6) / (3 + 2), right = -0.5 * (3 * mean - 33) / (3 + 2);
    assert.deepEqual([...model.nodes.value], [0, left, right]);
    assert.deepEqual([...model.nodes.rows], [6, 3, 3]);
    assert.ok(Math.abs(model.nodes.gain[0]! - 2 * 13.5 ** 2 / 5) < 1e-9, "G_l²/(H_l+λ) + G_r²/(H_r+λ) - 0");
    assert.ok(model.nodes.threshold[0]! >= 0 && model.nodes.threshold[0]! < 1);
  });

  it("fits every class's tree to the scores at the start of the iteration, by hand", async () => {
    const x = fill(30, (row) => row % 3);
    const { model } = await trainGradientBoosting({ columns: [numeric("x", x)], label: x }, { objective: "multiclass", classes: 3, trees: 1, learningRate: 1, lambda: 0, minChildSamples: 1 });
    const leaves = [...model.nodes.value].filter((_, node) => model.nodes.feature[node] === -1).map((value) => Math.round(value * 1e6) / 1e6);
    assert.deepEqual(leaves.toSorted((a, b) => a - b), [-1, -1, -1, -1, 2, 2, 2]); // priors 1/3: (2/3) / (1/3) for the class, -(1/3) / (1/3) for others
    assert.deepEqual([...createTreeScorer(model).rawScores(Float64Array.of(1), 1)].map((score) => Math.round((score - Math.log(1 / 3)) * 1e6) / 1e6), [-1, 2, -1]);
  });

  it("sums histograms that take several turns of the event loop", async () => {
    const values = fill(60_000, (row) => row % 3); // 60,000 rows x 72 columns are more than a quantum of cells
    const columns = Array.from({ length: 72 }, (_, i) => numeric(`n${i}`, values));
    const { model } = await trainGradientBoosting({ columns, label: values }, { objective: "regression", trees: 1, learningRate: 1, lambda: 0, leaves: 3 });
    assert.deepEqual([...model.nodes.rows].toSorted((a, b) => a - b), [20_000, 20_000, 20_000, 40_000, 60_000]);
    assert.deepEqual([...createTreeScorer(model).predict(fill(3 * 72, (i) => Math.floor(i / 72)), 3)].map((value) => Math.round(value * 1e6) / 1e6), [0, 1, 2]);
  });

  it("uses missing values as a signal, and in whichever direction the gain says", async () => {
    const random = createRandom(5);
    const signal = fill(3000, () => +(random.next() < 0.5));
    for (const missingClass of [0, 1]) {
      const values = fill(3000, (row) => (signal[row] === missingClass && random.next() < 0.7 ? NaN : random.normal() + (1 - 2 * missingClass) * 2 * signal[row]!));
      const rows = { columns: [numeric("x", values)], label: signal };
      const { model } = await trainGradientBoosting(rows, { objective: "binary", trees: 20, leaves: 8 });
      const [present, absent] = createTreeScorer(model).predict(Float64Array.of(missingClass === 1 ? 1 : 3, NaN), 2);
      assert.ok(Math.abs(absent! - missingClass) < 0.1, `missing means class ${missingClass}: ${absent}`);
      assert.ok(Math.abs(present! - missingClass) > 0.5, `a typical present value means the other class: ${present}`);
      assert.ok(judge(model, rows, "auc") > 0.9);
    }
  });

  it("sends missing values that training never saw with the larger child", async () => {
    const x = fill(300, (row) => +(row % 3 === 0));
    const { model } = await trainGradientBoosting({ columns: [numeric("x", x)], label: x.map((value) => value * 10) }, { objective: "regression", trees: 1, learningRate: 1, lambda: 0 });
    assert.equal(Math.round(createTreeScorer(model).predict(Float64Array.of(NaN), 1)[0]!), 0);
  });

  it("groups categories in one split that an order of codes could not", async () => {
    const random = createRandom(7);
    const codes = fill(6000, () => random.integer(40));
    const isHot = (code: number): boolean => (code * 11) % 40 < 20;
    const label = codes.map((code) => +(random.next() < (isHot(code) ? 0.9 : 0.1)));
    const [asCategories, asNumbers] = await Promise.all([categorical("c", codes), numeric("c", codes)].map((column) =>
      trainGradientBoosting({ columns: [column], label }, { objective: "binary", trees: 5, leaves: 2, learningRate: 0.5, lambda: 0 })));
    const rows = (kind: typeof categorical): LabeledRows => ({ columns: [kind("c", codes)], label });
    assert.ok(judge(asCategories!.model, rows(categorical), "auc") > 0.89);
    assert.ok(judge(asNumbers!.model, rows(numeric), "auc") < 0.8);
    const listed = [...asCategories!.model.nodes.categories.subarray(0, asCategories!.model.nodes.categoryStarts[1])];
    assert.equal(listed.length, 20);
    assert.equal(new Set(listed.map(isHot)).size, 1, "one split separates the hot codes");
  });

  it("keeps categories beyond maxBins and unseen ones together with missing values", async () => {
    const codes = fill(4000, (row) => (row % 2 === 0 ? row % 4 : 100 + (row % 700))); // 0 and 2 are frequent, the others rare
    const label = codes.map((code) => (code === 0 ? 5 : code === 2 ? -5 : 1));
    const { model } = await trainGradientBoosting({ columns: [categorical("c", codes)], label }, { objective: "regression", trees: 40, maxBins: 2, lambda: 0, categoricalLambda: 0 });
    const predicted = createTreeScorer(model).predict(Float64Array.of(0, 2, 101, 9999, NaN), 5);
    [5, -5, 1, 1, 1].forEach((expected, i) => assert.ok(Math.abs(predicted[i]! - expected) < 0.2, `${predicted[i]}`));
  });

  it("honours leaves, maxDepth, minChildSamples and minGain", async () => {
    const data = xorRows(2000, 9);
    const grow = async (parameters: Partial<GradientBoostingParameters>): Promise<TreeModel["nodes"]> =>
      (await trainGradientBoosting(data, { objective: "binary", trees: 1, leaves: 64, ...parameters })).model.nodes;
    const leafRows = (nodes: TreeModel["nodes"]): number[] => [...nodes.rows].filter((_, node) => nodes.feature[node] === -1);
    assert.equal(leafRows(await grow({ leaves: 7, minChildSamples: 1 })).length, 7);
    assert.ok(leafRows(await grow({ maxDepth: 3, minChildSamples: 1 })).length <= 8);
    assert.ok(Math.min(...leafRows(await grow({ minChildSamples: 300 }))) >= 300);
    assert.equal(leafRows(await grow({ minGain: 1e9 })).length, 1);
    assert.equal(leafRows(await grow({})).reduce((a, b) => a + b, 0), 2000);
  });

  it("weights count like repeated rows", async () => {
    const fine = xorRows(600, 11);
    const columns = fine.columns.map((column) => numeric(column.name, column.values.map((value) => Math.round(value * 20)))); // under 255 values: the same bins
    const base = { columns, label: fine.columns[0]!.values.map((value, row) => value * fine.columns[1]!.values[row]!) };
    const weight = fill(600, (row) => 1 + (row % 3));
    const repeated = [...weight].flatMap((count, row) => Array.from({ length: count }, () => row));
    const pick = (values: Float64Array): Float64Array => Float64Array.from(repeated, (row) => values[row]!);
    const parameters = { objective: "regression", trees: 10, leaves: 8, minChildSamples: 1, minChildWeight: 5 } as const;
    const weighted = await trainGradientBoosting({ ...base, weight }, parameters);
    const copied = await trainGradientBoosting({ columns: base.columns.map((column) => ({ ...column, values: pick(column.values) })), label: pick(base.label) }, parameters);
    const [a, b] = [weighted, copied].map(({ model }) => createTreeScorer(model).predict(matrixOf(base), 600));
    a!.forEach((value, row) => assert.ok(Math.abs(value - b![row]!) < 1e-6));
  });
});

describe("trainGradientBoosting: objectives against trivial baselines", () => {
  it("binary: log loss below that of the base rate", async () => {
    const rows = xorRows(3000, 21), held = xorRows(1500, 22);
    const { model } = await trainGradientBoosting(rows, { objective: "binary", trees: 50 });
    assert.ok(judge(model, held, "logloss") < 0.35 * Math.LN2);
  });

  it("multiclass: log loss below that of the priors, probabilities sum to 1", async () => {
    const make = (seed: number): LabeledRows => {
      const random = createRandom(seed);
      const [x, y] = [0, 1].map(() => fill(2400, () => random.normal()));
      return { columns: [numeric("x", x!), numeric("y", y!)], label: fill(2400, (row) => (x![row]! > 0.3 ? 2 : y![row]! > 0 ? 1 : 0)) };
    };
    const held = make(24);
    const { model } = await trainGradientBoosting(make(23), { objective: "multiclass", classes: 3, trees: 40, leaves: 8 });
    assert.ok(judge(model, held, "multi_logloss") < 0.1);
    const probabilities = createTreeScorer(model).predict(matrixOf(held), held.label.length);
    for (let row = 0; row < held.label.length; row++) {
      const sum = probabilities[3 * row]! + probabilities[3 * row + 1]! + probabilities[3 * row + 2]!;
      assert.ok(Math.abs(sum - 1) < 1e-12);
    }
  });

  it("regression: error far below the standard deviation", async () => {
    const random = createRandom(25);
    const x = fill(3000, () => random.normal()), y = fill(3000, () => random.normal());
    const rows = { columns: [numeric("x", x), numeric("y", y)], label: fill(3000, (row) => 100 + 10 * x[row]! * y[row]!) };
    const { model } = await trainGradientBoosting(rows, { objective: "regression", trees: 100 });
    assert.ok(judge(model, rows, "rmse") < 3); // the standard deviation is 10
  });

  /** Relevance grows with two columns; the label is what a user with a taste of their own would click. */
  function ranking(seed: number, queries: number): LabeledRows {
    const random = createRandom(seed);
    const groups = Uint32Array.from({ length: queries }, () => 5 + random.integer(20));
    const rows = groups.reduce((a, b) => a + b, 0);
    const [match, fresh, noise] = [0, 1, 2].map(() => fill(rows, () => random.normal()));
    const label = fill(rows, (row) => Math.min(4, Math.max(0, Math.round(match![row]! + Math.abs(fresh![row]!) + random.normal() * 0.3))));
    return { columns: [numeric("match", match!), numeric("fresh", fresh!), numeric("noise", noise!)], label, groups };
  }

  it("lambdarank: NDCG@5 well above both a random order and the best single column, and it grows", async () => {
    const rows = ranking(31, 250), held = ranking(32, 150);
    const { model, history } = await trainGradientBoosting({ ...rows, validation: held }, { objective: "lambdarank", ndcgAt: 5, trees: 60, leaves: 15, earlyStoppingRounds: 0 });
    const baseline = (column: number): number => evaluateMetric("ndcg@5", { ...held, outputs: 1, scores: held.columns[column]!.values });
    const learned = judge(model, held, "ndcg@5");
    assert.ok(learned > 0.93 && learned > baseline(0) + 0.1 && learned > baseline(2) + 0.3, `learned ${learned}, single column ${baseline(0)}, random ${baseline(2)}`);
    assert.ok(history.at(-1)!.validationMetric! > history[0]!.validationMetric!);
    assert.equal(history.at(-1)!.validationMetric, learned, "the stored model scores as training did");
  });
});

describe("trainGradientBoosting: reproducibility", () => {
  const mixedData = (): TrainingData => {
    const random = createRandom(41);
    const rows = 12_000;
    const columns = [
      ...Array.from({ length: 9 }, (_, i) => numeric(`n${i}`, fill(rows, () => (random.next() < 0.05 ? NaN : random.normal())))),
      categorical("c", fill(rows, () => random.integer(50))),
    ];
    const label = fill(rows, (row) => +((columns[0]!.values[row]! || 0) * (columns[1]!.values[row]! || 0) + ((columns[9]!.values[row]! * 7) % 3) > 1));
    return { columns, label, weight: fill(rows, () => random.next() + 0.5) };
  };

  it("gives the same bytes on 1, 2 and 3 threads, with bagging and column sampling", async () => {
    const data = mixedData();
    const parameters = { objective: "binary", trees: 8, leaves: 31, rowFraction: 0.8, columnFraction: 0.7, seed: 5 } as const;
    const [one, two, three] = await Promise.all([1, 2, 3].map(async (threads) => encodeTreeModel((await trainGradientBoosting(data, parameters, { threads })).model)));
    assert.deepEqual(two, one);
    assert.deepEqual(three, one);
  });

  it("gives the same bytes on 1 and 2 threads for softmax and ranking", async () => {
    const { columns, label } = mixedData();
    const ranking = { columns, label, groups: new Uint32Array(600).fill(20) };
    for (const [data, parameters] of [
      [{ columns, label: label.map((value, row) => value + (row % 2)) }, { objective: "multiclass", classes: 3, trees: 3 }],
      [ranking, { objective: "lambdarank", trees: 4 }],
    ] as const) {
      const [one, two] = await Promise.all([1, 2].map(async (threads) => encodeTreeModel((await trainGradientBoosting(data, parameters, { threads })).model)));
      assert.deepEqual(two, one);
    }
  });

  it("depends on the seed only where chance is asked for", async () => {
    const data = xorRows(3000, 42);
    const bytes = async (seed: number, rowFraction: number): Promise<Uint8Array> =>
      encodeTreeModel((await trainGradientBoosting(data, { objective: "binary", trees: 3, seed, rowFraction })).model);
    assert.deepEqual(await bytes(1, 1), await bytes(2, 1));
    assert.notDeepEqual(await bytes(1, 0.5), await bytes(2, 0.5));
  });

  it("scores out-of-bag and validation rows by bins exactly as the stored model scores values", async () => {
    const data = mixedData(), held = mixedData();
    const { model, history } = await trainGradientBoosting({ ...data, validation: held }, { objective: "binary", trees: 6, rowFraction: 0.5, earlyStoppingRounds: 0 });
    assert.equal(judge(decodeTreeModel(encodeTreeModel(model), { model: "m", version: 1 }), held, "logloss"), history.at(-1)!.validationMetric);
    assert.equal(judge(model, data, "logloss"), history.at(-1)!.trainMetric, "12,000 rows are all sampled");
  });
});

describe("trainGradientBoosting: stopping", () => {
  it("stops early and keeps the best iteration", async () => {
    const noise = (seed: number): LabeledRows => {
      const random = createRandom(seed);
      const x = fill(600, () => random.normal());
      return { columns: [numeric("x", x)], label: x.map((value) => +(value + 2 * random.normal() > 0)) };
    };
    const { history, bestIteration, stoppedEarly, model } = await trainGradientBoosting({ ...noise(51), validation: noise(52) }, { objective: "binary", trees: 400, earlyStoppingRounds: 10, minChildSamples: 5 });
    assert.ok(stoppedEarly);
    assert.equal(history.length, bestIteration + 10);
    assert.equal(model.nodes.treeStarts.length - 1, bestIteration);
    const losses = history.map((entry) => entry.validationMetric!);
    assert.equal(losses.indexOf(Math.min(...losses)) + 1, bestIteration);
  });

  it("ends when no tree can split, with one constant tree per output", async () => {
    const { model, history } = await trainGradientBoosting({ columns: [numeric("x", fill(100, () => 1))], label: fill(100, (row) => row % 3) }, { objective: "multiclass", classes: 3, trees: 50 });
    assert.equal(history.length, 1);
    createTreeScorer(model).predict(Float64Array.of(1), 1).forEach((value) => assert.ok(Math.abs(value - 1 / 3) < 0.01));
  });

  it("reports each iteration with time from the given clock, and lets timers run in between", async () => {
    const clock = createManualClock(1000);
    const reports: TrainingProgress[] = [];
    let ticks = 0;
    const timer = setInterval(() => { ticks++; }, 1);
    const random = createRandom(61);
    const columns = Array.from({ length: 20 }, (_, i) => numeric(`n${i}`, fill(60_000, () => random.next())));
    await trainGradientBoosting({ columns, label: columns[0]!.values.map((value) => value * value) }, { objective: "regression", trees: 4 }, {
      clock, onProgress: (progress) => { reports.push(progress); clock.advance(5); },
    });
    clearInterval(timer);
    assert.deepEqual(reports.map(({ iteration, total, elapsedMs, validationMetric }) => [iteration, total, elapsedMs, validationMetric]), [[1, 4, 0, undefined], [2, 4, 5, undefined], [3, 4, 10, undefined], [4, 4, 15, undefined]]);
    assert.ok(ticks >= 4, `timers ran ${ticks} times`);
  });

  for (const threads of [1, 2]) {
    it(`is cancelled at once, on ${threads} thread(s)`, async () => {
      const data = xorRows(20_000, 71);
      const controller = new AbortController();
      let iterations = 0;
      await assert.rejects(
        trainGradientBoosting(data, { objective: "binary", trees: 10_000 }, { threads, signal: controller.signal, onProgress: () => { if (++iterations === 2) controller.abort(); } }),
        refusedWith("ABORTED", /Training was cancelled/),
      );
      assert.equal(iterations, 2);
      const within = new AbortController();
      setTimeout(() => within.abort(), 20);
      await assert.rejects(trainGradientBoosting(data, { objective: "binary", trees: 10_000 }, { threads, signal: within.signal }), refusedWith("ABORTED", /cancelled/));
      await assert.rejects(trainGradientBoosting(data, { objective: "binary" }, { threads, signal: AbortSignal.abort() }), refusedWith("ABORTED", /cancelled/));
    });
  }
});

describe("trainGradientBoosting: refusals", () => {
  const good = xorRows(200, 81);
  const attempt = (data: TrainingData, parameters: Partial<GradientBoostingParameters> = {}, threads = 1): Promise<unknown> =>
    trainGradientBoosting(data, { objective: "binary", trees: 1, ...parameters }, { threads });

  it("names the parameter that does not fit", async () => {
    const bad: readonly [Partial<GradientBoostingParameters>, RegExp][] = [
      [{ trees: 0 }, /trees/], [{ trees: 1.5 }, /trees.*whole/], [{ learningRate: 0 }, /learningRate.*above 0/], [{ leaves: 1 }, /leaves/], [{ leaves: 1025 }, /leaves/],
      [{ rowFraction: 1.1 }, /rowFraction/], [{ columnFraction: 0 }, /columnFraction/], [{ lambda: -1 }, /lambda/], [{ lambda: NaN }, /lambda/], [{ maxBins: 256 }, /maxBins/],
      [{ seed: -1 }, /seed/], [{ metric: "rmse" }, /metric.*logloss or auc/], [{ classes: 3 }, /classes/], [{ objective: "multiclass" }, /classes/],
      [{ earlyStoppingRounds: 5 }, /earlyStoppingRounds.*validation/], [{ objective: "poisson" as "binary" }, /objective.*poisson/], [{ treees: 3 } as object, /treees.*no such/],
    ];
    for (const [parameters, text] of bad) await assert.rejects(attempt(good, parameters), refusedWith("TRAINING_PARAMETER_INVALID", text));
    const wide = Array.from({ length: 1200 }, (_, i) => numeric(`n${i}`, fill(600, (row) => (row * (i + 7)) % 599)));
    await assert.rejects(attempt({ columns: wide, label: fill(600, (row) => row % 2) }, { leaves: 1024 }), refusedWith("TRAINING_PARAMETER_INVALID", /leaves.*4\d{3} MiB of histograms/));
    await assert.rejects(attempt(good, {}, 0), refusedWith("TRAINING_PARAMETER_INVALID", /threads/));
  });

  it("names the data that does not fit", async () => {
    const withColumn = (column: TrainingColumn): TrainingData => ({ ...good, columns: [...good.columns, column] });
    const codes = (bad: number): TrainingColumn => categorical("c", fill(200, (row) => (row === 7 ? bad : 1)));
    const bad: readonly [TrainingData, RegExp, Partial<GradientBoostingParameters>?][] = [
      [{ ...good, columns: [] }, /no columns/], [{ columns: [numeric("a", new Float64Array(0))], label: new Float64Array(0) }, /no rows/],
      [withColumn(good.columns[0]!), /same name/], [withColumn(numeric("short", new Float64Array(3))), /"short" has 3 values/],
      [withColumn(codes(-1)), /-1.*"c".*row 7/], [withColumn(codes(1.5)), /1\.5/], [withColumn(codes(2 ** 24)), /16777216/], [withColumn({ ...codes(2), categories: ["x", "y"] }), /0 to 1/],
      [{ ...good, label: good.label.with(3, 0.5) }, /label 0\.5 of row 3/], [{ ...good, label: good.label.with(3, NaN) }, /label NaN/],
      [{ ...good, weight: new Float64Array(200) }, /every weight is 0/], [{ ...good, weight: fill(200, (row) => (row === 9 ? -1 : 1)) }, /weight -1 of row 9/],
      [{ ...good, groups: Uint32Array.of(200) }, /lambdarank only/], [good, /needs groups/, { objective: "lambdarank" }],
      [{ ...good, groups: Uint32Array.of(100, 99) }, /cover 199/, { objective: "lambdarank" }],
      [{ ...good, validation: { ...good, columns: good.columns.toReversed() } }, /validation columns differ/],
      [{ ...good, validation: { ...good, label: good.label.with(0, 2) } }, /validation label 2/],
    ];
    for (const [data, text, parameters] of bad) await assert.rejects(attempt(data, parameters), refusedWith("TRAINING_DATA_INVALID", text), text.source);
  });
});
