/** Server-sent chunks of an OpenAI-compatible server as pieces; anything that is no chunk breaks the stream. */
import { StrataError, isStrataError, reasonOf } from "../../kernel/errors.ts";
import { parseObject } from "../../kernel/json-object.ts";
import { createEventFrames } from "../../kernel/server-sent-events.ts";
import type { EventFrame } from "../../kernel/server-sent-events.ts";
import type { StreamBatches, StreamPiece } from "../../ports/language-upstream.ts";
import type { TransportBody } from "../../ports/upstream-transport.ts";

/** Ends at [DONE], or where the server closes properly without it; what comes after [DONE] is dropped. */
export async function* readStream(upstream: string, body: TransportBody): StreamBatches {
  const frames = createEventFrames();
  let pieces = 0;
  const broken = (reason: string, cause?: unknown): StrataError => new StrataError("STREAM_BROKEN", { upstream, pieces, reason }, { cause });
  const read = (found: readonly EventFrame[]): { readonly batch: StreamPiece[]; readonly isDone: boolean; readonly error?: StrataError } => {
    const batch: StreamPiece[] = [];
    for (const frame of found) {
      if (frame.data === "[DONE]") return { batch, isDone: true };
      const piece = pieceOf(frame);
      if (typeof piece === "string") return { batch, isDone: false, error: broken(piece) };
      batch.push(piece);
      pieces += 1;
    }
    return { batch, isDone: false };
  };

  try {
    for await (const chunk of body) {
      const { batch, isDone, error } = read(frames.push(chunk));
      if (isDone) body.discard();
      if (batch.length > 0) yield batch;
      if (error) throw error;
      if (isDone) return;
    }
  } catch (thrown) {
    if (isStrataError(thrown) && thrown.code === "STREAM_BROKEN") throw thrown;
    if (isStrataError(thrown) && thrown.code !== "UPSTREAM_FAILED") throw thrown; // the signal's reason
    throw broken(`the connection failed: ${isStrataError(thrown) ? String(thrown.details["reason"]) : reasonOf(thrown)}`, thrown);
  }
  const last = frames.end();
  if (last === undefined) return;
  const { batch, error } = read([last]);
  if (batch.length > 0) yield batch;
  if (error) throw error;
}

function pieceOf(frame: EventFrame): StreamPiece | string {
  const chunk = parseObject(frame.data);
  if (chunk === undefined) return `a frame is not a JSON object: ${JSON.stringify(frame.data.slice(0, 100))}`;
  if (chunk["error"] !== undefined) return `it sent an error: ${JSON.stringify(chunk["error"]).slice(0, 300)}`;
  if (!Array.isArray(chunk["choices"]) && typeof chunk["usage"] !== "object") return `a frame has no choices: ${JSON.stringify(frame.data.slice(0, 100))}`;
  return { bytes: frame.plain ?? Buffer.from(`data: ${frame.data.replaceAll("\n", " ")}\n\n`), chunk };
}
