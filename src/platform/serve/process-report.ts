/** What the supervisor tells about its serving processes. */
export interface ProcessReport {
  readonly pid: number;
  readonly state: "starting" | "ready" | "draining";
  readonly startedAtMs: number;
  /** Times the process in this place ended on its own. */
  readonly crashes: number;
}
