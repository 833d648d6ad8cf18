/** Examples before they have features: who, when, what happened; in order of time. */
import type { DropReason, TextColumn } from "./training-set.ts";

export interface ExampleRows {
  readonly rows: number;
  /** Ascending. An example's features may use what was known at its time and nothing later. */
  readonly timesMs: Float64Array;
  readonly keys: Readonly<Record<string, TextColumn>>;
  readonly label: Float64Array;
  /** Rows of each group, in order; for candidate examples. */
  readonly groups?: Uint32Array;
  readonly totalRelevant?: Float64Array;
  /** Candidate features of each row by source, row-major in the order of CANDIDATE_FEATURES. */
  readonly candidateFeatures: Readonly<Record<string, Float64Array>>;
}

export interface FoundExamples {
  readonly examples: ExampleRows;
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>;
}

/** Only counts that are not zero. */
export function droppedCounts(counts: Readonly<Partial<Record<DropReason, number>>>): Readonly<Partial<Record<DropReason, number>>> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}
