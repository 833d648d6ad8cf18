/** The observe layer's public names: metrics, logs, profiles, drift, performance with late labels, experiments. */
export { createTelemetryStore } from "./metrics/telemetry-store.ts";
export type { TelemetryStore, TelemetryStoreOptions } from "./metrics/telemetry-store.ts";
export { LogHistogram } from "./metrics/log-histogram.ts";
export type { LogHistogramState, OctaveCount } from "./metrics/log-histogram.ts";
export type {
  CounterSeries, GaugeSeries, HistogramSeries, InstrumentSnapshot, Quantiles, Rates, TelemetrySnapshot,
} from "./metrics/snapshot.ts";

export { createLogStore } from "./logs/log-store.ts";
export type { LogQuery, LogStore, LogStoreOptions } from "./logs/log-store.ts";
export { formatJsonLine, formatPrettyLine } from "./logs/log-line.ts";
export type { LogLine } from "./logs/log-line.ts";

export { mergeProfiles, profileColumn } from "./sketch/column-profile.ts";
export type { CategoricalProfile, ColumnKind, ColumnProfile, NumericProfile } from "./sketch/column-profile.ts";
export { createLiveProfile } from "./sketch/live-profile.ts";
export type { LiveCategoricalSnapshot, LiveNumericSnapshot, LiveProfile, LiveSnapshot } from "./sketch/live-profile.ts";
export { QuantileSketch } from "./sketch/quantile-sketch.ts";
export type { QuantileSketchState } from "./sketch/quantile-sketch.ts";

export { assessDrift, assessPredictionDrift } from "./drift/drift-report.ts";
export type { ColumnDrift, DriftReport, DriftThresholds } from "./drift/drift-report.ts";
export { populationStabilityIndex, populationStabilityOfSamples } from "./drift/population-stability.ts";
export { kolmogorovSmirnovTest } from "./drift/kolmogorov-smirnov.ts";
export type { KolmogorovSmirnovResult } from "./drift/kolmogorov-smirnov.ts";
export { chiSquareGoodnessOfFit, chiSquareHomogeneity, shareShift } from "./drift/chi-square.ts";
export type { ChiSquareResult } from "./drift/chi-square.ts";
export type { DriftTestName, DriftVerdict, EffectSize } from "./drift/verdict.ts";

export { createOutcomeJoiner } from "./performance/outcome-joiner.ts";
export type {
  JoinCounts, JoinStep, JoinedRow, JoinerState, Outcome, OutcomeJoiner, OutcomeJoinerOptions, Prediction,
} from "./performance/outcome-joiner.ts";
export { createPerformanceWindows } from "./performance/performance-windows.ts";
export type { PerformanceOptions, PerformanceWindows } from "./performance/performance-windows.ts";
export type { CalibrationBin, PerformanceWindow, PerformanceWindowState } from "./performance/window-tally.ts";
export { aucInterval, wilsonInterval } from "./performance/intervals.ts";
export type { Interval } from "./performance/intervals.ts";

export { decideCanary } from "./experiment/canary.ts";
export type { CanaryDecision, CanaryPolicy, CanaryState } from "./experiment/canary.ts";
export { compareSequentially } from "./experiment/sequential-test.ts";
export type { ArmTotals, SequentialComparison, SequentialOptions } from "./experiment/sequential-test.ts";

export { adjustPValues } from "./statistics/multiple-testing.ts";
export { chiSquareTail } from "./statistics/gamma.ts";
export { normalCdf, normalQuantile, normalTwoSidedTail } from "./statistics/normal.ts";
