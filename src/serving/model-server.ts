/**
 * The model server as its protocols see it: models with versions that load, answer tensors, explain themselves and
 * count. Open Inference REST and gRPC, KServe V1 and the endpoints are dialects of this one interface.
 */
import type { Tensor, TensorSpec } from "../kernel/tensor.ts";
import type { InferenceParameters } from "../ports/inference-model.ts";

export interface InferenceRequest {
  readonly model: string;
  /** A version or an alias ("stable"); the version policy and the rollout choose when absent. */
  readonly version?: string;
  readonly id?: string;
  readonly inputs: readonly Tensor[];
  /** Names of the outputs wanted; all when absent. INFERENCE_INVALID when one is unknown. */
  readonly outputs?: readonly string[];
  readonly parameters?: InferenceParameters;
  /** 1 is the highest; absent: the model's default. */
  readonly priority?: number;
  /** On the clock's monotonic time: past it the request is dropped before it runs (DEADLINE_EXCEEDED). */
  readonly deadlineAtMs?: number;
  /** Who asks, for sticky splits and affinity: a header such as strata-key, else the request's id. */
  readonly routingKey?: string;
  /** An explicit wish for a variant (header strata-variant). */
  readonly variant?: string;
  /** A header of the request, by its name in lower case: a traffic split may have rules on them. */
  readonly header?: (name: string) => string | undefined;
  readonly signal?: AbortSignal;
}

/** Why a batch left when it did. */
export type BatchReason = "instance was free" | "batch was full" | "delay was over" | "preferred size was reached" | "not batchable" | "answered from cache" | "retried alone" | "retried in a smaller batch";

/** How a request was run; the answer to "why was it slow?". */
export interface BatchNote {
  /** Names the batch; requests that ran together share it. */
  readonly batch: string;
  readonly reason: BatchReason;
  /** Requests and rows that ran together. */
  readonly requests: number;
  readonly rows: number;
  readonly queuedMs: number;
  readonly runMs: number;
  /** Requests waiting when the batch left. */
  readonly waiting: number;
}

export interface InferenceAnswer {
  readonly model: string;
  readonly version: string;
  /** Which side of a split answered; absent without one. */
  readonly variant?: string;
  readonly outputs: readonly Tensor[];
  readonly note: BatchNote;
}

export interface ModelMetadata {
  readonly name: string;
  /** Versions that are ready, oldest first. */
  readonly versions: readonly string[];
  readonly platform: string;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly properties?: Readonly<Record<string, string>>;
}

/** Triton's words; "UNAVAILABLE" carries a reason. */
export type ModelState = "READY" | "LOADING" | "UNLOADING" | "UNAVAILABLE";

export interface RepositoryEntry {
  readonly name: string;
  readonly version: string;
  readonly state: ModelState;
  /** Why it is not ready; "" when it is. */
  readonly reason: string;
}

/** Count and total time in nanoseconds, as Triton's statistics extension reports them. */
export interface DurationStatistic { readonly count: number; readonly ns: number }

export interface ModelStatistics {
  readonly name: string;
  readonly version: string;
  /** Milliseconds since the epoch; 0: never. */
  readonly lastInferenceMs: number;
  /** Rows answered, and batches executed. */
  readonly inferenceCount: number;
  readonly executionCount: number;
  readonly success: DurationStatistic;
  readonly fail: DurationStatistic;
  readonly queue: DurationStatistic;
  readonly computeInput: DurationStatistic;
  readonly computeInfer: DurationStatistic;
  readonly computeOutput: DurationStatistic;
  readonly cacheHit: DurationStatistic;
  readonly cacheMiss: DurationStatistic;
  /** Executions by their number of rows. */
  readonly batches: readonly { readonly rows: number; readonly computeInput: DurationStatistic; readonly computeInfer: DurationStatistic; readonly computeOutput: DurationStatistic }[];
}

export interface LoadOptions {
  /** Replaces the model's configuration for this load: Triton's `config` parameter (JSON text, or the object). */
  readonly config?: unknown;
  /** Files of the model, by path inside its folder: Triton's `file:<path>` parameters. */
  readonly files?: ReadonlyMap<string, Uint8Array>;
}

export interface ModelServer {
  readonly name: string;
  readonly version: string;
  isLive(): boolean;
  /** Every model that must be loaded is. */
  isReady(): boolean;
  /** Model names, sorted. */
  models(): readonly string[];
  /** MODEL_NOT_FOUND for a name nobody knows. */
  isModelReady(model: string, version?: string): Promise<boolean>;
  /** MODEL_NOT_FOUND, MODEL_VERSION_NOT_FOUND, MODEL_NOT_READY. */
  metadata(model: string, version?: string): Promise<ModelMetadata>;
  /** The model's effective configuration in Triton's ModelConfig words (name, platform, max_batch_size, input, output, dynamic_batching, version_policy, instance_group …). */
  config(model: string, version?: string): Promise<Readonly<Record<string, unknown>>>;
  /**
   * MODEL_NOT_FOUND, MODEL_VERSION_NOT_FOUND, MODEL_NOT_READY, INFERENCE_INVALID, QUEUE_FULL (429), OVERLOADED,
   * DEADLINE_EXCEEDED (504), INFERENCE_FAILED (500), UPSTREAM_FAILED (502/503), RUNTIME_MISSING.
   */
  infer(request: InferenceRequest): Promise<InferenceAnswer>;
  index(filter?: { readonly isReady?: boolean }): readonly RepositoryEntry[];
  load(model: string, options?: LoadOptions): Promise<void>;
  /** Resolves when what was in flight is answered. */
  unload(model: string, options?: { readonly unloadDependents?: boolean }): Promise<void>;
  /** All models when no name is given. */
  statistics(model?: string, version?: string): readonly ModelStatistics[];
  /** How recent requests were run, newest first: by request id, model, or both. */
  explain(query: { readonly id?: string; readonly model?: string; readonly limit?: number }): readonly ExplainedRequest[];
}

export interface ExplainedRequest {
  readonly id: string | undefined;
  readonly model: string;
  readonly version: string;
  readonly variant: string | undefined;
  readonly atMs: number;
  readonly outcome: "answered" | "failed";
  /** The error's code when it failed. */
  readonly code?: string;
  readonly note: BatchNote;
  /** One sentence for people. */
  readonly sentence: string;
}
