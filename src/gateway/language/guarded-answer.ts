/**
 * Guardrails around an answer: every text that a model wrote goes through them, content, reasoning and the arguments
 * of tools alike. In a stream each of them has a guard of its own, which may hold text back until its choice has ended.
 */
import type { JsonObject, StreamPiece } from "../../ports/language-upstream.ts";
import type { AnswerGuard, GuardedCall } from "./guardrails/guarded-call.ts";
import { pieceOf } from "./whole-as-stream.ts";

/** Where a text lies in a choice: "text", "content", "tool 0" … */
type Slot = string;
type Replace = (slot: Slot, text: string) => Promise<string>;

const MEMBERS = ["content", "reasoning_content", "reasoning", "refusal"] as const;

/** GUARDRAIL_REFUSED. */
export async function guardWhole(json: JsonObject, guard: GuardedCall): Promise<JsonObject> {
  const choices = Array.isArray(json["choices"]) ? (json["choices"] as readonly JsonObject[]) : [];
  return { ...json, choices: await Promise.all(choices.map((choice) => replaceTexts(choice, (_, text) => guard.checkAnswer(text)))) };
}

/** Raises GUARDRAIL_REFUSED where nothing more may leave. */
export async function* guardStream(batches: AsyncIterable<readonly StreamPiece[]>, guard: GuardedCall): AsyncGenerator<readonly StreamPiece[], void, undefined> {
  const guards = new Map<number, Map<Slot, AnswerGuard>>();
  const guardsOf = (index: number): Map<Slot, AnswerGuard> => {
    const known = guards.get(index) ?? new Map<Slot, AnswerGuard>();
    guards.set(index, known);
    return known;
  };
  const push = (index: number): Replace => (slot, text) => {
    const slots = guardsOf(index);
    const one = slots.get(slot) ?? guard.createAnswerGuard();
    slots.set(slot, one);
    return one.push(text);
  };
  /** What was held back, before the choice says that it has ended. */
  const released = async (chunk: JsonObject, index: number): Promise<readonly StreamPiece[]> => {
    const pieces: StreamPiece[] = [];
    for (const [slot, one] of guardsOf(index)) {
      const text = await one.end();
      if (text !== "") pieces.push(pieceOf({ ...chunk, usage: undefined, choices: [{ index, ...choiceWith(slot, text), finish_reason: null }] }));
    }
    guards.delete(index);
    return pieces;
  };

  for await (const batch of batches) {
    const passed: StreamPiece[] = [];
    for (const piece of batch) {
      const { chunk } = piece;
      const choices = Array.isArray(chunk["choices"]) ? (chunk["choices"] as readonly JsonObject[]) : [];
      const changed = await Promise.all(choices.map((choice) => replaceTexts(choice, push(indexOf(choice)))));
      for (const choice of choices) if (typeof choice["finish_reason"] === "string") passed.push(...await released(chunk, indexOf(choice)));
      if (choices.length === 0 || changed.some((choice) => !isEmpty(choice)) || typeof chunk["usage"] === "object") passed.push(choices.length === 0 ? piece : pieceOf({ ...chunk, choices: changed }));
    }
    if (passed.length > 0) yield passed;
  }
}

const indexOf = ({ index }: JsonObject): number => (typeof index === "number" ? index : 0);

async function replaceTexts(choice: JsonObject, replace: Replace): Promise<JsonObject> {
  const changed: Record<string, unknown> = { ...choice };
  if (typeof choice["text"] === "string" && choice["text"] !== "") changed["text"] = await replace("text", choice["text"]);
  for (const holder of ["delta", "message"]) {
    const message = choice[holder];
    if (typeof message === "object" && message !== null) changed[holder] = await replaceInMessage(message as JsonObject, replace);
  }
  return changed;
}

async function replaceInMessage(message: JsonObject, replace: Replace): Promise<JsonObject> {
  const changed: Record<string, unknown> = { ...message };
  for (const member of MEMBERS) {
    const text = message[member];
    if (typeof text === "string" && text !== "") changed[member] = await replace(member, text);
  }
  const calls = message["tool_calls"];
  if (Array.isArray(calls)) changed["tool_calls"] = await Promise.all((calls as readonly JsonObject[]).map((call, at) => replaceArguments(call, at, replace)));
  return changed;
}

async function replaceArguments(call: JsonObject, at: number, replace: Replace): Promise<JsonObject> {
  const called = call["function"] as JsonObject | undefined;
  if (typeof called?.["arguments"] !== "string" || called["arguments"] === "") return call;
  const index = typeof call["index"] === "number" ? call["index"] : at;
  return { ...call, function: { ...called, arguments: await replace(`tool ${index}`, called["arguments"]) } };
}

function choiceWith(slot: Slot, text: string): JsonObject {
  if (slot === "text") return { text };
  if (slot.startsWith("tool ")) return { delta: { tool_calls: [{ index: Number(slot.slice(5)), function: { arguments: text } }] } };
  return { delta: { [slot]: text } };
}

/** Nothing left to say: everything was held back. */
function isEmpty({ text, delta, finish_reason: finish }: JsonObject): boolean {
  if (typeof finish === "string") return false;
  if (typeof delta !== "object" || delta === null) return text === "" || text === undefined;
  return Object.entries(delta as JsonObject).every(([member, value]) => value === "" || value === null
    || (member === "tool_calls" && (value as readonly JsonObject[]).every((call) => call["id"] === undefined && (call["function"] as JsonObject | undefined)?.["arguments"] === "")));
}
