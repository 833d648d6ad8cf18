/** A stream of the gateway as server-sent bytes. Pieces that arrived together leave together; what breaks says so and never ends cleanly. */
import { toStrataError } from "../../kernel/errors.ts";
import type { LanguageAnswer } from "../../gateway/index.ts";
import { openAiErrorOf } from "./openai-error.ts";

type Batches = Extract<LanguageAnswer, { readonly kind: "stream" }>["batches"];

export const EVENT_STREAM_HEADERS = { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache", "x-accel-buffering": "no" };

const DONE = "data: [DONE]\n\n";

/** Raises after the error event: whoever writes the bytes then cuts the connection instead of ending it. */
export async function* eventStream(batches: Batches): AsyncGenerator<string | Uint8Array> {
  try {
    for await (const batch of batches) yield joined(batch);
  } catch (thrown) {
    yield `data: ${JSON.stringify({ error: openAiErrorOf(toStrataError(thrown)) })}\n\n`;
    throw thrown;
  }
  yield DONE;
}

/** One buffer for all; frames that lie behind each other in one chunk of the network are one slice of it. */
function joined(batch: readonly { readonly bytes: Uint8Array }[]): Uint8Array {
  const [first] = batch;
  if (batch.length === 1) return first!.bytes;
  const last = batch.at(-1)!.bytes;
  const sizeBytes = batch.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const { buffer, byteOffset } = first!.bytes;
  if (last.buffer === buffer && last.byteOffset + last.length - byteOffset === sizeBytes && batch.every(({ bytes }) => bytes.buffer === buffer)) return new Uint8Array(buffer, byteOffset, sizeBytes);
  return Buffer.concat(batch.map(({ bytes }) => bytes), sizeBytes);
}
