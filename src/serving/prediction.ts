/**
 * A prediction as it is stored in the log: what was asked, who answered, what was answered, and a uniform sample of
 * the scored rows with their features and the exact log offsets they were read at, so that any answer can be audited.
 */
import type { ErrorCode } from "../kernel/errors.ts";
import type { Variant } from "./traffic.ts";

/** The platform's stream of predictions. */
export const PREDICTIONS_LOG = "strata_predictions";

export interface ScoredItem {
  readonly item: string;
  readonly score: number;
}

/** One scored row with its model inputs, in the order of the model's columns; null = missing. */
export interface SampledRow {
  readonly keys: Readonly<Record<string, string>>;
  readonly score: number;
  readonly features: readonly (number | null)[];
}

export interface PredictionEvent {
  readonly decision: string;
  readonly endpoint: string;
  readonly model: string;
  /** 0 when the fallback answered without any model. */
  readonly version: number;
  readonly variant: Variant | "fallback";
  readonly atMs: number;
  readonly request: Readonly<Record<string, unknown>>;
  /** Ranking endpoints: the answer, best first. */
  readonly items?: readonly ScoredItem[];
  /** Other endpoints: the model's outputs. */
  readonly outputs?: readonly number[];
  /** Rows scored in all, of which `sample` is a uniform part. */
  readonly scoredRows: number;
  readonly sample: readonly SampledRow[];
  /** Next offset of each stream when the features were read. */
  readonly offsets: Readonly<Record<string, number>>;
  /** Ranking endpoints: the same for the candidate source. */
  readonly candidateOffsets?: Readonly<Record<string, number>>;
  /** Ranking endpoints: items of the request that seeded the candidates. */
  readonly seedItems?: readonly string[];
  /** Candidates that only their nearness to the user's latest items brought; absent when there were none. */
  readonly similarItems?: readonly string[];
  readonly latencyMs: number;
  /** Why the fallback answered. */
  readonly fallbackReason?: string;
  /** Error code of that, and who should have answered: failures of a canary must be told from the champion's. */
  readonly fallbackCode?: ErrorCode;
  readonly routedTo?: { readonly variant: Variant; readonly version: number };
  readonly shadow?: ShadowResult;
}

export interface ShadowResult {
  readonly version: number;
  readonly latencyMs: number;
  readonly error?: string;
  readonly items?: readonly ScoredItem[];
  /** Mean absolute difference of the two versions' scores over the same rows. */
  readonly scoreDifference?: number;
}
