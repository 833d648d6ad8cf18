/** An upstream that keeps its own books: a token per word, written slowly, and charged as it is written, whoever still listens. */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface BillingUpstream extends AsyncDisposable {
  /** By the first part of the path, which tells who asked: "/one/v1" is "one". */
  readonly bills: ReadonlyMap<string, Bill>;
  urlOf(who: string): string;
}

export interface Bill { calls: number; inputTokens: number; outputTokens: number }

interface ChatRequest {
  readonly stream?: boolean;
  readonly max_tokens?: number;
  readonly max_completion_tokens?: number;
  readonly messages: readonly { readonly content: string }[];
}

const TOKEN_MS = 4;

export async function openBillingUpstream(): Promise<BillingUpstream> {
  const bills = new Map<string, Bill>();
  const server = createServer((message, response) => {
    const chunks: Buffer[] = [];
    message.on("data", (chunk: Buffer) => chunks.push(chunk));
    message.on("end", () => {
      const who = message.url?.split("/")[1] ?? "";
      const bill = bills.get(who) ?? { calls: 0, inputTokens: 0, outputTokens: 0 };
      bills.set(who, bill);
      answer(JSON.parse(Buffer.concat(chunks).toString("utf8")) as ChatRequest, bill, response).catch(() => response.destroy());
    });
  });
  await new Promise<void>((resolve) => { server.listen(0, "127.0.0.1", resolve); });
  const { port } = server.address() as AddressInfo;
  return {
    bills, urlOf: (who) => `http://127.0.0.1:${port}/${who}/v1`,
    [Symbol.asyncDispose]: () => new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
  };
}

/** Between 1 and 40 tokens, as the length of the question says; never more than asked for. */
async function answer({ stream = false, messages, max_tokens, max_completion_tokens = max_tokens ?? 40 }: ChatRequest, bill: Bill, response: ServerResponse): Promise<void> {
  const question = messages.at(-1)?.content ?? "";
  const words = Math.min(max_completion_tokens, 1 + (question.length * 7) % 40);
  const prompt_tokens = messages.reduce((sum, { content }) => sum + content.split(" ").length, 0);
  const usage = { prompt_tokens, completion_tokens: words, total_tokens: prompt_tokens + words };
  bill.calls += 1;
  bill.inputTokens += prompt_tokens;
  response.writeHead(200, { "content-type": stream ? "text/event-stream" : "application/json" });
  const text = Array.from({ length: words }, () => "word ");
  for (const word of text) {
    if (response.destroyed) return;
    bill.outputTokens += 1;
    if (stream) response.write(chunk({ choices: [{ index: 0, delta: { content: word }, finish_reason: null }] }));
    await new Promise((resolve) => setTimeout(resolve, TOKEN_MS));
  }
  const finish_reason = words === max_completion_tokens ? "length" : "stop";
  if (!stream) return void response.end(JSON.stringify({ id: "x", object: "chat.completion", created: 0, model: "small", choices: [{ index: 0, message: { role: "assistant", content: text.join("") }, finish_reason }], usage }));
  response.write(chunk({ choices: [{ index: 0, delta: {}, finish_reason }] }));
  response.write(chunk({ choices: [], usage }));
  response.end("data: [DONE]\n\n");
}

function chunk(content: object): string {
  return `data: ${JSON.stringify({ id: "x", object: "chat.completion.chunk", created: 0, model: "small", ...content })}\n\n`;
}
