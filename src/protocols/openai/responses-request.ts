/**
 * A request of the Responses API as a chat request: that is what every upstream understands. Nothing is stored here, so
 * what refers to something stored is refused instead of forgotten.
 */
import { invalid } from "./language-request.ts";
import type { Json } from "./language-request.ts";

/** REQUEST_INVALID with the member that cannot be served. */
export function chatRequestOf(body: Json): Json {
  refuseStored(body);
  const { instructions, input } = body;
  const system = typeof instructions === "string" && instructions !== "" ? [{ role: "system", content: instructions }] : [];
  const messages = [...system, ...(typeof input === "string" ? [{ role: "user", content: input }] : messagesOf(input))];
  if (messages.length === system.length) throw invalid("input must be a text, or a list of items that is not empty", "input");
  return {
    model: body["model"], messages, stream: body["stream"] === true, ...(body["stream"] === true ? { stream_options: { include_usage: true } } : {}),
    ...rename(body, { max_output_tokens: "max_completion_tokens" }),
    ...keep(body, ["temperature", "top_p", "top_logprobs", "user", "metadata", "service_tier", "safety_identifier", "prompt_cache_key"]),
    ...toolsOf(body), ...formatOf(body["text"]), ...effortOf(body["reasoning"]),
  };
}

const STORED: Readonly<Record<string, string>> = {
  previous_response_id: "answers are not stored here: send the whole conversation as `input`",
  conversation: "conversations are not stored here: send the whole conversation as `input`",
  prompt: "prompts are not stored here: send the text as `instructions` and `input`",
  background: "answers are not stored here, so they cannot be made in the background",
};

function refuseStored(body: Json): void {
  for (const [member, reason] of Object.entries(STORED)) {
    if (body[member] !== undefined && body[member] !== null && body[member] !== false) throw invalid(reason, member);
  }
}

/** Calls that follow each other were made at once: they are one message. */
function messagesOf(input: unknown): readonly Json[] {
  if (!Array.isArray(input)) throw invalid("input must be a text or a list of items", "input");
  const messages: Json[] = [];
  for (const item of input as readonly Json[]) {
    const last = messages.at(-1);
    if (item["type"] === "function_call") {
      const call = { id: item["call_id"], type: "function", function: { name: item["name"], arguments: item["arguments"] } };
      if (last?.["role"] === "assistant" && last["content"] !== undefined) messages[messages.length - 1] = { ...last, tool_calls: [...((last["tool_calls"] as readonly Json[] | undefined) ?? []), call] };
      else messages.push({ role: "assistant", content: null, tool_calls: [call] });
      continue;
    }
    const message = messageOf(item);
    if (message) messages.push(message);
  }
  return messages;
}

function messageOf(item: Json): Json | undefined {
  if (typeof item !== "object" || item === null) throw invalid("every item of the input must be an object", "input");
  switch (item["type"]) {
    case undefined: case "message": return { role: item["role"] === "developer" ? "system" : item["role"], content: contentOf(item["content"], item["role"] === "assistant") };
    case "function_call_output": return { role: "tool", tool_call_id: item["call_id"], content: contentOf(item["output"], true) };
    case "reasoning": return undefined; // what a model thought before does not go back to it in a chat
    default: throw invalid(`items of the type ${JSON.stringify(item["type"])} cannot be translated to a chat`, "input");
  }
}

/** Where only texts are, one text: older servers know nothing else for assistants and tools. */
function contentOf(content: unknown, asText: boolean): unknown {
  if (!Array.isArray(content)) return content;
  const parts = (content as readonly Json[]).map(partOf);
  return asText && parts.every(({ type }) => type === "text") ? parts.map(({ text }) => String(text)).join("") : parts;
}

function partOf(part: Json): Json {
  switch (part["type"]) {
    case "input_text": case "output_text": return { type: "text", text: part["text"] };
    case "refusal": return { type: "text", text: part["refusal"] };
    case "input_image": return { type: "image_url", image_url: { url: part["image_url"], ...keep(part, ["detail"]) } };
    case "input_file": return { type: "file", file: keep(part, ["file_data", "filename", "file_id"]) };
    default: throw invalid(`content of the type ${JSON.stringify(part["type"])} cannot be translated to a chat`, "input");
  }
}

function toolsOf({ tools, tool_choice: choice, parallel_tool_calls: parallel }: Json): Json {
  if (!Array.isArray(tools) || tools.length === 0) return {};
  const translated = (tools as readonly Json[]).map((tool) => {
    if (tool["type"] !== "function") throw invalid(`tools of the type ${JSON.stringify(tool["type"])} run at OpenAI only; give functions`, "tools");
    return { type: "function", function: keep(tool, ["name", "description", "parameters", "strict"]) };
  });
  const name = typeof choice === "object" && choice !== null ? (choice as Json)["name"] : undefined;
  return {
    tools: translated, ...(parallel === undefined || parallel === null ? {} : { parallel_tool_calls: parallel }),
    ...(choice === undefined || choice === null ? {} : { tool_choice: name === undefined ? choice : { type: "function", function: { name } } }),
  };
}

function formatOf(text: unknown): Json {
  if (typeof text !== "object" || text === null) return {};
  const { format, verbosity } = text as { readonly format?: Json | null; readonly verbosity?: unknown };
  const kept = verbosity === undefined || verbosity === null ? {} : { verbosity };
  if (!format || format["type"] === "text") return kept;
  if (format["type"] !== "json_schema") return { ...kept, response_format: format };
  return { ...kept, response_format: { type: "json_schema", json_schema: keep(format, ["name", "description", "schema", "strict"]) } };
}

function effortOf(reasoning: unknown): Json {
  const effort = typeof reasoning === "object" && reasoning !== null ? (reasoning as Json)["effort"] : undefined;
  return effort === undefined || effort === null ? {} : { reasoning_effort: effort };
}

function keep(from: Json, members: readonly string[]): Json {
  return Object.fromEntries(members.filter((member) => from[member] !== undefined && from[member] !== null).map((member) => [member, from[member]]));
}

function rename(from: Json, names: Readonly<Record<string, string>>): Json {
  return Object.fromEntries(Object.entries(names).filter(([member]) => from[member] !== undefined && from[member] !== null).map(([member, name]) => [name, from[member]]));
}
