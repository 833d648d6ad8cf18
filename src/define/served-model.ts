/**
 * A served model: something that answers tensors and was not trained from this definition, such as an ONNX file, a TypeScript
 * function, or a model behind another Open Inference server. Several versions stand side by side.
 */
import { durationMs } from "../kernel/duration.ts";
import type { Duration } from "../kernel/duration.ts";
import type { DataOf, Datatype, TensorSpec } from "../kernel/tensor.ts";

/** An ONNX file; the path is relative to the definition file. */
export interface OnnxSource { readonly kind: "onnx"; readonly file: string }

/** A function of tensors, run on the serving process's own thread: keep it short. */
export interface FunctionSource {
  readonly kind: "function";
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** Rows do not see each other, so requests may run together. Default true. */
  readonly isBatchable: boolean;
  readonly infer: (inputs: Readonly<Record<string, TensorValue>>, call?: FunctionCall) => FunctionAnswer | Promise<FunctionAnswer>;
}

/** What a request carried beside tensors; requests that run together carried the same. */
export interface FunctionCall {
  /** Such as `sequence_id`, `sequence_start` and `sequence_end`. */
  readonly parameters: Readonly<Record<string, string | number | boolean | bigint>>;
}

export interface TensorValue<D extends Datatype = Datatype> { readonly shape: readonly number[]; readonly data: DataOf<D> }
export type FunctionAnswer = Readonly<Record<string, TensorValue>>;

/** The same model on one or several Open Inference servers (KServe, Triton, MLServer, another Strata). */
export interface OpenInferenceSource {
  readonly kind: "open-inference";
  /** e.g. "http://10.0.0.7:8000"; several are replicas. */
  readonly urls: readonly string[];
  /** The model's name there; this model's own name when undefined. */
  readonly model: string | undefined;
  readonly version: string | undefined;
}

export type ModelSource = OnnxSource | FunctionSource | OpenInferenceSource;

/** A tensor's datatype and shape in a definition; -1 is any size, and the first dimension is the batch. */
export interface TensorType<D extends Datatype = Datatype> { readonly datatype: D; readonly shape: readonly number[] }

/** `tensor("FP32", [-1, 4])`: any number of rows of four floats. */
export function tensor<const D extends Datatype>(datatype: D, shape: readonly number[]): TensorType<D> {
  return Object.freeze({ datatype, shape });
}

type Types = Readonly<Record<string, TensorType>>;
type ValuesOf<T extends Types> = { readonly [Name in keyof T]: TensorValue<T[Name]["datatype"]> };

export interface FunctionModelOptions<Inputs extends Types, Outputs extends Types> {
  readonly inputs: Inputs;
  readonly outputs: Outputs;
  readonly isBatchable?: boolean;
  readonly infer: (inputs: ValuesOf<Inputs>, call: FunctionCall) => ValuesOf<Outputs> | Promise<ValuesOf<Outputs>>;
}

/** A TypeScript function as a model; its argument and result are typed by the tensors it declares. */
export function functionModel<const Inputs extends Types, const Outputs extends Types>(options: FunctionModelOptions<Inputs, Outputs>): FunctionSource {
  return Object.freeze({
    kind: "function" as const, inputs: specsOf(options.inputs), outputs: specsOf(options.outputs), isBatchable: options.isBatchable ?? true,
    infer: options.infer as unknown as FunctionSource["infer"], // the server checks each tensor against its declaration before the call
  });
}

/** An ONNX file, of any opset that onnxruntime takes. */
export function onnxModel(file: string): OnnxSource {
  return Object.freeze({ kind: "onnx" as const, file });
}

/** A model that another Open Inference server runs; several addresses are replicas of it. */
export function openInferenceModel(options: { readonly url: string | readonly string[]; readonly model?: string; readonly version?: string }): OpenInferenceSource {
  return Object.freeze({ kind: "open-inference" as const, urls: typeof options.url === "string" ? [options.url] : options.url, model: options.model, version: options.version });
}

/** Which of the declared versions are loaded. */
export type VersionPolicy = { readonly kind: "latest"; readonly count: number } | { readonly kind: "all" } | { readonly kind: "specific"; readonly versions: readonly string[] };

