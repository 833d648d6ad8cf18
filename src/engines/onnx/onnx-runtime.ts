/**
 * The model runtime for ONNX files with one float input [rows, columns], through the optional package
 * onnxruntime-node. Runs on one thread, and on the calling one: the package's `run` blocks the event loop for the
 * whole inference, so heavy models belong in a worker.
 */
import type { InferenceSession, Tensor } from "onnxruntime-node";
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import type { LoadedModel, Matrix, ModelRuntime } from "../../ports/model-runtime.ts";
import { metadataEntry } from "./model-metadata.ts";

type Onnx = typeof import("onnxruntime-node");

export interface OnnxRuntimeOptions {
  /** How to load onnxruntime-node; a test may fail here on purpose. */
  readonly importPackage?: () => Promise<unknown>;
}

/** Loads onnxruntime-node. Raises RUNTIME_MISSING when it is not installed. */
export async function openOnnxRuntime(options: OnnxRuntimeOptions = {}): Promise<ModelRuntime> {
  const importPackage = options.importPackage ?? (() => import("onnxruntime-node"));
  let onnx: Onnx;
  try {
    onnx = (await importPackage()) as Onnx;
    if (typeof onnx.InferenceSession?.create !== "function") throw new TypeError("the package has no InferenceSession");
  } catch (thrown) {
    throw new StrataError("RUNTIME_MISSING", { runtime: "ONNX", package: "onnxruntime-node" }, { cause: thrown });
  }
  return { name: "onnx", load: (artifact, describe) => loadModel(onnx, artifact, describe) };
}

interface Description { readonly model: string; readonly version: number }

async function loadModel(onnx: Onnx, artifact: Uint8Array, describe: Description): Promise<LoadedModel> {
  const refuse = (reason: string, cause?: unknown): StrataError => new StrataError("MODEL_ARTIFACT_INVALID", { ...describe, reason }, { cause });
  let session: InferenceSession;
  try {
    session = await onnx.InferenceSession.create(artifact, { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 });
  } catch (thrown) {
    throw refuse(reasonOf(thrown), thrown);
  }
  try {
    const signature = signatureOf(session, artifact);
    const run = runnerOf(onnx, session, signature);
    const probe = await run({ values: new Float64Array(signature.inputs.length), rows: 1, columns: signature.inputs.length });
    return openModel(session, { inputs: signature.inputs, outputs: probe.length, model: describe.model }, run);
  } catch (thrown) {
    await session.release();
    throw refuse(reasonOf(thrown), thrown);
  }
}

interface Signature {
  readonly input: string;
  readonly output: string;
  readonly inputs: readonly string[];
}

/** The one float input and the first float output; what does not fit is said in a sentence. */
function signatureOf(session: InferenceSession, artifact: Uint8Array): Signature {
  const [input, ...others] = session.inputMetadata;
  if (!input?.isTensor || input.type !== "float32" || others.length > 0) throw new TypeError("it must have exactly one input, a float tensor");
  const columns = input.shape[1];
  if (input.shape.length !== 2 || typeof columns !== "number" || columns < 1) throw new TypeError(`its input must have shape [rows, columns], found [${input.shape.join(", ")}]`);
  const output = session.outputMetadata.find((one) => one.isTensor && one.type === "float32");
  if (!output) throw new TypeError("it has no float tensor among its outputs; export classifiers without ZipMap");
  return { input: input.name, output: output.name, inputs: columnNames(artifact, columns) ?? Array.from({ length: columns }, (_, i) => `${input.name}[${i}]`) };
}

function columnNames(artifact: Uint8Array, columns: number): readonly string[] | undefined {
  const text = metadataEntry(artifact, "strata.inputs");
  const names: unknown = text === undefined ? undefined : JSON.parse(text);
  return Array.isArray(names) && names.length === columns && names.every((name) => typeof name === "string") ? names : undefined;
}

type Run = (matrix: Matrix) => Promise<Float64Array>;

function runnerOf(onnx: Onnx, session: InferenceSession, { input, output }: Signature): Run {
  return async ({ values, rows, columns }) => {
    const feeds = { [input]: new onnx.Tensor("float32", Float32Array.from(values), [rows, columns]) };
    const result: Tensor = (await session.run(feeds, [output]))[output]!;
    if (!(result.data instanceof Float32Array)) throw new TypeError(`output "${output}" is not a float tensor`);
    return Float64Array.from(result.data);
  };
}

function openModel(session: InferenceSession, { inputs, outputs, model }: Pick<LoadedModel, "inputs" | "outputs"> & { readonly model: string }, run: Run): LoadedModel {
  const fail = (reason: string, cause?: unknown): StrataError => new StrataError("INFERENCE_FAILED", { model, reason }, { cause });
  let closed: Promise<void> | undefined;
  return {
    inputs,
    outputs,
    predict: async (matrix) => {
      if (closed) throw new StrataError("CLOSED", { what: `Model "${model}"` });
      checkShape(matrix, inputs.length);
      if (matrix.rows === 0) return new Float64Array(0);
      const predictions = await run(matrix).catch((thrown: unknown) => {
        throw fail(reasonOf(thrown), thrown);
      });
      if (predictions.length !== matrix.rows * outputs) throw fail(`${predictions.length} predictions are not ${matrix.rows} rows of ${outputs}`);
      return predictions;
    },
    close: () => (closed ??= session.release()),
  };
}

function checkShape({ values, rows, columns }: Matrix, expected: number): void {
  if (columns !== expected) throw new StrataError("INFERENCE_INVALID", { reason: `there are ${columns} columns, the model takes ${expected}` });
  if (values.length !== rows * columns) throw new StrataError("INFERENCE_INVALID", { reason: `${values.length} numbers are not ${rows} rows of ${columns}` });
}
