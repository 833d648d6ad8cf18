/**
 * An upstream for benchmarks that costs as little as it can: one prepared chat answer, or a stream of prepared frames
 * paced by one timer for all streams. `node upstream-process.ts <port>` prints its port; the request's `model` says what it does:
 * "whole", or "stream:<frames>:<everyMs>".
 */
import { createServer } from "node:http";
import type { ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

const WHOLE = Buffer.from(JSON.stringify({
  id: "bench-1", object: "chat.completion", created: 1_760_000_000, model: "bench",
  choices: [{ index: 0, message: { role: "assistant", content: "The quick brown fox jumps over the lazy dog and runs through the quiet forest until the night falls." }, finish_reason: "stop", logprobs: null }],
  usage: { prompt_tokens: 24, completion_tokens: 21, total_tokens: 45 },
}));
const frame = (chunk: object): string => `data: ${JSON.stringify({ id: "bench-1", object: "chat.completion.chunk", created: 1_760_000_000, model: "bench", ...chunk })}\n\n`;
const TOKEN = Buffer.from(frame({ choices: [{ index: 0, delta: { content: " word" }, finish_reason: null }] }));
const END = (frames: number): string => frame({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] })
  + frame({ choices: [], usage: { prompt_tokens: 24, completion_tokens: frames, total_tokens: 24 + frames } }) + "data: [DONE]\n\n";

interface Paced { readonly response: ServerResponse; left: number; readonly frames: number }

const paced = new Map<number, Set<Paced>>();

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const [, kind = "whole", frames = "0", everyMs = "0"] = /"model":"(whole|stream):?(\d*):?(\d*)"/.exec(Buffer.concat(chunks).toString("latin1")) ?? [];
    if (kind === "whole") {
      response.writeHead(200, { "content-type": "application/json", "content-length": WHOLE.length });
      return void response.end(WHOLE);
    }
    response.writeHead(200, { "content-type": "text/event-stream" });
    const stream: Paced = { response, left: Number(frames), frames: Number(frames) };
    ofPace(Number(everyMs)).add(stream);
    response.once("close", () => ofPace(Number(everyMs)).delete(stream));
  });
});

/** One timer for all streams of a pace, each a little later than the one before so that they do not come in one burst. */
function ofPace(everyMs: number): Set<Paced> {
  let streams = paced.get(everyMs);
  if (streams === undefined) {
    const set = new Set<Paced>();
    paced.set(everyMs, streams = set);
    setInterval(() => {
      for (const stream of set) {
        if (stream.left-- > 0) {
          stream.response.write(TOKEN);
          continue;
        }
        set.delete(stream);
        stream.response.end(END(stream.frames));
      }
    }, everyMs);
  }
  return streams;
}

server.listen(Number(process.argv[2] ?? 0), "127.0.0.1", () => console.log((server.address() as AddressInfo).port));
