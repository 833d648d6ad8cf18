/** Load testing for the command line: the generator, what it measures, and what follows from it. */
export { failuresOf, requestsOf, throughputOf } from "../operate/load/load-outcome.ts";
export type { LoadOutcome, StreamOutcome } from "../operate/load/load-outcome.ts";
export { openLoadGenerator } from "../operate/load/load-generator.ts";
export type { LoadGenerator } from "../operate/load/load-generator.ts";
export type { ArrivalPlan, Exchange, LoadPlan } from "../operate/load/load-plan.ts";
export { createLatencyHistogram } from "../operate/load/latency-histogram.ts";
export type { LatencySummary } from "../operate/load/latency-histogram.ts";
export type { LoadProgress } from "../operate/load/load-progress.ts";
export { measureLoad, warmUp } from "../operate/load/load-measurement.ts";
export type { LoadMeasurement, ServerCost } from "../operate/load/load-measurement.ts";
export { findListeners } from "../operate/load/process-usage.ts";
