/**
 * What the console and `strata status` show of the model server: models and versions as they answer tensors. Rates are of the
 * last 10 s of wall time, quantiles of the last minute (of all time where the last minute had none), counts since the start.
 */
export interface ServingOverview {
  /** Of the definition and the repository folder; trained models once somebody asked them for tensors. By name. */
  readonly models: readonly ServedModelOverview[];
}

export interface ServedModelOverview {
  readonly name: string;
  readonly description: string;
  /** From the definition: "function", "onnx", "open-inference", "graph"; else "trained" or "repository". */
  readonly kind: string;
  /** From the server's index, newest first. */
  readonly versions: readonly ServedVersionOverview[];
  /** Over all versions, from the server's statistics: answered, and not. */
  readonly requests: number;
  readonly failures: number;
  /** Over all versions, from `strata_inference_requests_total`. */
  readonly requestsPerSecond: number;
  /** One sample per second of wall time, oldest first, at most 120, from the server's statistics: a null had no request. */
  readonly history: { readonly requestsPerSecond: readonly number[]; readonly meanMs: readonly (number | null)[] };
  /** Why batches left, most frequent first, from `strata_inference_batches_total`. */
  readonly batches: readonly ReasonCount[];
  /** By code, most frequent first, from `strata_inference_failures_total`. */
  readonly failuresByReason: readonly ReasonCount[];
  /** How requests that name no version are spread, from the traffic plan; absent while one version takes all. */
  readonly traffic?: ServedTrafficOverview;
  /** Models that a graph asks, from the definition. */
  readonly members?: readonly string[];
}

export interface ReasonCount { readonly reason: string; readonly count: number }
export interface Quantiles { readonly p50: number; readonly p99: number }

export interface ServedVersionOverview {
  readonly version: string;
  /** From the server's index: READY, LOADING, UNLOADING, UNAVAILABLE with its reason. */
  readonly state: string;
  readonly reason: string;
  /** From the definition. */
  readonly aliases: readonly string[];
  /** Answered, from the server's statistics. */
  readonly requests: number;
  readonly requestsPerSecond: number;
  /** Milliseconds in the queue and in the model, from `strata_inference_queue_seconds` and `strata_inference_compute_seconds`; null before the first batch. */
  readonly queueMs: Quantiles | null;
  readonly computeMs: Quantiles | null;
  /** Rows per executed batch, from the server's statistics; null before the first. */
  readonly meanBatchRows: number | null;
  /** Share of the requests that the cache answered; null without a cache. */
  readonly cacheHitShare: number | null;
  readonly failures: number;
  /** Of a model that other servers run, from its replica set. */
  readonly replicas?: readonly ReplicaOverview[];
}

/** Somebody else's server that may take a call: from the report of its balancer. */
export interface ReplicaOverview {
  readonly name: string;
  /** "ready", "starting slowly", "slow", "ejected", "busy", "open", "half-open": the last two are its circuit breaker's. */
  readonly state: string;
  /** Why it is not simply ready. */
  readonly reason: string;
  readonly inFlight: number;
  /** Moving average; 0 before the first answer. */
  readonly meanMs: number;
  /** Attempts so far, and those that failed. */
  readonly calls: number;
  readonly failures: number;
}

/** From the traffic state of the model server's rollouts, counted since the latest move. */
export interface ServedTrafficOverview {
  /** Stable first. */
  readonly arms: readonly ServedArmOverview[];
  readonly canary?: CanaryOverview;
  readonly shadow?: ShadowOverview;
  /** What answered before the last switch; kept loaded. */
  readonly standby?: string;
}

export interface ServedArmOverview {
  readonly variant: string;
  readonly version: string;
  /** Of routing keys, 0 to 1. */
  readonly share: number;
  readonly requests: number;
  /** Failures that are not the caller's. */
  readonly errors: number;
}

export interface CanaryOverview {
  readonly version: string;
  readonly phase: "shadow" | "steps";
  /** Index into `steps`; -1 in shadow. */
  readonly step: number;
  readonly steps: readonly number[];
  readonly stepStartedAtMs: number;
}

/** A version that gets copies of requests; its answers are compared and thrown away. */
export interface ShadowOverview {
  readonly version: string;
  /** Of requests, 0 to 1. */
  readonly share: number;
  readonly compared: number;
  /** Share of the comparisons in which an output differed by more than the tolerance. */
  readonly differingShare: number;
  /** Largest difference of a number so far. */
  readonly maximumAbsolute: number;
  readonly failures: number;
}
