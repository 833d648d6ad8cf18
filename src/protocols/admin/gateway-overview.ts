/**
 * What the console and `strata status` show of the gateway of language models: calls, tokens, money, who calls and who answers.
 * Rates are of the last 10 s of wall time, quantiles of the last minute (of all time where the last minute had none), counts
 * since the start, money since midnight UTC. No secret is in here.
 */
import type { ReplicaOverview } from "./serving-overview.ts";

export interface GatewayOverview {
  readonly models: readonly LanguageModelOverview[];
  /** Of all language models, in the order of their lists. */
  readonly targets: readonly TargetOverview[];
  /** From the ledger, those that spent most today first, at most 12; absent without one. */
  readonly keys?: readonly KeyOverview[];
  /** Keys that are not in the list. */
  readonly otherKeys?: number;
}

export interface LanguageModelOverview {
  readonly name: string;
  readonly description: string;
  /** From `gen_ai_client_operation_duration_seconds`: answered by an upstream or a cache, whole or in part. */
  readonly calls: number;
  readonly callsPerSecond: number;
  /** From `gen_ai_client_token_usage`. */
  readonly inputTokensPerSecond: number;
  readonly outputTokensPerSecond: number;
  /** One sample per second of wall time, oldest first, at most 120. */
  readonly history: { readonly callsPerSecond: readonly number[]; readonly outputTokensPerSecond: readonly number[] };
  /** Of streams, from `gen_ai_server_time_to_first_token_seconds`: the targets' medians, weighted by their calls; null before the first. */
  readonly firstTokenP50Ms: number | null;
  /** Whole calls, weighted in the same way. */
  readonly durationP50Ms: number | null;
  /** From the ledger's usage; absent without one. */
  readonly costTodayUsd?: number;
  /** Answers of a cache today, from the ledger's usage. */
  readonly cacheHits: number;
  /** Calls that a target answered although another one comes first. */
  readonly fallbacks: number;
  /** From the balancers: attempts that failed. Callers saw only those that no other target could make good. */
  readonly failedAttempts: number;
  /** Calls not answered, by the error's code, most frequent first: from the label `error_type`. */
  readonly refusals: readonly { readonly reason: string; readonly count: number }[];
}

/** A model at an upstream as one language model names it: from the gateway's balancers. */
export interface TargetOverview extends ReplicaOverview {
  readonly languageModel: string;
  readonly upstream: string;
  /** Its name at the upstream. */
  readonly model: string;
  /** Lower is asked first. */
  readonly priority: number;
  /** Calls it answered, from `gen_ai_client_operation_duration_seconds`. */
  readonly callsPerSecond: number;
}

export interface KeyOverview {
  /** The public id, never the secret. */
  readonly id: string;
  readonly name: string;
  readonly tenant: string;
  readonly state: "active" | "expired" | "revoked";
  /** Of the budget's present period; of today without a budget. */
  readonly spentUsd: number;
  /** Held by calls in flight. */
  readonly reservedUsd: number;
  /** Absent: unlimited. */
  readonly budgetUsd?: number;
  /** Absent: the budget does not start anew. */
  readonly periodMs?: number;
  readonly requestsPerMinute?: number;
  readonly tokensPerMinute?: number;
  /** What it called today and how often lately. */
  readonly calls: readonly { readonly model: string; readonly today: number; readonly perSecond: number }[];
}
