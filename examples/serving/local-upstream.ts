/**
 * An OpenAI-compatible server in a few lines, so that the example runs without an account: it answers chats, whole or as
 * a stream, word by word as slowly as it is told, counts a word as a token, and can be broken for a while.
 */
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export interface LocalUpstreamOptions {
  readonly firstTokenMs: number;
  readonly wordMs: number;
  /** 0, a free one, unless given. */
  readonly port?: number;
}

export interface LocalUpstream extends AsyncDisposable {
  /** With "/v1", as clients take it. */
  readonly url: string;
  /** Answers 503 from now on, or no longer. */
  setBroken(isBroken: boolean): void;
  calls(): number;
}

interface ChatRequest {
  readonly model: string;
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  readonly stream?: boolean;
  readonly max_tokens?: number;
  readonly max_completion_tokens?: number;
  readonly stream_options?: { readonly include_usage?: boolean };
}

const ANSWERS = [
  "Thank you for writing. I have passed this to the people who can look into it right away.",
  "You can change that under Settings, then Account. It takes effect within a minute.",
  "I am sorry that this happened. Your data is safe, and the page should work again shortly.",
  "That is a good idea. I have added your voice to it, and you will hear from us when it is there.",
];

export async function openLocalUpstream({ firstTokenMs, wordMs, port: wanted = 0 }: LocalUpstreamOptions): Promise<LocalUpstream> {
  let isBroken = false;
  let calls = 0;

  const answer = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of message) chunks.push(chunk as Buffer);
    calls += 1;
    if (isBroken) return sendJson(response, 503, { error: { message: "out of order", type: "server_error", param: null, code: null } });
    if (!message.url?.endsWith("/chat/completions")) return sendJson(response, 404, { error: { message: "only chats are here", type: "invalid_request_error", param: null, code: null } });
    const request = JSON.parse(Buffer.concat(chunks).toString("utf8")) as ChatRequest;
    const words = wordsOf(request);
    await sleep(firstTokenMs);
    if (request.stream === true) return stream(response, request, words);
    await sleep(words.length * wordMs);
    return sendJson(response, 200, { ...headOf(request, "chat.completion"), choices: [{ index: 0, message: { role: "assistant", content: words.join("") }, finish_reason: "stop" }], usage: usageOf(request, words) });
  };

  const stream = async (response: ServerResponse, request: ChatRequest, words: readonly string[]): Promise<void> => {
    const send = (fields: object): boolean => response.write(`data: ${JSON.stringify({ ...headOf(request, "chat.completion.chunk"), ...fields })}\n\n`);
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (const word of words) {
      if (response.destroyed) return;
      send({ choices: [{ index: 0, delta: { content: word }, finish_reason: null }] });
      await sleep(wordMs);
    }
    send({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] });
    if (request.stream_options?.include_usage === true) send({ choices: [], usage: usageOf(request, words) });
    response.end("data: [DONE]\n\n");
  };

  const server = createServer((message, response) => { answer(message, response).catch((thrown: unknown) => response.destroy(thrown as Error)); });
  await new Promise<void>((resolve, reject) => { server.once("error", reject).listen(wanted, "127.0.0.1", resolve); });
  const { port } = server.address() as AddressInfo; // a TCP server has a TCP address
  return {
    url: `http://127.0.0.1:${port}/v1`, calls: () => calls, setBroken: (broken) => { isBroken = broken; },
    [Symbol.asyncDispose]: () => new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
  };
}

/** The same question gets the same answer. */
function wordsOf({ messages, max_tokens: older, max_completion_tokens: limit = older }: ChatRequest): readonly string[] {
  const question = messages.at(-1)?.content ?? "";
  const answer = ANSWERS[Buffer.from(question).reduce((sum, byte) => sum + byte, 0) % ANSWERS.length]!;
  return answer.split(/(?= )/).slice(0, limit);
}

function usageOf({ messages }: ChatRequest, words: readonly string[]): object {
  const promptTokens = messages.reduce((sum, { content }) => sum + 3 + content.split(/\s+/).length, 3);
  return { prompt_tokens: promptTokens, completion_tokens: words.length, total_tokens: promptTokens + words.length };
}

const headOf = ({ model }: ChatRequest, object: string): object => ({ id: "chatcmpl-local", object, created: 0, model });

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
