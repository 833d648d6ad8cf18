/**
 * Runs one CPU-bound job in a worker thread under a memory limit: progress comes back while it runs, an abort ends it
 * at once, and whatever happens the thread is gone when the promise settles. The event loop that serves stays free.
 */
import { Worker, parentPort, workerData } from "node:worker_threads";
import { StrataError, reasonOf } from "../kernel/errors.ts";

export interface WorkerJobOptions<Progress> {
  readonly name: string;
  readonly onProgress?: (progress: Progress) => void;
  readonly signal?: AbortSignal | undefined;
  /** Old-generation heap of the thread; typed arrays live outside it. Default 2,048 MiB. */
  readonly maxHeapMiB?: number;
}

type Message<Result, Progress> =
  | { readonly kind: "progress"; readonly progress: Progress }
  | { readonly kind: "result"; readonly result: Result }
  | { readonly kind: "error"; readonly reason: string; readonly code?: string };

/** `module` calls `serveWorkerJob`; the input is cloned, SharedArrayBuffers are shared. */
export function runWorkerJob<Input, Result, Progress>(module: URL, input: Input, options: WorkerJobOptions<Progress>): Promise<Result> {
  const { name, onProgress, signal, maxHeapMiB = 2_048 } = options;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(new StrataError("ABORTED", { what: name }));
    const worker = new Worker(module, { workerData: input, name, resourceLimits: { maxOldGenerationSizeMb: maxHeapMiB } });
    const abort = (): void => settle(() => reject(new StrataError("ABORTED", { what: name })));
    const settle = (finish: () => void): void => {
      signal?.removeEventListener("abort", abort);
      worker.removeAllListeners();
      void worker.terminate().then(finish, finish);
    };
    signal?.addEventListener("abort", abort, { once: true });
    worker.on("message", (message: Message<Result, Progress>) => {
      if (message.kind === "progress") onProgress?.(message.progress);
      else if (message.kind === "result") settle(() => resolve(message.result));
      else settle(() => reject(new StrataError("INTERNAL", { reason: `${name}: ${message.reason}` })));
    });
    worker.once("error", (thrown) => settle(() => reject(new StrataError("INTERNAL", { reason: `${name}: ${reasonOf(thrown)}` }, { cause: thrown }))));
    worker.once("exit", (code) => settle(() => reject(new StrataError("INTERNAL", { reason: `${name} ended with exit code ${code}` }))));
  });
}

/** The worker's side: computes the result of `workerData` and reports back. */
export function serveWorkerJob<Input, Result, Progress>(work: (input: Input, report: (progress: Progress) => void) => Promise<Result>): void {
  const port = parentPort;
  if (port === null) throw new StrataError("INTERNAL", { reason: "a worker job was started outside a worker thread" });
  const send = (message: Message<Result, Progress>): void => port.postMessage(message);
  work(workerData as Input, (progress) => send({ kind: "progress", progress })).then( // the parent passed an Input
    (result) => send({ kind: "result", result }),
    (thrown: unknown) => send({ kind: "error", reason: reasonOf(thrown) }),
  );
}

/** The address of a sibling module to run as a worker: `.ts` from source, `.js` when compiled. */
export function workerModule(sibling: string, importer: string): URL {
  const extension = importer.endsWith(".ts") ? "ts" : "js";
  return new URL(`./${sibling}.${extension}`, importer);
}
