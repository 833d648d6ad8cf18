/**
 * The upstream behind every gateway of the comparison: OpenAI's chat completions, as lean as node:http allows, so that
 * it is not what is measured. Whole answers of about 470 bytes after a settable delay; streams of 64 numbered frames,
 * one every 20 ms. Streams are spread evenly over the 20 ms, as callers who know nothing of each other would be.
 *
 *   mock-upstream.ts <port>
 */
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";

const FRAMES = 64;
const FRAME_MS = 20;

const ANSWER = JSON.stringify({
  id: "chatcmpl-0000000000000000000000", object: "chat.completion", created: 1_700_000_000, model: "mock-model",
  choices: [{ index: 0, message: { role: "assistant", content: "The quick brown fox jumps over the lazy dog and then it sleeps in the warm afternoon sun until the evening comes.", refusal: null }, logprobs: null, finish_reason: "stop" }],
  usage: { prompt_tokens: 42, completion_tokens: 25, total_tokens: 67 }, system_fingerprint: "fp_mock", service_tier: "default",
});
const frame = (delta: object, finish: string | null): string => `data: {"id":"chatcmpl-0000000000000000000000","object":"chat.completion.chunk","created":1700000000,"model":"mock-model","choices":[{"index":0,"delta":${JSON.stringify(delta)},"finish_reason":${JSON.stringify(finish)}}]}\n\n`;
/** Ready as chunks of HTTP/1.1, so that a frame costs one write to the socket. */
const chunk = (text: string): Buffer => Buffer.from(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);
const FRAME_CHUNKS = Array.from({ length: FRAMES }, (_, number) => chunk(frame({ ...(number === 0 ? { role: "assistant" } : {}), content: `frame ${number} ` }, null)));
const LAST = frame({}, "stop");
const USAGE = `data: {"id":"chatcmpl-0000000000000000000000","object":"chat.completion.chunk","created":1700000000,"model":"mock-model","choices":[],"usage":{"prompt_tokens":42,"completion_tokens":${FRAMES},"total_tokens":${42 + FRAMES}}}\n\n`;
const DONE = "data: [DONE]\n\n";

let delayMs = 0;

interface Stream {
  readonly response: ServerResponse;
  readonly end: string;
  next: number;
}

/** One list per millisecond of the 20: every millisecond the streams of one list get a frame. */
const wheel: Set<Stream>[] = Array.from({ length: FRAME_MS }, () => new Set());
let turn = 0, slot = 0;
const startedAtMs = performance.now();
setInterval(() => {
  for (const due = performance.now() - startedAtMs; turn < due; turn++) {
    const streams = wheel[turn % FRAME_MS]!;
    for (const stream of streams) if (!advance(stream)) streams.delete(stream);
  }
}, 1);

/** Sends the stream's next frame; false when it is over. */
function advance(stream: Stream): boolean {
  const { response, end } = stream;
  if (response.destroyed || response.socket === null) return false;
  response.socket.write(FRAME_CHUNKS[stream.next++]!);
  if (stream.next < FRAMES) return true;
  response.end(end);
  return false;
}

function answer(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(ANSWER) }).end(ANSWER);
}

function respond(body: string, response: ServerResponse): void {
  if (!body.includes("\"stream\":true") && !body.includes("\"stream\": true")) {
    if (delayMs === 0) answer(response);
    else setTimeout(answer, delayMs, response);
    return;
  }
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache", "transfer-encoding": "chunked" });
  response.flushHeaders();
  const wantsUsage = /"include_usage": ?true/.test(body);
  slot = (slot + 1) % FRAME_MS;
  wheel[slot]!.add({ response, end: `${LAST}${wantsUsage ? USAGE : ""}${DONE}`, next: 0 });
}

function receive(request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = [];
  request.on("data", (piece: Buffer) => chunks.push(piece));
  request.on("end", () => {
    const body = Buffer.concat(chunks).toString("latin1");
    if (request.url !== "/control") return respond(body, response);
    delayMs = Number(body);
    response.writeHead(204).end();
  });
}

const server = createServer({ keepAliveTimeout: 120_000 }, receive);
server.listen({ host: "127.0.0.1", port: Number(process.argv[2]), backlog: 1024 });
