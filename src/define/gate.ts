/** A gate is a condition a version must meet before an alias may point to it. A gate that cannot be computed fails. */

/** Metrics by objective: ranking "ndcg@k" and "recall@k"; binary "auc", "logloss"; regression "rmse", "mae"; multiclass "accuracy", "logloss". */
export type MetricName = `ndcg@${number}` | `recall@${number}` | "auc" | "logloss" | "rmse" | "mae" | "accuracy";

export interface Gate {
  readonly metric: MetricName;
  readonly min?: number;
  readonly max?: number;
  /** The paired bootstrap 95 % interval of (challenger - champion) must not lie below -margin. */
  readonly beatsChampion?: { readonly margin: number };
  /** The paired bootstrap 95 % interval of (challenger - baseline) must lie above zero. "best" takes the strongest baseline. */
  readonly beatsBaseline?: string;
}

/** Declares a gate, e.g. `gate("ndcg@10", { min: 0.1, beatsBaseline: "popularity", beatsChampion: { margin: 0.01 } })`. */
export function gate(metric: MetricName, conditions: Omit<Gate, "metric">): Gate {
  return Object.freeze({ metric, ...conditions });
}

/** Whether larger values of the metric are better. */
export function isHigherBetter(metric: string): boolean {
  return !["logloss", "rmse", "mae"].includes(metric);
}
