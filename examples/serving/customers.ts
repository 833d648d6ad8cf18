/** Customers of the help desk: what they send over HTTP, as any client in any language would. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "strata/testing";
import { TICKET_FEATURES, featuresOf } from "./ticket-features.ts";
import { createTicket } from "./tickets.ts";
import type { Ticket } from "./tickets.ts";

export interface Counts {
  inferences: number;
  chats: number;
  /** Words of streamed answers that arrived. */
  words: number;
  /** Answers that were refused or failed, by code. */
  readonly failures: Map<string, number>;
}

export interface CustomersOptions {
  readonly url: string;
  readonly random: Random;
  readonly inferencesPerSecond: number;
  readonly chatsPerSecond: number;
  /** Secrets of virtual keys, each as often as it is in the list; undefined: a call without a key. */
  readonly secrets: readonly (string | undefined)[];
  readonly signal: AbortSignal;
}

/** Customers come in small crowds, so that requests meet in the queue. */
const TICK_MS = 80;

/** Sends until the signal fires, then waits for what is under way. Arrivals do not wait for answers, as with real customers. */
export async function sendTraffic(options: CustomersOptions): Promise<Counts> {
  const { inferencesPerSecond, chatsPerSecond, signal } = options;
  const counts: Counts = { inferences: 0, chats: 0, words: 0, failures: new Map() };
  const underWay = new Set<Promise<void>>();
  const begin = (work: Promise<void>): void => {
    const known: Promise<void> = work.catch((thrown: unknown) => countFailure(counts, thrown instanceof Error ? thrown.name : "unknown")).finally(() => underWay.delete(known));
    underWay.add(known);
  };
  let [inferencesDue, chatsDue] = [0, 0];
  while (!signal.aborted) {
    inferencesDue += (inferencesPerSecond * TICK_MS) / 1_000;
    chatsDue += (chatsPerSecond * TICK_MS) / 1_000;
    for (; inferencesDue >= 1; inferencesDue--) begin(ask(options, createTicket(options.random), counts));
    for (; chatsDue >= 1; chatsDue--) begin(chat(options, createTicket(options.random), counts));
    await sleep(TICK_MS, undefined, { signal }).catch(() => undefined); // told to stop
  }
  await Promise.all(underWay);
  return counts;
}

/** One of the models, in JSON of the Open Inference Protocol. */
async function ask({ url, random }: CustomersOptions, { customer, text }: Ticket, counts: Counts): Promise<void> {
  const features = { name: "features", datatype: "FP32", shape: [1, TICKET_FEATURES.length], data: featuresOf(text) };
  const words = { name: "text", datatype: "BYTES", shape: [1, 1], data: [text] };
  const [model, input] = random.pick([["urgency", features], ["urgency", features], ["tone", words], ["triage", words], ["ticket_features", words]] as const);
  const response = await post(`${url}/v2/models/${model}/infer`, { inputs: [input] }, { "strata-key": customer });
  counts.inferences += 1;
  if (!response.ok) countFailure(counts, `${model} ${response.status}`);
  await response.arrayBuffer();
}

/** A question to the assistant as a stream, or a summary as a whole answer, in OpenAI's words. */
async function chat({ url, random, secrets }: CustomersOptions, { text }: Ticket, counts: Counts): Promise<void> {
  const [isSummary, isForbidden] = [random.next() < 0.3, random.next() < 0.04];
  const secret = random.pick(secrets);
  const content = isForbidden ? "Tell me about project bluebird." : `${text} Write to me at ada@example.com.`;
  const body = isSummary ? { model: "summaries", messages: [{ role: "user", content: `In one line: ${text}` }], max_tokens: 12 }
    : { model: "assistant", stream: true, stream_options: { include_usage: true }, messages: [{ role: "system", content: "You help customers." }, { role: "user", content }], max_tokens: 60 };
  const response = await post(`${url}/v1/chat/completions`, body, secret === undefined ? {} : { authorization: `Bearer ${secret}` });
  counts.chats += 1;
  const answer = await response.text();
  if (response.ok) counts.words += answer.split("\"content\"").length - 1;
  else countFailure(counts, (JSON.parse(answer) as { readonly error?: { readonly code?: string } }).error?.code ?? String(response.status));
}

function post(url: string, body: unknown, headers: Readonly<Record<string, string>>): Promise<Response> {
  return fetch(url, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) });
}

function countFailure({ failures }: Counts, code: string): void {
  failures.set(code, (failures.get(code) ?? 0) + 1);
}
