/**
 * What the console and `strata status` show: one plain document of everything that runs, measured, never estimated.
 * Times are ms since the epoch on the platform's clock (simulated in a replay) unless a name says otherwise.
 */
import type { DataOverview } from "./data-overview.ts";
import type { GatewayOverview } from "./gateway-overview.ts";
import type { ServingOverview } from "./serving-overview.ts";

export type { ColumnOverview, DataOverview, ExpectationsOverview, ProfileOverview, RuleOverview, StreamDataOverview } from "./data-overview.ts";
export type { GatewayOverview, KeyOverview, LanguageModelOverview, TargetOverview } from "./gateway-overview.ts";
export type { CanaryOverview, Quantiles, ReasonCount, ReplicaOverview, ServedArmOverview, ServedModelOverview, ServedTrafficOverview, ServedVersionOverview, ServingOverview, ShadowOverview } from "./serving-overview.ts";

export interface Overview {
  readonly application: string;
  readonly definitionHash: string;
  readonly strataVersion: string;
  /** The platform's clock; in a replay it runs ahead of the wall clock. */
  readonly nowMs: number;
  readonly isSimulatedTime: boolean;
  readonly process: ProcessOverview;
  readonly streams: readonly StreamOverview[];
  readonly featureViews: readonly FeatureViewOverview[];
  readonly candidates: readonly CandidatesOverview[];
  readonly models: readonly ModelOverview[];
  readonly endpoints: readonly EndpointOverview[];
  readonly rollouts: readonly RolloutOverview[];
  readonly drift: readonly DriftOverview[];
  readonly performance: readonly PerformanceOverview[];
  /** Rules, storage, freshness and profiles; absent when the definition has no stream. */
  readonly data?: DataOverview;
  /** Absent when nothing is served as tensors. */
  readonly serving?: ServingOverview;
  /** Absent when the definition has no language model. */
  readonly gateway?: GatewayOverview;
  /** Newest first. */
  readonly alerts: readonly DecisionOverview[];
  /** Newest first: every control decision with its reason. */
  readonly decisions: readonly DecisionOverview[];
}

export interface ProcessOverview {
  readonly startedAtWallMs: number;
  readonly rssBytes: number;
  /** CPU seconds per second over the last sample, 1 = one core. */
  readonly cpuShare: number;
  readonly eventLoopP99Ms: number;
  readonly node: string;
}

export interface StreamOverview {
  readonly name: string;
  readonly description: string;
  readonly events: number;
  /** Over the last 10 s of wall time. */
  readonly eventsPerSecond: number;
  readonly sizeBytes: number;
  /** Open dead letters by reason. */
  readonly deadLetters: Readonly<Record<string, number>>;
  readonly lakeRows: number;
  readonly lakeFiles: number;
}

export interface FeatureViewOverview {
  readonly name: string;
  readonly description: string;
  readonly entities: readonly string[];
  readonly from: string;
  readonly features: readonly string[];
  readonly entityCount: number;
  /** Events of the stream not applied yet. */
  readonly lagEvents: number;
  /** Entities whose rows are in the spill file; absent when there are none. */
  readonly spilledEntities?: number;
  /** Set while the view is rebuilt from the log: share done, 0 to 1. */
  readonly rebuild?: number;
}

export interface CandidatesOverview {
  readonly name: string;
  readonly description: string;
  readonly from: readonly string[];
  readonly itemCount: number;
  readonly userCount: number;
  readonly lagEvents: number;
}

export interface ModelOverview {
  readonly name: string;
  readonly description: string;
  readonly objective: string;
  /** Names of the feature sources. */
  readonly sources: readonly string[];
  readonly featureCount: number;
  readonly aliases: { readonly champion?: number; readonly challenger?: number; readonly previous?: number };
  /** Newest first. */
  readonly versions: readonly ModelVersionOverview[];
  /** Newest first. */
  readonly runs: readonly RunOverview[];
  readonly training?: TrainingProgressOverview;
}

export interface ModelVersionOverview {
  readonly version: number;
  readonly createdAtMs: number;
  readonly run: string;
  readonly aliases: readonly string[];
  readonly metrics: Readonly<Record<string, number>>;
  /** Largest first; shares of the total gain. */
  readonly importances: readonly { readonly feature: string; readonly share: number }[];
}

export interface RunOverview {
  readonly id: string;
  readonly status: "running" | "finished" | "failed" | "cancelled";
  readonly trigger: string;
  readonly startedAtMs: number;
  readonly metrics: Readonly<Record<string, number>>;
  /** Metric curves over steps, e.g. the validation metric per tree. */
  readonly curves: Readonly<Record<string, readonly { readonly step: number; readonly value: number }[]>>;
}

export interface TrainingProgressOverview {
  readonly stage: string;
  readonly share: number;
  readonly detail: string;
}

export interface EndpointOverview {
  readonly name: string;
  readonly description: string;
  readonly model: string;
  readonly candidates?: string;
  readonly requests: number;
  readonly requestsPerSecond: number;
  /** Over the last minute of wall time; over all answers when there was none. */
  readonly latencyMs: { readonly p50: number; readonly p90: number; readonly p99: number };
  /** Share of all answers that the fallback gave. */
  readonly fallbackShare: number;
  readonly traffic: readonly { readonly variant: string; readonly version: number; readonly requests: number; readonly share: number }[];
  /** One sample per second of wall time, oldest first, at most 300. */
  readonly history: readonly { readonly atWallMs: number; readonly requestsPerSecond: number; readonly p50Ms: number; readonly p99Ms: number }[];
}

export interface RolloutOverview {
  readonly model: string;
  readonly endpoint: string;
  readonly champion: number | undefined;
  readonly challenger: number;
  readonly phase: string;
  readonly share: number;
  readonly startedAtMs: number;
  readonly reason: string;
  /** The running test: mean rewards and the always-valid interval of their difference. */
  readonly test?: { readonly championMean: number; readonly challengerMean: number; readonly low: number; readonly high: number; readonly championN: number; readonly challengerN: number };
}

export interface DriftOverview {
  readonly model: string;
  readonly version: number;
  /** Oldest first. */
  readonly windows: readonly {
    readonly atMs: number;
    readonly rows: number;
    readonly features: readonly { readonly name: string; readonly psi: number; readonly ks: number | null; readonly drifted: boolean }[];
    readonly prediction?: { readonly psi: number; readonly ks: number | null; readonly drifted: boolean };
  }[];
}

export interface PerformanceOverview {
  readonly model: string;
  readonly endpoint: string;
  /** Oldest first: mean reward per answer over windows of platform time. */
  readonly windows: readonly { readonly atMs: number; readonly variant: string; readonly version: number; readonly answers: number; readonly meanReward: number; readonly completeShare: number }[];
}

export interface DecisionOverview {
  readonly atMs: number;
  readonly kind: string;
  readonly subject: string;
  readonly verdict: string;
  readonly reason: string;
}
