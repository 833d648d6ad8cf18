/** The thread's side of a worker session: opens the model, then runs what it is sent, one after another. */
import { parentPort, workerData } from "node:worker_threads";
import { isStrataError } from "../../kernel/errors.ts";
import type { StrataError } from "../../kernel/errors.ts";
import type { OnnxArtifact } from "../../ports/inference-model.ts";
import { importOnnx, onnxReason, openSession } from "./session.ts";
import { blankInputs } from "./blank-inputs.ts";
import { buffersOf } from "./worker-session.ts";
import type { FromWorker, ToWorker } from "./worker-session.ts";

const isInvalid = (thrown: unknown): thrown is StrataError => isStrataError(thrown) && thrown.code === "INFERENCE_INVALID";
const send = (message: FromWorker, transfer: ArrayBuffer[] = []): void => parentPort!.postMessage(message, transfer);

try {
  const session = await openSession(await importOnnx(), workerData as OnnxArtifact); // the parent passed one
  const { inputs, outputs, batchSymbols } = session;
  await session.run(blankInputs(inputs), outputs.map((output) => output.name)).catch(() => undefined); // warm where zeros suit it
  parentPort!.on("message", ({ run, inputs: tensors, wanted }: ToWorker) => {
    session.run(tensors, wanted).then(
      (answered) => send({ kind: "done", run, outputs: answered }, buffersOf(answered)),
      (thrown: unknown) => send(isInvalid(thrown) ? { kind: "failed", run, reason: String(thrown.details["reason"]), isInvalid: true } : { kind: "failed", run, reason: onnxReason(thrown), isInvalid: false }),
    );
  });
  send({ kind: "open", inputs, outputs, batchSymbols });
} catch (thrown) {
  send({ kind: "failed", run: undefined, reason: onnxReason(thrown), isInvalid: false });
}
