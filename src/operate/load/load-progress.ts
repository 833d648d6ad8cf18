/** How a run goes while it runs. Plain data. */
import type { LatencyCounts } from "./latency-histogram.ts";

export interface LoadProgress {
  readonly sent: number;
  readonly answered: number;
  readonly failed: number;
  /** Of the answers since the last report. */
  readonly recent: LatencyCounts;
}
