/** The text that a model wrote, wherever OpenAI's dialect keeps it: what tokens are counted in. */
import type { JsonObject } from "../../ports/language-upstream.ts";

/** Calls back for each piece of text of an answer or a chunk, with the index of its choice. */
export function eachText(json: JsonObject, found: (choice: number, text: string) => void): void {
  const { choices } = json;
  if (!Array.isArray(choices)) return;
  for (const choice of choices as readonly (JsonObject | null)[]) {
    if (typeof choice !== "object" || choice === null) continue;
    const index = typeof choice["index"] === "number" ? choice["index"] : 0;
    const say = (text: unknown): void => { if (typeof text === "string" && text !== "") found(index, text); };
    say(choice["text"]);
    const message = (choice["delta"] ?? choice["message"]) as JsonObject | null | undefined;
    if (typeof message !== "object" || message === null) continue;
    say(message["reasoning_content"] ?? message["reasoning"]);
    say(message["content"]);
    say(message["refusal"]);
    if (message["tool_calls"] === undefined && message["function_call"] === undefined) continue;
    const calls = Array.isArray(message["tool_calls"]) ? (message["tool_calls"] as readonly JsonObject[]).map((call) => call["function"]) : [message["function_call"]];
    for (const call of calls as readonly (JsonObject | undefined | null)[]) {
      say(call?.["name"]);
      say(call?.["arguments"]);
    }
  }
}

/** Whether a chunk brings anything that a model wrote. */
export function hasText(chunk: JsonObject): boolean {
  let found = false;
  eachText(chunk, () => { found = true; });
  return found;
}

/** Finish reasons of an answer or a chunk, by choice. */
export function eachFinish(json: JsonObject, found: (choice: number, reason: string) => void): void {
  const { choices } = json;
  if (!Array.isArray(choices)) return;
  for (const choice of choices as readonly (JsonObject | null)[]) {
    const reason = choice?.["finish_reason"];
    if (typeof reason === "string") found(typeof choice!["index"] === "number" ? choice!["index"] : 0, reason);
  }
}
