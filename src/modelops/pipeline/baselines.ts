/** What a model must beat to be worth its keep: scores that need no learning. Pure. */
import type { Model } from "../../define/index.ts";
import { CANDIDATE_FEATURES } from "../../define/index.ts";
import type { TrainingColumn } from "../training/training-data.ts";

export interface Baseline {
  readonly name: string;
  /** What it is, for people. */
  readonly description: string;
  readonly scores: Float64Array;
}

const CANDIDATE_BASELINES: Readonly<Record<(typeof CANDIDATE_FEATURES)[number], string | undefined>> = {
  popularity: "most popular", repeats: "repeat purchase", together: "item to item", interest: undefined,
};

/** Ranking: each candidate source's own order. Otherwise: the training rows' mean (or class shares) for everyone. */
export function baselinesOf(model: Model, columns: readonly TrainingColumn[], trainingLabels: Float64Array): readonly Baseline[] {
  const rows = columns[0]?.values.length ?? 0;
  if (model.examples.kind === "each-candidate") return candidateBaselines(model.examples.candidates.name, columns);
  const classes = model.trainer.parameters.classes ?? 1;
  if (model.trainer.parameters.objective === "multiclass") {
    const shares = classShares(trainingLabels, classes);
    return [{ name: "prior", description: "class shares", scores: Float64Array.from({ length: rows * classes }, (_, at) => shares[at % classes]!) }];
  }
  const mean = trainingLabels.reduce((sum, label) => sum + label, 0) / Math.max(1, trainingLabels.length);
  return [{ name: "mean", description: "mean of the training rows", scores: new Float64Array(rows).fill(mean) }];
}

function candidateBaselines(source: string, columns: readonly TrainingColumn[]): readonly Baseline[] {
  return CANDIDATE_FEATURES.flatMap((feature) => {
    const description = CANDIDATE_BASELINES[feature];
    const column = columns.find((candidate) => candidate.name === `${source}.${feature}`);
    return description === undefined || column === undefined ? [] : [{ name: feature, description, scores: column.values }];
  });
}

function classShares(labels: Float64Array, classes: number): Float64Array {
  const shares = new Float64Array(classes);
  for (const label of labels) shares[label]! += 1 / labels.length;
  return shares;
}
