/**
 * An OpenAI-compatible upstream for tests: it keeps its own books, so that a gateway's ledger can be compared with
 * what was really billed, and it misbehaves as told. Its rule of billing: from the first token on the prompt is charged, and every
 * token that it has put on the wire; an answer that never began is free.
 */
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { countTokens } from "gpt-tokenizer/encoding/o200k_base";
import { WORDS } from "./behaviour.ts";
import type { Behaviour } from "./behaviour.ts";
import { pause } from "./mock-call.ts";
import type { Bill, MockCall, MockRequest } from "./mock-call.ts";
import { streamAnswer } from "./stream-answer.ts";
import { wholeAnswer } from "./whole-answer.ts";

export interface MockUpstream extends AsyncDisposable {
  /** With "/v1". */
  readonly url: string;
  readonly port: number;
  /** The next requests behave so, one each; afterwards all behave. */
  play(...behaviours: readonly Behaviour[]): void;
  readonly bills: readonly Bill[];
  readonly requests: readonly MockRequest[];
  /** Requests whose answer is not over. */
  inFlight(): number;
  billed(): { readonly inputTokens: number; readonly outputTokens: number };
  forget(): void;
}

export interface MockUpstreamOptions {
  readonly apiKey?: string;
  readonly port?: number;
  /** Decides by the request where nothing was told before it. */
  readonly behaviourOf?: (request: MockRequest) => Behaviour | undefined;
}

export async function openMockUpstream({ apiKey, port = 0, behaviourOf }: MockUpstreamOptions = {}): Promise<MockUpstream> {
  const queue: Behaviour[] = [];
  const bills: Bill[] = [];
  const requests: MockRequest[] = [];
  let inFlight = 0;

  const answer = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of message) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString("utf8") || "{}") as MockRequest["body"];
    const request: MockRequest = { path: message.url ?? "", headers: message.headers, body };
    requests.push(request);
    if (apiKey !== undefined && message.headers.authorization !== `Bearer ${apiKey}`) return refuse(response, 401, { message: "Incorrect API key provided", type: "invalid_request_error", param: null, code: "invalid_api_key" });
    const behaviour = queue.shift() ?? behaviourOf?.(request) ?? {};
    if (behaviour.status !== undefined) {
      if (behaviour.firstDelayMs) await pause(behaviour.firstDelayMs);
      return refuse(response, behaviour.status, behaviour.error ?? { message: `told to answer ${behaviour.status}`, type: "server_error", param: null, code: null }, behaviour.retryAfterSeconds);
    }
    const bill: Bill = { model: String(body["model"]), inputTokens: 0, outputTokens: 0 };
    bills.push(bill);
    const words = limited(behaviour, body);
    const asksTool = Array.isArray(body["tools"]) && !JSON.stringify(body["messages"]).includes("\"role\":\"tool\"");
    const call: MockCall = {
      request, response, behaviour, bill, words, promptTokens: promptTokens(request),
      finishReason: words.length < (behaviour.words ?? WORDS).length ? "length" : asksTool ? "tool_calls" : "stop",
    };
    await (body["stream"] === true && !behaviour.answersWhole ? streamAnswer(call) : wholeAnswer(call));
  };

  const server = createServer((message, response) => {
    inFlight += 1;
    response.once("close", () => { inFlight -= 1; });
    answer(message, response).catch((thrown: unknown) => response.destroy(thrown as Error));
  });
  await new Promise<void>((resolve) => { server.listen({ port, host: "127.0.0.1" }, resolve); });
  const address = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${address.port}/v1`, port: address.port, bills, requests,
    play: (...behaviours) => { queue.push(...behaviours); },
    inFlight: () => inFlight,
    billed: () => ({ inputTokens: bills.reduce((sum, bill) => sum + bill.inputTokens, 0), outputTokens: bills.reduce((sum, bill) => sum + bill.outputTokens, 0) }),
    forget: () => { bills.length = 0; requests.length = 0; queue.length = 0; },
    [Symbol.asyncDispose]: () => new Promise((resolve) => { server.close(() => resolve()); server.closeAllConnections(); }),
  };
}

function refuse(response: ServerResponse, status: number, error: unknown, retryAfterSeconds?: number): void {
  response.writeHead(status, { "content-type": "application/json", ...(retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) }) });
  response.end(JSON.stringify({ error }));
}

/** Each word is one token or more; a limit counts tokens. */
function limited({ words = WORDS, ignoresLimit }: Behaviour, body: MockRequest["body"]): readonly string[] {
  const limit = body["max_completion_tokens"] ?? body["max_tokens"];
  if (typeof limit !== "number" || ignoresLimit) return words;
  const kept: string[] = [];
  while (kept.length < words.length && countTokens([...kept, words[kept.length]!].join("")) <= limit) kept.push(words[kept.length]!);
  return kept;
}

/** OpenAI's published rule: three tokens around each message, three to open the answer. */
function promptTokens({ path, body }: MockRequest): number {
  if (path.endsWith("/embeddings")) return [body["input"]].flat(2).reduce<number>((sum, item) => sum + (typeof item === "string" ? countTokens(item) : 1), 0);
  if (!path.endsWith("/chat/completions")) return [body["prompt"]].flat().reduce<number>((sum, item) => sum + countTokens(String(item)), 0);
  const messages = body["messages"] as readonly Readonly<Record<string, unknown>>[];
  const tools = body["tools"] === undefined ? 0 : countTokens(JSON.stringify(body["tools"]));
  return 3 + tools + messages.reduce((sum, message) => sum + 3 + Object.entries(message).reduce((tokens, [name, value]) =>
    tokens + (value === null ? 0 : countTokens(textOf(value))) + (name === "name" ? 1 : 0), 0), 0);
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  return Array.isArray(value) && (value as readonly { readonly text?: unknown }[]).every(({ text }) => typeof text === "string") ? (value as readonly { readonly text: string }[]).map(({ text }) => text).join("\n") : JSON.stringify(value);
}
