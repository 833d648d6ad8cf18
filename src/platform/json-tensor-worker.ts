/**
 * Large JSON of inference requests and answers in a worker thread, so that one caller's megabytes do not hold up
 * everybody else's microseconds. One thread, started by the first large body; tensors change threads without a copy.
 */
import { Worker } from "node:worker_threads";
import { StrataError, reasonOf } from "../kernel/errors.ts";
import type { ErrorCode } from "../kernel/errors.ts";
import { workerModule } from "../compute/index.ts";
import type { JsonTensorWork } from "../protocols/kserve/infer.ts";
import type { AnswerParts } from "../protocols/kserve/wire-answer.ts";
import type { Envelope } from "../protocols/kserve/wire-request.ts";

/** What is asked of the thread, and what it says. */
export type JsonTask = { readonly id: number; readonly kind: "read"; readonly json: Uint8Array } | { readonly id: number; readonly kind: "write"; readonly answer: AnswerParts };
export type JsonReply =
  | { readonly id: number; readonly kind: "done"; readonly result: Envelope | Uint8Array }
  | { readonly id: number; readonly kind: "failed"; readonly code: ErrorCode; readonly details: Readonly<Record<string, unknown>> };

export interface JsonTensorWorker extends JsonTensorWork, AsyncDisposable {}

interface Waiting {
  readonly resolve: (result: Envelope | Uint8Array) => void;
  readonly reject: (error: StrataError) => void;
}

/** Heap of the thread: 64 MiB of JSON numbers take about ten times that while they are read. */
const MAX_HEAP_MIB = 2_048;

export function createJsonTensorWorker(): JsonTensorWorker {
  const waiting = new Map<number, Waiting>();
  let worker: Worker | undefined;
  let isClosed = false;
  let lastId = 0;

  const failAll = (error: StrataError): void => {
    worker = undefined;
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  const start = (): Worker => {
    const started = new Worker(workerModule("json-tensor-worker-thread", import.meta.url), { name: "strata-json", resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MIB } });
    started.on("message", (reply: JsonReply) => {
      const asked = waiting.get(reply.id);
      waiting.delete(reply.id);
      if (waiting.size === 0) started.unref();
      if (reply.kind === "done") asked?.resolve(reply.result);
      else asked?.reject(new StrataError(reply.code, reply.details));
    });
    started.on("error", (thrown) => failAll(new StrataError("INTERNAL", { reason: `the JSON thread failed: ${reasonOf(thrown)}` }, { cause: thrown })));
    started.on("exit", () => { if (worker === started) failAll(new StrataError("INTERNAL", { reason: "the JSON thread ended" })); });
    return started;
  };
  const ask = (task: JsonTask, transfer: readonly ArrayBuffer[]): Promise<Envelope | Uint8Array> => new Promise((resolve, reject) => {
    if (isClosed) return reject(new StrataError("CLOSED", { what: "The server" }));
    worker ??= start();
    worker.ref(); // a process with an answer due does not end
    waiting.set(task.id, { resolve, reject });
    worker.postMessage(task, transfer);
  });

  return {
    read: async (body) => {
      const json = new Uint8Array(body); // the body itself may share its memory with other requests
      return await ask({ id: ++lastId, kind: "read", json }, [json.buffer]) as Envelope; // the reply to a read
    },
    write: async (answer) => await ask({ id: ++lastId, kind: "write", answer }, []) as Uint8Array, // the reply to a write; the model may keep its answer, so it is cloned
    [Symbol.asyncDispose]: async () => {
      isClosed = true;
      await worker?.terminate();
    },
  };
}
