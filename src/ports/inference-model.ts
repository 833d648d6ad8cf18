/**
 * A model that answers tensors with tensors: what the model server schedules, batches, routes and counts. ONNX
 * sessions, TypeScript functions, remote Open Inference servers, graphs and sets of replicas are all one of these, so
 * they nest.
 *
 * Contract: `infer` gets inputs that fit `inputs` (names, datatypes, shapes; the caller checked) and answers every
 * output it declares, or only `wanted`. It neither keeps nor changes the inputs. It may be called again before an earlier call settles, up to
 * `concurrency` calls at once. Errors: INFERENCE_INVALID when the values are the caller's mistake, DEADLINE_EXCEEDED,
 * UPSTREAM_FAILED when a remote model could not answer, CLOSED after close, anything else becomes INFERENCE_FAILED.
 */
import type { Tensor, TensorSpec } from "../kernel/tensor.ts";

export interface InferenceOptions {
  /** Names of the outputs that are asked for; all when absent. */
  readonly wanted?: readonly string[];
  /** On the clock's monotonic time; work past it helps nobody. */
  readonly deadlineAtMs?: number;
  readonly signal?: AbortSignal;
  /** What the request carried beside tensors, e.g. `sequence_id`. */
  readonly parameters?: InferenceParameters;
  /** Stable text of the caller (a header, a session), for affinity. */
  readonly affinity?: string;
  /** The request's id, for models that ask others; only of a request that runs alone. */
  readonly requestId?: string;
}

export type InferenceParameters = Readonly<Record<string, string | number | boolean | bigint>>;

export interface InferenceModel {
  /** What executes it, as metadata shows it: "onnxruntime_onnx", "strata_trees", "strata_function", "open_inference", "strata_graph". */
  readonly platform: string;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** The first dimension of all tensors is the batch and rows do not see each other: requests may run together. */
  readonly isBatchable: boolean;
  /** Calls that make sense at once: 1 for one session on one thread. */
  readonly concurrency: number;
  /** Memory it holds, as well as its runtime can tell; for the pool's budget. */
  readonly memoryBytes: number;
  infer(inputs: readonly Tensor[], options?: InferenceOptions): Promise<readonly Tensor[]>;
  close(): Promise<void>;
}

/** An ONNX file on disk, or its bytes. */
export type OnnxArtifact = { readonly file: string } | { readonly bytes: Uint8Array };

/** The same model on one or several Open Inference servers. */
export interface RemoteModel {
  readonly urls: readonly string[];
  /** Its name there; the local name when undefined. */
  readonly model: string | undefined;
  readonly version: string | undefined;
}

export interface ModelDescription { readonly model: string; readonly version: string }

/** What opens models that are not functions. Errors: RUNTIME_MISSING, MODEL_LOAD_FAILED, UPSTREAM_FAILED. */
export interface InferenceRuntimes {
  openOnnx(artifact: OnnxArtifact, describe: ModelDescription): Promise<InferenceModel>;
  openRemote(remote: RemoteModel, describe: ModelDescription): Promise<InferenceModel>;
}
