/**
 * A Messages API for tests: strict about what Anthropic is strict about, answers with text, or with a tool call when
 * there are tools and no result yet, streams with thinking first, and can break.
 */
import { createServer } from "node:http";
import type { ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface MockAnthropic extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly Json[];
  /** How the next request goes wrong. */
  play(fault: "overloaded" | "invalid" | "cut" | "no-stop" | "error-event"): void;
}

type Json = Readonly<Record<string, unknown>>;

const USAGE = { input_tokens: 10, cache_creation_input_tokens: 2, cache_read_input_tokens: 5 };
const TEXT = ["Hello", " from", " Claude"];

export async function openMockAnthropic(): Promise<MockAnthropic> {
  const requests: Json[] = [];
  const faults: Parameters<MockAnthropic["play"]>[0][] = [];
  const server = createServer((message, response) => {
    const chunks: Buffer[] = [];
    message.on("data", (chunk: Buffer) => chunks.push(chunk));
    message.on("end", () => {
      const body = JSON.parse(Buffer.concat(chunks).toString("utf8")) as Json;
      requests.push(body);
      const fault = faults.shift();
      const problem = fault === "invalid" ? "max_tokens: too many" : problemOf(body, { path: message.url, ...message.headers });
      if (fault === "overloaded") return fail(response, 529, { type: "overloaded_error", message: "Overloaded" });
      if (problem !== undefined) return fail(response, 400, { type: "invalid_request_error", message: problem });
      const asksTool = Array.isArray(body["tools"]) && !JSON.stringify(body["messages"]).includes("tool_result");
      if (body["stream"] === true) return stream(response, body, { asksTool, fault });
      const content = asksTool ? [{ type: "text", text: "Looking." }, { type: "tool_use", id: "toolu_1", name: "weather", input: { city: "Basel" } }] : [{ type: "text", text: TEXT.join("") }];
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ id: "msg_1", type: "message", role: "assistant", model: body["model"], content, stop_reason: asksTool ? "tool_use" : "end_turn", stop_sequence: null, usage: { ...USAGE, output_tokens: 4 } }));
    });
  });
  await new Promise<void>((resolve) => { server.listen({ port: 0, host: "127.0.0.1" }, resolve); });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, requests,
    play: (fault) => { faults.push(fault); },
    [Symbol.asyncDispose]: () => new Promise((resolve) => { server.close(() => resolve()); server.closeAllConnections(); }),
  };
}

function fail(response: ServerResponse, status: number, error: Json): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify({ type: "error", error }));
}

/** What Anthropic answers 400 to. */
function problemOf(body: Json, request: Json): string | undefined {
  if (request["path"] !== "/v1/messages" || request["anthropic-version"] === undefined || request["x-api-key"] !== "sk-ant") return "headers";
  if (typeof body["max_tokens"] !== "number") return "max_tokens: Field required";
  const known = new Set(["model", "max_tokens", "messages", "system", "stream", "temperature", "top_p", "top_k", "stop_sequences", "metadata", "tools", "tool_choice", "thinking", "service_tier"]);
  const unknown = Object.keys(body).find((member) => !known.has(member));
  if (unknown !== undefined) return `${unknown}: Extra inputs are not permitted`;
  const messages = body["messages"] as readonly { readonly role: string; readonly content: readonly Json[] }[];
  for (const [at, { role, content }] of messages.entries()) {
    if (role !== (at % 2 === 0 ? "user" : "assistant")) return "messages: roles must alternate";
    if (content.length === 0 || content.some(({ text }) => text === "")) return "messages: text content blocks must be non-empty";
    const used = (messages[at - 1]?.content ?? []).filter(({ type }) => type === "tool_use").map(({ id }) => id);
    const results = content.filter(({ type }) => type === "tool_result").map(({ tool_use_id: id }) => id);
    if (JSON.stringify(used) !== JSON.stringify(results)) return "messages: tool_use ids were found without tool_result blocks immediately after";
  }
  return undefined;
}

function stream(response: ServerResponse, body: Json, { asksTool, fault }: { readonly asksTool: boolean; readonly fault: string | undefined }): void {
  const send = (type: string, rest: object): void => { response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...rest })}\n\n`); };
  const block = (index: number, content: Json, deltas: readonly Json[]): void => {
    send("content_block_start", { index, content_block: content });
    for (const delta of deltas) send("content_block_delta", { index, delta });
    send("content_block_stop", { index });
  };
  response.writeHead(200, { "content-type": "text/event-stream" });
  send("message_start", { message: { id: "msg_1", type: "message", role: "assistant", model: body["model"], content: [], stop_reason: null, usage: { ...USAGE, output_tokens: 1 } } });
  send("ping", {});
  block(0, { type: "thinking", thinking: "" }, [{ type: "thinking_delta", thinking: "Hm." }, { type: "signature_delta", signature: "abc" }]);
  block(1, { type: "text", text: "" }, TEXT.map((text) => ({ type: "text_delta", text })));
  if (fault === "cut") return void setTimeout(() => response.destroy(), 20);
  if (fault === "error-event") {
    send("error", { error: { type: "overloaded_error", message: "Overloaded" } });
    return void response.end();
  }
  if (asksTool) block(2, { type: "tool_use", id: "toolu_1", name: "weather", input: {} }, [{ type: "input_json_delta", partial_json: "" }, { type: "input_json_delta", partial_json: "{\"city\":" }, { type: "input_json_delta", partial_json: "\"Basel\"}" }]);
  send("message_delta", { delta: { stop_reason: asksTool ? "tool_use" : "end_turn", stop_sequence: null }, usage: { output_tokens: 6 } });
  if (fault !== "no-stop") send("message_stop", {});
  response.end();
}
