/**
 * ONNX models as inference models. A model whose run takes long gets a thread of its own, because onnxruntime blocks
 * the thread that calls it; a quick one runs on the caller's thread, where the way to another thread would cost more.
 */
import { readFile, stat } from "node:fs/promises";
import { StrataError, isStrataError } from "../../kernel/errors.ts";
import type { InferenceModel, ModelDescription, OnnxArtifact } from "../../ports/inference-model.ts";
import { importOnnx, onnxReason, openSession } from "./session.ts";
import type { Session } from "./session.ts";
import { blankInputs } from "./blank-inputs.ts";
import { openWorkerSession } from "./worker-session.ts";

export interface OnnxModelOptions {
  /** How to load onnxruntime-node; a test may fail here on purpose. */
  readonly importPackage?: () => Promise<unknown>;
  /** Runs of one row that take longer get a thread of their own. Default 0.5 ms; 0 always, Infinity never. */
  readonly threadAboveMs?: number;
  readonly monotonicMs: () => number;
}

/** A hop to another thread and back takes about 0.02 ms; half a millisecond on the event loop is noticed by everybody else. */
const THREAD_ABOVE_MS = 0.5;
/** Isolate, stack and runtime of a thread. */
const THREAD_BYTES = 12 * 2 ** 20;

/** Raises RUNTIME_MISSING, MODEL_LOAD_FAILED. */
export async function openOnnxModel(artifact: OnnxArtifact, describe: ModelDescription, options: OnnxModelOptions): Promise<InferenceModel> {
  const { threadAboveMs = THREAD_ABOVE_MS } = options;
  const onnx = await importOnnx(options.importPackage);
  try {
    const bytes = await sizeOf(artifact);
    const inline = await openSession(onnx, artifact);
    if ((await oneRunMs(inline, options.monotonicMs)) <= threadAboveMs) return modelOf(inline, describe, bytes);
    await inline.close();
    return modelOf(await openWorkerSession(artifact, describe), describe, bytes + THREAD_BYTES);
  } catch (thrown) {
    if (isStrataError(thrown)) throw thrown;
    throw new StrataError("MODEL_LOAD_FAILED", { model: describe.model, reason: onnxReason(thrown) }, { cause: thrown });
  }
}

async function sizeOf(artifact: OnnxArtifact): Promise<number> {
  if ("bytes" in artifact) return artifact.bytes.byteLength;
  return (await stat(artifact.file)).size;
}

/** The quickest of a few runs of one row; the first ones pay for allocations. Infinity when blank inputs do not suit it: better safe than blocked. */
async function oneRunMs(session: Session, monotonicMs: () => number): Promise<number> {
  const inputs = blankInputs(session.inputs);
  const wanted = session.outputs.map((output) => output.name);
  let quickest = Number.POSITIVE_INFINITY;
  try {
    for (let i = 0; i < 5; i++) {
      const startedAtMs = monotonicMs();
      await session.run(inputs, wanted);
      quickest = Math.min(quickest, monotonicMs() - startedAtMs);
    }
  } catch {
    return Number.POSITIVE_INFINITY; // zeros may be out of some index's range
  }
  return quickest;
}

function modelOf(session: Session, { model }: ModelDescription, memoryBytes: number): InferenceModel {
  const { inputs, outputs } = session;
  const all = outputs.map((output) => output.name);
  let closed: Promise<void> | undefined;
  return {
    platform: "onnxruntime_onnx", inputs, outputs, isBatchable: isBatchable(session), concurrency: 1, memoryBytes,
    infer: async (tensors, options) => {
      if (closed) throw new StrataError("CLOSED", { what: `Model "${model}"` });
      try {
        return await session.run(tensors, options?.wanted ?? all);
      } catch (thrown) {
        if (isStrataError(thrown)) throw thrown;
        throw new StrataError("INFERENCE_FAILED", { model, reason: onnxReason(thrown) }, { cause: thrown });
      }
    },
    close: () => (closed ??= session.close()),
  };
}

/** Every tensor starts with the same dimension of any size. */
function isBatchable({ inputs, outputs, batchSymbols }: Session): boolean {
  const [first] = batchSymbols;
  return first !== undefined && batchSymbols.every((symbol) => symbol === first || symbol === "") && [...inputs, ...outputs].every(({ shape }) => shape[0] === -1);
}

/** The bytes of an artifact, for readers of the graph. */
export function artifactBytes(artifact: OnnxArtifact): Promise<Uint8Array> {
  return "bytes" in artifact ? Promise.resolve(artifact.bytes) : readFile(artifact.file);
}
