/**
 * Chat chunks as the events of the Responses API, numbered from 0: created, in_progress, for each item added, its
 * parts and deltas, done, and at last completed or incomplete. A stream that breaks says `error` and is cut.
 */
import type { IdSource } from "../../kernel/ids.ts";
import { toStrataError } from "../../kernel/errors.ts";
import type { LanguageAnswer } from "../../gateway/index.ts";
import type { Json } from "./language-request.ts";
import { openAiErrorOf } from "./openai-error.ts";
import { functionCall, outputText, responseObject, statusOf } from "./responses-object.ts";
import type { Item, ResponseHead } from "./responses-object.ts";

type Batches = Extract<LanguageAnswer, { readonly kind: "stream" }>["batches"];

export async function* responseStream(head: ResponseHead, batches: Batches, ids: IdSource): AsyncGenerator<string> {
  const writer = createWriter(head, ids);
  yield writer.begin();
  try {
    for await (const batch of batches) {
      const text = batch.map(({ chunk }) => writer.chunk(chunk)).join("");
      if (text !== "") yield text;
    }
  } catch (thrown) {
    yield writer.fail(openAiErrorOf(toStrataError(thrown)));
    throw thrown;
  }
  yield writer.end();
}

/** An item that is being written. */
interface Open {
  readonly kind: "message" | "refusal" | "reasoning" | "call";
  readonly id: string;
  readonly outputIndex: number;
  /** The tool's index in the chunks. */
  readonly tool: number | undefined;
  readonly callId: unknown;
  readonly name: unknown;
  text: string;
}

/** What a part is called, in its kind and in its events. */
const PARTS = {
  message: { type: "output_text", event: "response.output_text", member: "text" },
  refusal: { type: "refusal", event: "response.refusal", member: "refusal" },
  reasoning: { type: "reasoning_text", event: "response.reasoning_text", member: "text" },
} as const;

function createWriter(head: ResponseHead, ids: IdSource) {
  const output: Item[] = [];
  let sequence = 0;
  let open: Open | undefined;
  let finishReason: string | undefined;
  let usage: unknown;

  const event = (type: string, rest: object): string => `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: sequence++, ...rest })}\n\n`;
  const at = (item: Open): object => ({ item_id: item.id, output_index: item.outputIndex });

  const begin = (kind: Open["kind"], tool?: { readonly index: number; readonly callId: unknown; readonly name: unknown }): string => {
    const closed = close();
    const prefix = kind === "call" ? "fc" : kind === "reasoning" ? "rs" : "msg";
    open = { kind, id: `${prefix}_${ids.next()}`, outputIndex: output.length, tool: tool?.index, callId: tool?.callId, name: tool?.name, text: "" };
    const added = event("response.output_item.added", { output_index: open.outputIndex, item: itemOf(open, "in_progress") });
    return closed + added + (kind === "call" ? "" : event("response.content_part.added", { ...at(open), content_index: 0, part: partOf(open) }));
  };
  const close = (): string => {
    if (open === undefined) return "";
    const item = open;
    open = undefined;
    const done = itemOf(item, "completed");
    output.push(done);
    const itemDone = (): string => event("response.output_item.done", { output_index: item.outputIndex, item: done });
    if (item.kind === "call") return event("response.function_call_arguments.done", { ...at(item), name: item.name, arguments: item.text }) + itemDone();
    const { event: name, member } = PARTS[item.kind];
    return event(`${name}.done`, { ...at(item), content_index: 0, [member]: item.text, ...(item.kind === "message" ? { logprobs: [] } : {}) })
      + event("response.content_part.done", { ...at(item), content_index: 0, part: partOf(item) }) + itemDone();
  };
  const say = (kind: "message" | "refusal" | "reasoning", text: unknown): string => {
    if (typeof text !== "string" || text === "") return "";
    const begun = open?.kind === kind ? "" : begin(kind);
    open!.text += text;
    return begun + event(`${PARTS[kind].event}.delta`, { ...at(open!), content_index: 0, delta: text, ...(kind === "message" ? { logprobs: [] } : {}) });
  };
  const call = (part: Json, position: number): string => {
    const index = typeof part["index"] === "number" ? part["index"] : position;
    const called = (part["function"] ?? {}) as Json;
    const begun = open?.kind === "call" && open.tool === index ? "" : begin("call", { index, callId: part["id"] ?? `call_${ids.next()}`, name: called["name"] });
    const text = called["arguments"];
    if (typeof text !== "string" || text === "") return begun;
    open!.text += text;
    return begun + event("response.function_call_arguments.delta", { ...at(open!), delta: text });
  };

  return {
    begin: () => {
      const response = responseObject(head, { status: "in_progress", output: [] });
      return event("response.created", { response }) + event("response.in_progress", { response });
    },
    chunk: (chunk: Json): string => {
      usage = chunk["usage"] ?? usage;
      const choice = (chunk["choices"] as readonly Json[] | undefined)?.[0];
      if (choice === undefined) return "";
      if (typeof choice["finish_reason"] === "string") finishReason = choice["finish_reason"];
      const delta = (choice["delta"] ?? {}) as Json;
      const calls = Array.isArray(delta["tool_calls"]) ? (delta["tool_calls"] as readonly Json[]).map(call).join("") : "";
      return say("reasoning", delta["reasoning_content"] ?? delta["reasoning"]) + say("message", delta["content"]) + say("refusal", delta["refusal"]) + calls;
    },
    end: (): string => {
      const closed = close();
      const status = statusOf(finishReason);
      return closed + event(`response.${status}`, { response: responseObject(head, { status, output, finishReason, usage }) });
    },
    fail: (error: ReturnType<typeof openAiErrorOf>): string => event("error", { ...error, type: "error", error }),
  };
}

function itemOf(item: Open, status: "in_progress" | "completed"): Item {
  const content = status === "completed" ? [partOf(item)] : [];
  if (item.kind === "call") return functionCall({ id: item.id, callId: item.callId, called: { name: item.name, arguments: item.text }, status });
  if (item.kind === "reasoning") return { id: item.id, type: "reasoning", summary: [], content, status };
  return { id: item.id, type: "message", status, role: "assistant", content };
}

function partOf({ kind, text }: Open): Json {
  if (kind === "message") return outputText(text);
  return kind === "refusal" ? { type: "refusal", refusal: text } : { type: "reasoning_text", text };
}
