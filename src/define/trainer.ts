/** How a model learns: plain parameters, checked when the definition is validated; the training domain runs them. */

export type Objective = "binary" | "regression" | "multiclass" | "lambdarank";

export interface GradientBoostingOptions {
  readonly objective: Objective;
  /** Most trees; early stopping usually keeps fewer. Default 200. */
  readonly trees?: number;
  /** Shrinkage of each tree, in (0, 1]. Default 0.1. */
  readonly learningRate?: number;
  /** Leaves per tree, 2 to 1024. Default 31. */
  readonly leaves?: number;
  /** Fewest rows in a leaf. Default 20. */
  readonly minChildSamples?: number;
  /** L2 regularisation of leaf values. Default 1. */
  readonly lambda?: number;
  /** Share of rows each tree sees, in (0, 1]. Default 1. */
  readonly rowFraction?: number;
  /** Share of columns each tree sees, in (0, 1]. Default 1. */
  readonly columnFraction?: number;
  /** Stop when the validation metric has not improved for this many trees; 0 never stops early. Default 30. */
  readonly earlyStoppingRounds?: number;
  /** Number of classes, for multiclass. */
  readonly classes?: number;
  /** Same seed, same data, same model, on any number of threads. Default 1. */
  readonly seed?: number;
}

export interface Trainer {
  readonly kind: "gradient-boosting";
  readonly parameters: Required<Omit<GradientBoostingOptions, "classes">> & { readonly classes: number | undefined };
}

/** Histogram gradient-boosted trees (Friedman 2001; LightGBM's leaf-wise growth, Ke et al. 2017; LambdaMART, Burges 2010). */
export function gradientBoosting(options: GradientBoostingOptions): Trainer {
  return Object.freeze({
    kind: "gradient-boosting" as const,
    parameters: Object.freeze({
      objective: options.objective, trees: options.trees ?? 200, learningRate: options.learningRate ?? 0.1,
      leaves: options.leaves ?? 31, minChildSamples: options.minChildSamples ?? 20, lambda: options.lambda ?? 1,
      rowFraction: options.rowFraction ?? 1, columnFraction: options.columnFraction ?? 1,
      earlyStoppingRounds: options.earlyStoppingRounds ?? 30, classes: options.classes, seed: options.seed ?? 1,
    }),
  });
}
