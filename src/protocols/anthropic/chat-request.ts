/** A request of Anthropic's Messages API as a chat request: what every upstream understands. */
import { invalid } from "../openai/language-request.ts";
import type { Json } from "../openai/language-request.ts";

/** REQUEST_INVALID with the member that cannot be translated. */
export function chatRequestOf(body: Json): Json {
  const { system, messages, max_tokens: limit, stop_sequences: stop, metadata, stream } = body;
  if (!Array.isArray(messages) || messages.length === 0) throw invalid("messages must be a list with at least one message", "messages");
  if (typeof limit !== "number") throw invalid("max_tokens is required", "max_tokens");
  const user = typeof metadata === "object" && metadata !== null ? (metadata as Json)["user_id"] : undefined;
  return {
    model: body["model"], stream: stream === true, ...(stream === true ? { stream_options: { include_usage: true } } : {}), max_completion_tokens: limit,
    messages: [...systemOf(system), ...(messages as readonly Json[]).flatMap(messagesOf)],
    ...keep(body, ["temperature", "top_p", "top_k", "thinking"]), ...(stop === undefined ? {} : { stop }), ...(user === undefined || user === null ? {} : { user }), ...toolsOf(body),
  };
}

function systemOf(system: unknown): readonly Json[] {
  if (system === undefined || system === null || system === "") return [];
  return [{ role: "system", content: typeof system === "string" ? system : blocksOf(system).map((block) => textOf(block)).join("\n") }];
}

/** Results of tools are messages of their own, before what the user says beside them. */
function messagesOf(message: Json): readonly Json[] {
  const { role, content } = message;
  if (role !== "user" && role !== "assistant") throw invalid("a message's role must be user or assistant", "messages");
  if (typeof content === "string") return [{ role, content }];
  const blocks = blocksOf(content);
  if (role === "assistant") return [assistantOf(blocks)];
  const results = blocks.filter(({ type }) => type === "tool_result").map((block): Json => ({ role: "tool", tool_call_id: block["tool_use_id"], content: resultOf(block["content"]) }));
  const parts = blocks.filter(({ type }) => type !== "tool_result").map(partOf);
  return [...results, ...(parts.length === 0 ? [] : [{ role, content: parts.every(({ type }) => type === "text") && parts.length === 1 ? parts[0]!["text"] : parts }])];
}

/** What it thought before does not go back to it in a chat. */
function assistantOf(blocks: readonly Json[]): Json {
  const text = blocks.filter(({ type }) => type === "text").map((block) => textOf(block)).join("");
  const calls = blocks.filter(({ type }) => type === "tool_use").map((block) => ({ id: block["id"], type: "function", function: { name: block["name"], arguments: JSON.stringify(block["input"] ?? {}) } }));
  return { role: "assistant", content: text === "" ? null : text, ...(calls.length === 0 ? {} : { tool_calls: calls }) };
}

function partOf(block: Json): Json {
  switch (block["type"]) {
    case "text": return { type: "text", text: block["text"], ...keep(block, ["cache_control"]) };
    case "image": return { type: "image_url", image_url: { url: addressOf(block["source"]) } };
    case "document": return { type: "file", file: { file_data: addressOf(block["source"]) } };
    default: throw invalid(`content of the type ${JSON.stringify(block["type"])} cannot be translated to a chat`, "messages");
  }
}

function addressOf(source: unknown): unknown {
  const { type, media_type: mediaType, data, url } = (source ?? {}) as Readonly<Record<string, string>>;
  return type === "base64" ? `data:${mediaType};base64,${data}` : url;
}

function resultOf(content: unknown): string {
  if (typeof content === "string") return content;
  return content === undefined ? "" : blocksOf(content).map((block) => textOf(block)).join("\n");
}

function textOf({ type, text }: Json): string {
  if (type === "text" && typeof text === "string") return text;
  throw invalid(`content of the type ${JSON.stringify(type)} cannot be translated to a chat here`, "messages");
}

function blocksOf(content: unknown): readonly Json[] {
  if (Array.isArray(content) && content.every((block) => typeof block === "object" && block !== null)) return content as readonly Json[];
  throw invalid("content must be a text or a list of blocks", "messages");
}

function toolsOf({ tools, tool_choice: choice }: Json): Json {
  if (!Array.isArray(tools) || tools.length === 0) return {};
  const translated = (tools as readonly Json[]).map((tool) => {
    if (tool["input_schema"] === undefined) throw invalid(`tools of the type ${JSON.stringify(tool["type"])} run at Anthropic only; give tools with an input_schema`, "tools");
    return { type: "function", function: { ...keep(tool, ["name", "description"]), parameters: tool["input_schema"] }, ...keep(tool, ["cache_control"]) };
  });
  const { type, name, disable_parallel_tool_use: isSingle } = (choice ?? {}) as Json;
  const chosen = type === "any" ? "required" : type === "tool" ? { type: "function", function: { name } } : type;
  return { tools: translated, ...(chosen === undefined ? {} : { tool_choice: chosen }), ...(isSingle === true ? { parallel_tool_calls: false } : {}) };
}

function keep(from: Json, members: readonly string[]): Json {
  return Object.fromEntries(members.filter((member) => from[member] !== undefined && from[member] !== null).map((member) => [member, from[member]]));
}
