/** Answers of the mock that are no streams. */
import { countTokens } from "gpt-tokenizer/encoding/o200k_base";
import { pause } from "./mock-call.ts";
import type { MockCall } from "./mock-call.ts";
import { usageOf } from "./stream-answer.ts";

const DIMENSIONS = 8;

export async function wholeAnswer(call: MockCall): Promise<void> {
  const { response, behaviour, bill, promptTokens, words, request } = call;
  if (behaviour.firstDelayMs) await pause(behaviour.firstDelayMs);
  if (response.destroyed) return;
  if (behaviour.cutAfter !== undefined || behaviour.stallAfter !== undefined) {
    response.writeHead(200, { "content-type": "application/json", "content-length": "1000" });
    response.write("{\"choices\":[");
    await pause(20);
    return behaviour.cutAfter === undefined ? undefined : void response.destroy();
  }
  const isEmbedding = request.path.endsWith("/embeddings");
  const isTool = call.finishReason === "tool_calls";
  const text = isTool ? "weather{\"city\":\"Basel\"}" : words.join("");
  const choices = typeof request.body["n"] === "number" ? request.body["n"] : 1;
  if (behaviour.usage !== "zero") Object.assign(bill, { inputTokens: promptTokens, outputTokens: isEmbedding ? 0 : countTokens(text) * choices });
  const usage = behaviour.usage === "none" ? {} : { usage: usageOf(call) };
  const body = isEmbedding ? embeddings(call) : { ...completion(call, choices, text), ...usage };
  if (behaviour.garbageAt !== undefined) return void response.writeHead(200, { "content-type": "application/json" }).end("<html>busy</html>");
  response.writeHead(200, { "content-type": "application/json", "x-mock": "yes" }).end(JSON.stringify(body));
}

function completion({ request, finishReason }: MockCall, count: number, text: string): Record<string, unknown> {
  const isChat = request.path.endsWith("/chat/completions");
  const message = finishReason === "tool_calls"
    ? { role: "assistant", content: null, tool_calls: [{ id: "call_1", type: "function", function: { name: "weather", arguments: "{\"city\":\"Basel\"}" } }] }
    : { role: "assistant", content: text };
  const choices = Array.from({ length: count }, (_, index) => ({ index, ...(isChat ? { message } : { text }), finish_reason: finishReason, logprobs: null }));
  return { id: "mock-1", object: isChat ? "chat.completion" : "text_completion", created: 1_760_000_000, model: request.body["model"], choices, unknown_member: { kept: true } };
}

/** A vector of a text's bytes: the same text has the same one. */
function embeddings({ request, bill }: MockCall): Record<string, unknown> {
  const inputs = [request.body["input"]].flat();
  const data = inputs.map((input, index) => {
    const bytes = Buffer.from(String(input));
    const vector = new Float32Array(DIMENSIONS).map((_, at) => (bytes[at % Math.max(1, bytes.length)] ?? 0) / 255);
    return { object: "embedding", index, embedding: request.body["encoding_format"] === "base64" ? Buffer.from(vector.buffer).toString("base64") : [...vector] };
  });
  return { object: "list", data, model: request.body["model"], usage: { prompt_tokens: bill.inputTokens, total_tokens: bill.inputTokens } };
}
