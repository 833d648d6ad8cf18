/** A chat request in OpenAI's words as a request of the Messages API. */
import { StrataError } from "../../kernel/errors.ts";
import { parseObject } from "../../kernel/json-object.ts";
import type { JsonObject } from "../../kernel/json-object.ts";
import type { UpstreamCall } from "../../ports/language-upstream.ts";

type Block = JsonObject;
interface Message { readonly role: "user" | "assistant"; readonly content: Block[] }

/** Anthropic wants a limit; this is for calls that the gateway gave none. */
const DEFAULT_MAX_TOKENS = 4_096;

export function messagesRequestOf({ body, model, maxOutputTokens, isStream }: UpstreamCall): JsonObject {
  const { messages, temperature, stop, user } = body;
  const { system, conversation } = divide(Array.isArray(messages) ? (messages as readonly JsonObject[]) : []);
  return {
    model, max_tokens: maxOutputTokens ?? DEFAULT_MAX_TOKENS, messages: conversation, stream: isStream,
    ...(system.length === 0 ? {} : { system }),
    ...(typeof temperature === "number" ? { temperature: Math.min(1, temperature) } : {}), // OpenAI's goes to 2
    ...pick(body, ["top_p", "top_k", "thinking", "service_tier"]),
    ...(typeof stop === "string" ? { stop_sequences: [stop] } : Array.isArray(stop) ? { stop_sequences: stop } : {}),
    ...(typeof user === "string" ? { metadata: { user_id: user } } : {}),
    ...toolsOf(body),
  };
}

/** System prompts apart; messages of one role that follow each other are one message. */
function divide(messages: readonly JsonObject[]): { readonly system: readonly Block[]; readonly conversation: readonly Message[] } {
  const system: Block[] = [];
  const conversation: Message[] = [];
  for (const message of messages) {
    const { role } = message;
    if (role === "system" || role === "developer") {
      system.push(...blocksOf(message["content"]));
      continue;
    }
    const [side, content] = role === "assistant" ? ["assistant" as const, assistantBlocks(message)] : ["user" as const, role === "tool" ? [toolResult(message)] : blocksOf(message["content"])];
    const last = conversation.at(-1);
    if (last?.role === side) last.content.push(...content);
    else conversation.push({ role: side, content: [...content] });
  }
  return { system, conversation };
}

function assistantBlocks({ content, tool_calls: calls }: JsonObject): readonly Block[] {
  const uses = Array.isArray(calls) ? (calls as readonly JsonObject[]).map((call): Block => {
    const called = call["function"] as JsonObject | undefined;
    const text = called?.["arguments"];
    const input = text === undefined || text === "" ? {} : typeof text === "string" ? parseObject(text) : undefined;
    if (input === undefined) throw invalid(`the arguments of tool call ${JSON.stringify(call["id"])} are not a JSON object`);
    return { type: "tool_use", id: call["id"], name: called?.["name"], input };
  }) : [];
  return [...blocksOf(content), ...uses];
}

function toolResult({ tool_call_id: id, content }: JsonObject): Block {
  return { type: "tool_result", tool_use_id: id, content: blocksOf(content) };
}

/** Empty texts are left out: Anthropic refuses them. */
function blocksOf(content: unknown): readonly Block[] {
  if (typeof content === "string") return content === "" ? [] : [{ type: "text", text: content }];
  if (!Array.isArray(content)) return [];
  return (content as readonly JsonObject[]).flatMap((part) => (part["text"] === "" ? [] : [blockOf(part)]));
}

function blockOf(part: JsonObject): Block {
  const cache = pick(part, ["cache_control"]);
  switch (part["type"]) {
    case "text": return { type: "text", text: part["text"], ...cache };
    case "refusal": return { type: "text", text: part["refusal"], ...cache };
    case "image_url": return { type: "image", source: sourceOf((part["image_url"] as JsonObject | undefined)?.["url"]), ...cache };
    case "file": return { type: "document", source: sourceOf((part["file"] as JsonObject | undefined)?.["file_data"]), ...cache };
    default: throw invalid(`parts of the type ${JSON.stringify(part["type"])} cannot be sent to Anthropic`);
  }
}

function sourceOf(url: unknown): JsonObject {
  if (typeof url !== "string") throw invalid("images and files need an address or their data");
  const data = /^data:([^;,]+);base64,(.*)$/s.exec(url);
  return data ? { type: "base64", media_type: data[1], data: data[2] } : { type: "url", url };
}

function toolsOf({ tools, tool_choice: choice, parallel_tool_calls: parallel }: JsonObject): JsonObject {
  if (!Array.isArray(tools) || tools.length === 0) return {};
  const translated = (tools as readonly JsonObject[]).map((tool): JsonObject => {
    const declared = tool["function"] as JsonObject | undefined;
    if (declared === undefined) throw invalid(`tools of the type ${JSON.stringify(tool["type"])} cannot be sent to Anthropic`);
    return { name: declared["name"], ...pick(declared, ["description"]), input_schema: declared["parameters"] ?? { type: "object", properties: {} }, ...pick(tool, ["cache_control"]) };
  });
  const single = parallel === false ? { disable_parallel_tool_use: true } : {};
  const chosen = toolChoice(choice);
  return { tools: translated, ...(chosen === undefined && parallel !== false ? {} : { tool_choice: { ...chosen ?? { type: "auto" }, ...(chosen?.["type"] === "none" ? {} : single) } }) };
}

function toolChoice(choice: unknown): JsonObject | undefined {
  if (choice === "required") return { type: "any" };
  if (choice === "auto" || choice === "none") return { type: choice };
  const name = ((choice as JsonObject | undefined | null)?.["function"] as JsonObject | undefined)?.["name"];
  return name === undefined ? undefined : { type: "tool", name };
}

function pick(from: JsonObject, members: readonly string[]): JsonObject {
  return Object.fromEntries(members.filter((member) => from[member] !== undefined && from[member] !== null).map((member) => [member, from[member]]));
}

function invalid(reason: string): StrataError {
  return new StrataError("REQUEST_INVALID", { reason: `${reason}.`, param: "messages" });
}
