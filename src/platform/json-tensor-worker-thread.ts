/** The thread of json-tensor-worker.ts: reads envelopes and writes answers, one after another. */
import { parentPort } from "node:worker_threads";
import { StrataError, toStrataError } from "../kernel/errors.ts";
import { answerJson } from "../protocols/kserve/wire-answer.ts";
import { readEnvelope } from "../protocols/kserve/wire-request.ts";
import type { Envelope } from "../protocols/kserve/wire-request.ts";
import type { JsonReply, JsonTask } from "./json-tensor-worker.ts";

const port = parentPort ?? fail();

port.on("message", (task: JsonTask) => {
  const { id } = task;
  try {
    const result = task.kind === "read" ? readEnvelope(task.json) : encoded(answerJson(task.answer));
    port.postMessage({ id, kind: "done", result } satisfies JsonReply, result instanceof Uint8Array ? [result.buffer as ArrayBuffer] : buffersOf(result));
  } catch (thrown) {
    const { code, details } = toStrataError(thrown);
    port.postMessage({ id, kind: "failed", code, details } satisfies JsonReply);
  }
});

function encoded(text: string): Uint8Array {
  return new TextEncoder().encode(text); // a buffer of its own, which may be handed over
}

/** The memory of all tensors, each once: elements of BYTES share one buffer. */
function buffersOf({ inputs }: Envelope): ArrayBuffer[] {
  const views = inputs.flatMap((input): readonly (Uint8Array | undefined)[] => ("data" in input ? [Array.isArray(input.data) ? input.data[0] as Uint8Array | undefined : input.data as Uint8Array] : []));
  return [...new Set(views.flatMap((view) => (view === undefined ? [] : [view.buffer as ArrayBuffer])))];
}

function fail(): never {
  throw new StrataError("INTERNAL", { reason: "the JSON thread was started outside a worker" });
}
