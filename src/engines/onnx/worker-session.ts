/**
 * An ONNX session in a thread of its own, so that a long run leaves the event loop free. The thread ends when the
 * session is closed, which gives its memory back to the system whatever onnxruntime would have kept.
 */
import { Worker } from "node:worker_threads";
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import { ownTensor } from "../../kernel/tensor.ts";
import type { Tensor, TensorSpec } from "../../kernel/tensor.ts";
import type { ModelDescription, OnnxArtifact } from "../../ports/inference-model.ts";
import type { Session } from "./session.ts";

export type ToWorker = { readonly run: number; readonly inputs: readonly Tensor[]; readonly wanted: readonly string[] };
export type FromWorker =
  | { readonly kind: "open"; readonly inputs: readonly TensorSpec[]; readonly outputs: readonly TensorSpec[]; readonly batchSymbols: readonly (string | undefined)[] }
  | { readonly kind: "done"; readonly run: number; readonly outputs: readonly Tensor[] }
  | { readonly kind: "failed"; readonly run: number | undefined; readonly reason: string; /** The values are the caller's mistake. */ readonly isInvalid: boolean };

interface Run {
  readonly resolve: (outputs: readonly Tensor[]) => void;
  readonly reject: (thrown: unknown) => void;
}

/** Raises MODEL_LOAD_FAILED. Runs that are under way when the thread dies fail; later ones too. */
export async function openWorkerSession(artifact: OnnxArtifact, { model, version }: ModelDescription): Promise<Session> {
  const worker = new Worker(workerUrl(), { name: `strata-onnx-${model}-${version}`, workerData: artifact });
  const runs = new Map<number, Run>();
  const opened = Promise.withResolvers<Extract<FromWorker, { kind: "open" }>>();
  let death: StrataError | undefined;
  let next = 0;

  const die = (reason: string, cause?: unknown): void => {
    death ??= new StrataError("INFERENCE_FAILED", { model, reason }, { cause });
    opened.reject(new StrataError("MODEL_LOAD_FAILED", { model, reason }, { cause }));
    for (const run of runs.values()) run.reject(death);
    runs.clear();
  };
  worker.on("message", (message: FromWorker) => {
    if (message.kind === "open") return opened.resolve(message);
    if (message.run === undefined) return opened.reject(new StrataError("MODEL_LOAD_FAILED", { model, reason: (message as { readonly reason: string }).reason }));
    const run = runs.get(message.run);
    runs.delete(message.run);
    if (message.kind === "done") run?.resolve(message.outputs);
    else run?.reject(new StrataError(message.isInvalid ? "INFERENCE_INVALID" : "INFERENCE_FAILED", { model, reason: message.reason }));
  });
  worker.on("error", (thrown) => die(`its thread failed: ${reasonOf(thrown)}`, thrown));
  worker.on("exit", (code) => die(`its thread ended with exit code ${code}`));
  const close = async (): Promise<void> => {
    await worker.terminate();
  };

  try {
    const { inputs, outputs, batchSymbols } = await opened.promise;
    return {
      inputs, outputs, batchSymbols, close,
      run: (tensors, wanted) => new Promise((resolve, reject) => {
        if (death) return reject(death);
        const run = next++;
        runs.set(run, { resolve, reject });
        const copies = tensors.map(ownTensor);
        const message: ToWorker = { run, inputs: copies, wanted };
        worker.postMessage(message, buffersOf(copies));
      }),
    };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

/** What can be handed over instead of copied. */
export function buffersOf(tensors: readonly Tensor[]): ArrayBuffer[] {
  return tensors.flatMap(({ data }) => (ArrayBuffer.isView(data) ? [data.buffer as ArrayBuffer] : []));
}

/** `.ts` from source, `.js` when compiled. */
function workerUrl(): URL {
  return new URL(`./session-worker.${import.meta.url.endsWith(".ts") ? "ts" : "js"}`, import.meta.url);
}