export interface BatchingOptions {
  /** Rows that may run together; 1 switches batching off. Default 64. */
  readonly maxRows?: number;
  /**
   * Bytes of inputs that may run together; a larger request runs alone. Joining copies them into new memory, which for a
   * cheap model costs more than it gains; raise it for a model whose large batches pay. Default 1 MiB.
   */
  readonly maxBytes?: number;
  /** Longest a request waits for company although an instance is free. Default 0: none. */
  readonly maxDelay?: Duration;
  /** A batch of one of these sizes leaves at once instead of waiting out the delay. */
  readonly preferredRows?: readonly number[];
  /** Rows that may wait; more are refused with QUEUE_FULL. Default 4,096. */
  readonly maxQueueRows?: number;
  /** Priorities from 1 (highest) to this. Default 1: all alike. */
  readonly priorities?: number;
  /** Time in the queue after which a request is refused with DEADLINE_EXCEEDED, unless it brings a shorter one. Default: none. */
  readonly queueTimeout?: Duration;
}

export interface Batching {
  readonly maxRows: number;
  readonly maxBytes: number;
  readonly maxDelayMs: number;
  readonly preferredRows: readonly number[];
  readonly maxQueueRows: number;
  readonly priorities: number;
  readonly queueTimeoutMs: number | undefined;
}

export interface ServedModelOptions {
  readonly description?: string;
  /** One source is version "1". */
  readonly source?: ModelSource;
  /** Sources by version: positive whole numbers as text. */
  readonly versions?: Readonly<Record<string, ModelSource>>;
  /** Default: the latest one. */
  readonly policy?: VersionPolicy;
  /** Names for versions, e.g. { stable: "1" }; may be used wherever a version may. */
  readonly aliases?: Readonly<Record<string, string>>;
  readonly batching?: BatchingOptions;
  /** Sessions that run at once. Default 1. */
  readonly instances?: number;
  /** Answers kept by the exact bytes of their inputs; 0 switches the cache off. Default 0. */
  readonly cacheEntries?: number;
  /** "start": loaded before the server is ready. "demand": by the first request, or by the repository API. Default "start". */
  readonly load?: "start" | "demand";
}

export interface ServedModel<Name extends string = string> {
  readonly kind: "served-model";
  readonly name: Name;
  readonly description: string;
  readonly versions: Readonly<Record<string, ModelSource>>;
  readonly policy: VersionPolicy;
  readonly aliases: Readonly<Record<string, string>>;
  readonly batching: Batching;
  readonly instances: number;
  readonly cacheEntries: number;
  readonly load: "start" | "demand";
}

/** Declares a model that is served as it is. */
export function defineServedModel<const Name extends string>(name: Name, options: ServedModelOptions): ServedModel<Name> {
  return Object.freeze({
    kind: "served-model" as const, name, description: options.description ?? "",
    versions: { ...(options.source ? { "1": options.source } : {}), ...options.versions },
    policy: options.policy ?? { kind: "latest" as const, count: 1 }, aliases: { ...options.aliases },
    batching: batchingOf(options.batching), instances: options.instances ?? 1, cacheEntries: options.cacheEntries ?? 0, load: options.load ?? "start",
  });
}

/** Batching options with their defaults. */
export function batchingOf(options: BatchingOptions = {}): Batching {
  return Object.freeze({
    maxRows: options.maxRows ?? 64, maxBytes: options.maxBytes ?? 1_048_576, maxDelayMs: options.maxDelay === undefined ? 0 : durationMs(options.maxDelay), preferredRows: options.preferredRows ?? [],
    maxQueueRows: options.maxQueueRows ?? 4_096, priorities: options.priorities ?? 1, queueTimeoutMs: options.queueTimeout === undefined ? undefined : durationMs(options.queueTimeout),
  });
}

/** Declared tensors as a list, in the order of their declaration. */
export function specsOf(types: Types): readonly TensorSpec[] {
  return Object.entries(types).map(([name, { datatype, shape }]) => ({ name, datatype, shape }));
}
