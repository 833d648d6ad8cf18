/**
 * An ONNX session on the calling thread: any number of inputs and outputs, every datatype that onnxruntime hands out,
 * dimensions of any size. Runs block the thread for as long as they take; whoever opens it decides which thread that is.
 */
import type { InferenceSession, Tensor as OnnxTensor } from "onnxruntime-node";
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import type { Datatype, Tensor, TensorData, TensorSpec } from "../../kernel/tensor.ts";
import type { OnnxArtifact } from "../../ports/inference-model.ts";

export type Onnx = typeof import("onnxruntime-node");

export interface Session {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** Names of the dimensions of any size, by tensor: two tensors with the same name grow together. */
  readonly batchSymbols: readonly (string | undefined)[];
  run(inputs: readonly Tensor[], wanted: readonly string[]): Promise<readonly Tensor[]>;
  close(): Promise<void>;
}

/** Loads onnxruntime-node. Raises RUNTIME_MISSING when it is not installed. */
export async function importOnnx(importPackage: () => Promise<unknown> = () => import("onnxruntime-node")): Promise<Onnx> {
  try {
    const onnx = (await importPackage()) as Onnx;
    if (typeof onnx.InferenceSession?.create !== "function") throw new TypeError("the package has no InferenceSession");
    return onnx;
  } catch (thrown) {
    throw new StrataError("RUNTIME_MISSING", { runtime: "ONNX", package: "onnxruntime-node" }, { cause: thrown });
  }
}

/** One thread per session: threads of onnxruntime spin while they wait, which costs more than they bring to small batches. */
const SESSION_OPTIONS: InferenceSession.SessionOptions = { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 4 }; // errors come back as such

export async function openSession(onnx: Onnx, artifact: OnnxArtifact): Promise<Session> {
  const session = "file" in artifact ? await onnx.InferenceSession.create(artifact.file, SESSION_OPTIONS) : await onnx.InferenceSession.create(artifact.bytes, SESSION_OPTIONS);
  try {
    const inputs = session.inputMetadata.map((metadata) => specOf(metadata));
    const outputs = session.outputMetadata.filter((metadata) => metadata.isTensor).map((metadata) => specOf(metadata));
    if (outputs.length === 0) throw new TypeError("it has no tensor among its outputs; export classifiers without ZipMap");
    const byName = new Map(outputs.map((spec) => [spec.name, spec]));
    return {
      inputs, outputs, batchSymbols: [...session.inputMetadata, ...session.outputMetadata].map(firstSymbol),
      run: async (tensors, wanted) => {
        const feeds: Record<string, OnnxTensor> = {};
        for (const tensor of tensors) feeds[tensor.name] = toOnnx(onnx, tensor);
        const values = await session.run(feeds, wanted);
        return wanted.map((name) => fromOnnx(byName.get(name)!, values[name]!));
      },
      close: () => session.release(),
    };
  } catch (thrown) {
    await session.release();
    throw thrown;
  }
}

type Metadata = InferenceSession["inputMetadata"][number];

const DATATYPE_OF: Readonly<Record<string, Datatype>> = {
  bool: "BOOL", uint8: "UINT8", uint16: "UINT16", uint32: "UINT32", uint64: "UINT64", int8: "INT8", int16: "INT16", int32: "INT32", int64: "INT64",
  float16: "FP16", float32: "FP32", float64: "FP64", string: "BYTES",
};
const TYPE_OF = new Map(Object.entries(DATATYPE_OF).map(([type, datatype]) => [datatype, type]));

function specOf(metadata: Metadata): TensorSpec {
  if (!metadata.isTensor) throw new TypeError(`"${metadata.name}" is no tensor`);
  const datatype = DATATYPE_OF[metadata.type];
  if (datatype === undefined) throw new TypeError(`"${metadata.name}" has type ${metadata.type}, which has no datatype in the protocol`);
  return { name: metadata.name, datatype, shape: metadata.shape.map((size) => (typeof size === "number" ? size : -1)) };
}

/** The name of the first dimension when it is of any size; undefined when it is fixed or missing. */
function firstSymbol(metadata: Metadata): string | undefined {
  const size = metadata.isTensor ? metadata.shape[0] : undefined;
  return typeof size === "string" ? size : undefined;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** onnxruntime takes text only, and its package cuts it off at a NUL: better refused than answered wrongly. */
function textOf(name: string, bytes: Uint8Array): string {
  if (bytes.includes(0)) throw new StrataError("INFERENCE_INVALID", { reason: `input "${name}" holds text with a NUL character, which onnxruntime does not take` });
  try {
    return decoder.decode(bytes);
  } catch {
    throw new StrataError("INFERENCE_INVALID", { reason: `input "${name}" holds bytes that are not UTF-8 text, which onnxruntime does not take` });
  }
}

function toOnnx(onnx: Onnx, { name, datatype, shape, data }: Tensor): OnnxTensor {
  const type = TYPE_OF.get(datatype);
  if (type === undefined) throw new StrataError("INFERENCE_INVALID", { reason: `input "${name}": onnxruntime has no ${datatype}` });
  const values = datatype === "BYTES" ? (data as readonly Uint8Array[]).map((element) => textOf(name, element)) : data;
  const tensor = new onnx.Tensor(type as "float32", values as Float32Array, shape); // the table above pairs types and arrays
  if (datatype === "FP16") Object.assign(tensor, { cpuData: values }); // the package makes it a Float16Array, which its native part then reads as empty (1.30)
  return tensor;
}

function fromOnnx({ name, datatype }: TensorSpec, value: OnnxTensor): Tensor {
  return { name, datatype, shape: [...value.dims], data: dataOf(datatype, value.data) };
}

function dataOf(datatype: Datatype, data: OnnxTensor["data"]): TensorData {
  if (datatype === "BYTES") return (data as string[]).map((text) => encoder.encode(text));
  if (datatype === "FP16" && !(data instanceof Uint16Array)) {
    const half = data as unknown as Uint16Array; // a Float16Array where the runtime has one: the same bits
    return new Uint16Array(half.buffer, half.byteOffset, half.length);
  }
  return data as Float32Array;
}

/** The reason of onnxruntime without its source line. */
export function onnxReason(thrown: unknown): string {
  return reasonOf(thrown).replace(/^.*\/[\w./-]+\.(?:cc|h):\d+ /, "");
}
