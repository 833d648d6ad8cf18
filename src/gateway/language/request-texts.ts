/** The texts of a request, for guardrails: read out as messages, put back changed, everything else untouched. */
import type { GuardrailMessage } from "../../define/guardrail.ts";
import type { JsonObject, UpstreamOperation } from "../../ports/language-upstream.ts";

type Role = GuardrailMessage["role"];
type Replace = (role: Role, text: string) => string;

const ROLES: ReadonlySet<string> = new Set<Role>(["system", "developer", "user", "assistant", "tool"]);

export function textsOf(operation: UpstreamOperation, body: JsonObject): readonly GuardrailMessage[] {
  const messages: GuardrailMessage[] = [];
  mapTexts(operation, body, (role, text) => {
    messages.push({ role, text });
    return text;
  });
  return messages;
}

/** The body with its texts in the order of `textsOf`. */
export function withTexts(operation: UpstreamOperation, body: JsonObject, texts: readonly string[]): JsonObject {
  let at = 0;
  return mapTexts(operation, body, () => texts[at++]!);
}

function mapTexts(operation: UpstreamOperation, body: JsonObject, replace: Replace): JsonObject {
  if (operation !== "chat") {
    const member = operation === "embeddings" ? "input" : "prompt";
    return { ...body, [member]: mapInput(body[member], replace) };
  }
  const { messages } = body;
  return Array.isArray(messages) ? { ...body, messages: (messages as readonly JsonObject[]).map((message) => mapMessage(message, replace)) } : body;
}

function mapInput(input: unknown, replace: Replace): unknown {
  if (typeof input === "string") return replace("user", input);
  return Array.isArray(input) ? (input as readonly unknown[]).map((item) => (typeof item === "string" ? replace("user", item) : item)) : input;
}

/** Also the arguments of tool calls, which the model wrote earlier. */
function mapMessage(message: JsonObject, replace: Replace): JsonObject {
  const role = ROLES.has(String(message["role"])) ? (message["role"] as Role) : "user";
  const { content, tool_calls: calls } = message;
  const changed: Record<string, unknown> = { ...message };
  if (typeof content === "string") changed["content"] = replace(role, content);
  else if (Array.isArray(content)) changed["content"] = (content as readonly JsonObject[]).map((part) => (typeof part["text"] === "string" ? { ...part, text: replace(role, part["text"]) } : part));
  if (Array.isArray(calls)) changed["tool_calls"] = (calls as readonly JsonObject[]).map((call) => mapCall(call, replace));
  return changed;
}

function mapCall(call: JsonObject, replace: Replace): JsonObject {
  const called = call["function"] as JsonObject | undefined;
  return typeof called?.["arguments"] === "string" ? { ...call, function: { ...called, arguments: replace("assistant", called["arguments"]) } } : call;
}
