/**
 * A training set: columns of numbers, labels, query groups, and what every row stands for, in order of time. It has
 * the shape that trainers take (`columns`, `label`, `groups`), once for learning and once held out.
 */
import type { Column } from "../../ports/analytics.ts";

export type TextColumn = Extract<Column, { readonly kind: "text" }>;

export interface TrainingSetColumn {
  /** `source.feature`, as in featureColumns(model). */
  readonly name: string;
  readonly kind: "numeric" | "categorical";
  /** One per row; NaN = missing. Categorical: a code of `categories`; a text that is not among them is missing. */
  readonly values: Float64Array;
  readonly categories?: readonly string[];
}

export interface TrainingRows {
  readonly rows: number;
  readonly columns: readonly TrainingSetColumn[];
  readonly label: Float64Array;
  /** Rows per query group, in row order; only for candidate examples. */
  readonly groups?: Uint32Array;
  /** Per group: different items that turned out relevant, also those that were not candidates. */
  readonly totalRelevant?: Float64Array;
  /** The time of each row's example, ms since the epoch, ascending. */
  readonly timesMs: Float64Array;
  /** The entity keys of each row, by entity name. */
  readonly keys: Readonly<Record<string, TextColumn>>;
}

/** Why examples are not in the set. */
export type DropReason =
  /** Their label window had not ended. */
  | "label-window-open"
  /** Their label window reaches into the held-out time: the model would learn what it is judged by. */
  | "label-window-held-out"
  | "missing-key"
  | "missing-label"
  /** Nothing to rank yet. */
  | "no-candidates"
  /** Older than the latest `maxGroups`. */
  | "over-limit";

export interface TrainingSet {
  readonly model: string;
  /** The lake snapshot it was made from, and the time up to which labels were known. */
  readonly snapshot: string;
  readonly atMs: number;
  readonly training: TrainingRows;
  readonly validation: TrainingRows;
  /** Texts by code, for every categorical column: the most frequent of the training rows, sorted. */
  readonly categories: Readonly<Record<string, readonly string[]>>;
  /** Examples (groups, for candidate examples) that were left out, by reason. */
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>;
}
