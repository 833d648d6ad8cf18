/** How a run goes while it runs. Plain data. */
export interface LoadProgress {
  readonly sent: number;
  readonly answered: number;
  readonly failed: number;
}
