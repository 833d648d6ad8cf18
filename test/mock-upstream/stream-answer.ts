/** A streamed answer of the mock, with whatever is to go wrong in it. */
import { countTokens } from "gpt-tokenizer/encoding/o200k_base";
import { pause } from "./mock-call.ts";
import type { MockCall } from "./mock-call.ts";

type Chunk = Record<string, unknown>;

export async function streamAnswer(call: MockCall): Promise<void> {
  const { response, behaviour, words, bill, promptTokens } = call;
  const writer = createWriter(call);
  const isChat = call.request.path.endsWith("/chat/completions");
  const isTool = call.finishReason === "tool_calls";
  if (behaviour.firstDelayMs) await pause(behaviour.firstDelayMs);
  if (response.destroyed) return;
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
  if (behaviour.framing?.comments) await writer.raw(": working on it\n\n");
  if (isChat) await writer.chunk(deltaChunk(call, { role: "assistant", content: isTool ? null : "" }));
  if (isTool) await writer.chunk(deltaChunk(call, { tool_calls: [{ index: 0, id: "call_1", type: "function", function: { name: "weather", arguments: "" } }] }));
  const pieces = isTool ? ["{\"city\":", "\"Basel\"}"] : words;
  let text = isTool ? "weather" : "";
  for (const [index, piece] of pieces.entries()) {
    if (behaviour.cutAfter === index) return writer.cut();
    if (behaviour.endAfter === index) return void response.end();
    if (behaviour.stallAfter === index) return;
    if (index > 0 && behaviour.betweenDelayMs) await pause(behaviour.betweenDelayMs);
    if (response.destroyed) return;
    if (behaviour.garbageAt === index) {
      await writer.raw("data: {\"choices\":[{\"delta\":{\"content\":\n\n");
      return;
    }
    if (behaviour.errorAt === index) return void response.end(`data: ${JSON.stringify({ error: { message: "the model ran away", type: "server_error" } })}\n\n`);
    text += piece;
    if (behaviour.usage !== "zero") Object.assign(bill, { inputTokens: promptTokens, outputTokens: countTokens(text) });
    const delta = isTool ? { tool_calls: [{ index: 0, function: { arguments: piece } }] } : { content: piece };
    await writer.chunk({ ...(isChat ? deltaChunk(call, delta) : textChunk(call, piece)), ...(behaviour.usage === "each" ? { usage: usageOf(call) } : {}) });
  }
  if (response.destroyed) return;
  const last = isChat ? deltaChunk(call, {}, call.finishReason) : textChunk(call, "", call.finishReason);
  await writer.chunk({ ...last, ...(behaviour.usage === "with-choices" || behaviour.usage === "each" ? { usage: usageOf(call) } : {}) });
  if (behaviour.cutBeforeDone) return writer.cut();
  if (asksUsage(call) && (behaviour.usage === undefined || behaviour.usage === "chunk" || behaviour.usage === "zero")) await writer.chunk({ ...last, choices: [], usage: usageOf(call) });
  for (let times = behaviour.done ?? 1; times > 0; times--) await writer.raw(writer.frame("[DONE]"));
  response.end();
}

export function usageOf({ bill }: MockCall): Chunk {
  return { prompt_tokens: bill.inputTokens, completion_tokens: bill.outputTokens, total_tokens: bill.inputTokens + bill.outputTokens };
}

function asksUsage({ request }: MockCall): boolean {
  const options = request.body["stream_options"] as { readonly include_usage?: boolean } | undefined;
  return options?.include_usage === true;
}

const head = ({ request }: MockCall, object: string): Chunk => ({ id: "mock-1", object, created: 1_760_000_000, model: request.body["model"] });

function deltaChunk(call: MockCall, delta: Chunk, finishReason: string | null = null): Chunk {
  return { ...head(call, "chat.completion.chunk"), choices: [{ index: 0, delta, finish_reason: finishReason }] };
}

function textChunk(call: MockCall, text: string, finishReason: string | null = null): Chunk {
  return { ...head(call, "text_completion"), choices: [{ index: 0, text, finish_reason: finishReason, logprobs: null }] };
}

function createWriter({ response, behaviour: { framing = {} } }: MockCall) {
  const { lineEnd = "\n", space = true, comments = false, pieceBytes } = framing;
  const write = (bytes: Buffer): Promise<void> => new Promise((resolve) => { response.write(bytes, () => resolve()); });
  const raw = async (text: string): Promise<void> => {
    const bytes = Buffer.from(text);
    if (pieceBytes === undefined) return write(bytes);
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      await write(bytes.subarray(at, at + pieceBytes));
      await new Promise((resolve) => { setImmediate(resolve); }); // or the pieces leave together
    }
  };
  const frame = (data: string): string => `${comments ? `: still here${lineEnd}` : ""}data:${space ? " " : ""}${data}${lineEnd}${lineEnd}`;
  return {
    raw, frame,
    chunk: (chunk: Chunk) => raw(frame(JSON.stringify(chunk))),
    /** Everything that was written arrives, then the connection breaks inside the body. */
    cut: async (): Promise<void> => {
      await pause(20);
      response.destroy();
    },
  };
}
