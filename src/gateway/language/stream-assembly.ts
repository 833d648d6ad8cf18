/** Puts the chunks of a stream together to the answer that the same request without `stream` would have had: what a cache keeps. */
import type { JsonObject } from "../../ports/language-upstream.ts";
import type { TokenUsage } from "./call-policy.ts";
import { usageInWords } from "./usage.ts";

export interface StreamAssembly {
  add(chunk: JsonObject): void;
  whole(usage: TokenUsage): JsonObject;
}

interface ToolCall { id?: unknown; type?: unknown; function: { name: string; arguments: string } }
interface Choice { text: string; finish: unknown; readonly message: Record<string, unknown>; readonly calls: ToolCall[]; isText: boolean }

export function createStreamAssembly(): StreamAssembly {
  const choices = new Map<number, Choice>();
  let head: JsonObject = {};
  const choiceOf = (index: number): Choice => {
    const known = choices.get(index) ?? { text: "", finish: null, message: {}, calls: [], isText: false };
    choices.set(index, known);
    return known;
  };
  return {
    add: (chunk) => {
      head = { ...head, ...chunk };
      if (!Array.isArray(chunk["choices"])) return;
      for (const part of chunk["choices"] as readonly JsonObject[]) addPart(choiceOf(typeof part["index"] === "number" ? part["index"] : 0), part);
    },
    whole: (usage) => ({
      ...head, object: [...choices.values()].some(({ isText }) => isText) ? "text_completion" : "chat.completion",
      choices: [...choices].toSorted(([a], [b]) => a - b).map(([index, choice]) => wholeChoice(index, choice)), usage: usageInWords(usage),
    }),
  };
}

function addPart(choice: Choice, part: JsonObject): void {
  if (typeof part["finish_reason"] === "string") choice.finish = part["finish_reason"];
  if (typeof part["text"] === "string") {
    choice.isText = true;
    choice.text += part["text"];
  }
  const { delta } = part;
  if (typeof delta !== "object" || delta === null) return;
  for (const [member, value] of Object.entries(delta as JsonObject)) {
    if (member === "tool_calls") (value as readonly JsonObject[] | null)?.forEach((call, at) => addCall(choice.calls, call, at));
    else if (typeof value === "string" && member !== "role" && typeof choice.message[member] === "string") choice.message[member] += value;
    else if (value !== null) choice.message[member] = value;
  }
}

function addCall(calls: ToolCall[], part: JsonObject, at: number): void {
  const index = typeof part["index"] === "number" ? part["index"] : at;
  const call = calls[index] ??= { function: { name: "", arguments: "" } };
  const called = part["function"] as Partial<ToolCall["function"]> | undefined;
  call.id ??= part["id"];
  call.type ??= part["type"];
  call.function.name += called?.name ?? "";
  call.function.arguments += called?.arguments ?? "";
}

function wholeChoice(index: number, { text, finish, message, calls, isText }: Choice): JsonObject {
  if (isText) return { index, text, finish_reason: finish, logprobs: null };
  return { index, message: { role: "assistant", content: null, ...message, ...(calls.length > 0 ? { tool_calls: calls } : {}) }, finish_reason: finish, logprobs: null };
}
