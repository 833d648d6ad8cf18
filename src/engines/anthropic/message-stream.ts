/** The events of a streamed message as chat chunks. A stream without `message_stop` is broken. */
import { StrataError, isStrataError, reasonOf } from "../../kernel/errors.ts";
import { parseObject } from "../../kernel/json-object.ts";
import type { JsonObject } from "../../kernel/json-object.ts";
import { createEventFrames } from "../../kernel/server-sent-events.ts";
import type { StreamBatches, StreamPiece } from "../../ports/language-upstream.ts";
import type { TransportBody } from "../../ports/upstream-transport.ts";
import { finishReasonOf, usageInChatWords } from "./completion.ts";

export interface StreamContext {
  readonly upstream: string;
  readonly created: number;
}

export async function* readMessageStream({ upstream, created }: StreamContext, body: TransportBody): StreamBatches {
  const frames = createEventFrames();
  const translator = createTranslator(created);
  let pieces = 0;
  const broken = (reason: string, cause?: unknown): StrataError => new StrataError("STREAM_BROKEN", { upstream, pieces, reason }, { cause });

  try {
    for await (const chunk of body) {
      const batch: StreamPiece[] = [];
      let problem: string | undefined;
      for (const frame of frames.push(chunk)) {
        const event = parseObject(frame.data);
        problem = event === undefined ? `a frame is not a JSON object: ${JSON.stringify(frame.data.slice(0, 100))}` : event["type"] === "error" ? `it sent an error: ${JSON.stringify(event["error"])}` : undefined;
        if (event === undefined || problem !== undefined) break;
        batch.push(...translator.take(event));
      }
      pieces += batch.length;
      if (translator.isOver()) body.discard();
      if (batch.length > 0) yield batch;
      if (problem !== undefined) throw broken(problem);
      if (translator.isOver()) return;
    }
  } catch (thrown) {
    if (isStrataError(thrown) && thrown.code !== "UPSTREAM_FAILED") throw thrown; // broken, or the signal's reason
    throw broken(`the connection failed: ${isStrataError(thrown) ? String(thrown.details["reason"]) : reasonOf(thrown)}`, thrown);
  }
  throw broken("it ended without message_stop");
}

function createTranslator(created: number) {
  let head: JsonObject = {};
  let usage: JsonObject = {};
  let tools = 0;
  let isOver = false;
  const piece = (rest: JsonObject, told?: JsonObject): StreamPiece => {
    const chunk = { ...head, ...rest };
    return { chunk, bytes: Buffer.from(`data: ${JSON.stringify(chunk)}\n\n`), ...(told === undefined ? {} : { usage: told }) };
  };
  const delta = (value: JsonObject, told?: JsonObject): StreamPiece => piece({ choices: [{ index: 0, delta: value, finish_reason: null }] }, told);
  const tool = (value: JsonObject): StreamPiece => delta({ tool_calls: [{ index: tools - 1, ...value }] });

  const takeDelta = (change: JsonObject): readonly StreamPiece[] => {
    switch (change["type"]) {
      case "text_delta": return [delta({ content: change["text"] })];
      case "thinking_delta": return [delta({ reasoning_content: change["thinking"] })];
      case "input_json_delta": return change["partial_json"] === "" ? [] : [tool({ function: { arguments: change["partial_json"] } })];
      default: return []; // signatures and citations have no place in a chat chunk
    }
  };
  const take = (event: JsonObject): readonly StreamPiece[] => {
    switch (event["type"]) {
      case "message_start": {
        const message = (event["message"] ?? {}) as JsonObject;
        head = { id: message["id"], object: "chat.completion.chunk", created, model: message["model"] };
        usage = (message["usage"] ?? {}) as JsonObject;
        return [delta({ role: "assistant", content: "" }, usageInChatWords(usage))];
      }
      case "content_block_start": {
        const block = (event["content_block"] ?? {}) as JsonObject;
        if (block["type"] !== "tool_use") return [];
        tools += 1;
        return [tool({ id: block["id"], type: "function", function: { name: block["name"], arguments: "" } })];
      }
      case "content_block_delta": return takeDelta((event["delta"] ?? {}) as JsonObject);
      case "message_delta": {
        usage = { ...usage, ...(event["usage"] as JsonObject | undefined) };
        const reason = (event["delta"] as JsonObject | undefined)?.["stop_reason"];
        return [piece({ choices: [{ index: 0, delta: {}, finish_reason: finishReasonOf(reason) }] }, usageInChatWords(usage))];
      }
      case "message_stop":
        isOver = true;
        return [piece({ choices: [], usage: usageInChatWords(usage) })];
      default: return []; // pings, ends of blocks, and what may be new
    }
  };
  return { take, isOver: () => isOver };
}
