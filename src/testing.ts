/** The test kit: a whole platform in this process, on a clock of your own. */
export { createManualClock, createReplayClock } from "./kernel/clock.ts";
export type { Clock, ManualClock } from "./kernel/clock.ts";
export { createRandom } from "./kernel/random.ts";
export type { Random } from "./kernel/random.ts";
export { loadConfig } from "./platform/config.ts";
export type { Config } from "./platform/config.ts";
export { openPlatform } from "./platform/platform.ts";
export type { Platform, PlatformOptions } from "./platform/platform.ts";
export type { Overview } from "./platform/api.ts";
export { createPointInTimeIndex, createViewState } from "./data/index.ts";
export type { EventColumns } from "./data/index.ts";
export { createTreeScorer } from "./engines/trees/tree-scorer.ts";
export { trainGradientBoosting } from "./modelops/training/gradient-boosting.ts";
export type { TreeModel } from "./ports/tree-model.ts";
export { evaluateMetric } from "./modelops/training/metrics.ts";
