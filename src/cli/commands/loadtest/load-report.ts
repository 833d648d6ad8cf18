/** The result of a load test: what was sent to whom and what came of it. */
import type { LoadMeasurement } from "../../../platform/load-test.ts";

export interface LoadReport extends LoadMeasurement {
  readonly kind: "run";
  readonly target: string;
  /** What the outcome's marked answers are called, when answers were marked. */
  readonly markName?: string;
  readonly notes: readonly string[];
  /** "500 requests/s (Poisson) for 10s, at most 1,024 connections". */
  readonly load: string;
  /** Answers with success per second while requests were sent. */
  readonly perSecond: number;
  /** Ctrl-C came before the end; the figures are of what was measured until then. */
  readonly isStopped: boolean;
}
