/** A whole answer as the pieces of a stream: for answers from a cache, and upstreams that do not stream. */
import type { JsonObject, StreamPiece } from "../../ports/language-upstream.ts";

/** One piece with the text of each choice, one with its finish reason, and one with the usage if there is any. */
export function piecesOf(json: JsonObject): readonly StreamPiece[] {
  const isText = json["object"] === "text_completion";
  const head = { ...json, object: isText ? "text_completion" : "chat.completion.chunk", choices: undefined, usage: undefined };
  const choices = Array.isArray(json["choices"]) ? (json["choices"] as readonly JsonObject[]) : [];
  const chunks = choices.flatMap((choice, at): JsonObject[] => {
    const index = choice["index"] ?? at;
    const end = { index, finish_reason: choice["finish_reason"] ?? "stop" };
    if (isText) return [{ ...head, choices: [{ index, text: choice["text"], finish_reason: null }] }, { ...head, choices: [{ ...end, text: "" }] }];
    return [{ ...head, choices: [{ index, delta: deltaOf(choice["message"]), finish_reason: null }] }, { ...head, choices: [{ ...end, delta: {} }] }];
  });
  const usage = typeof json["usage"] === "object" && json["usage"] !== null ? [{ ...head, choices: [], usage: json["usage"] }] : [];
  return [...chunks, ...usage].map(pieceOf);
}

export function pieceOf(chunk: JsonObject): StreamPiece {
  return { bytes: Buffer.from(`data: ${JSON.stringify(chunk)}\n\n`), chunk };
}

/** Tool calls of a delta have an index of their own. */
function deltaOf(message: unknown): unknown {
  if (typeof message !== "object" || message === null) return {};
  const { tool_calls: calls } = message as JsonObject;
  return Array.isArray(calls) ? { ...message, tool_calls: (calls as readonly JsonObject[]).map((call, index) => ({ index, ...call })) } : message;
}

export function noMorePieces(): AsyncIterator<readonly StreamPiece[]> {
  return { next: () => Promise.resolve({ done: true, value: undefined }) };
}
