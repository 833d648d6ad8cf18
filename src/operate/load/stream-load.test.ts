/** Streams of language models: what was lost, cut or reported is found, and nothing else. */
import assert from "node:assert/strict";
import type { RequestListener, ServerResponse } from "node:http";
import { test } from "node:test";
import type { LoadOutcome, StreamOutcome } from "./load-outcome.ts";
import { loadOf, openTestServer } from "./test-support/known-server.ts";

const FRAMES = 10;
const frame = (number: number): string => `data: ${JSON.stringify({ choices: [{ delta: { content: `word #${number} ` } }] })}\n\n`;
const USAGE = `data: ${JSON.stringify({ choices: [], usage: { completion_tokens: 25 } })}\n\n`;
const DONE = "data: [DONE]\n\n";

/** Every stream sends numbered frames every few ms; `change` may alter what stream n sends at frame m, or return undefined to leave it. */
function streaming(change: (stream: number, frame: number, response: ServerResponse) => string | undefined, ending = USAGE + DONE): RequestListener {
  let streams = 0;
  return (request, response) => {
    const stream = streams++;
    request.resume();
    response.writeHead(200, { "content-type": "text/event-stream" });
    let number = 0;
    const timer = setInterval(() => {
      if (number === FRAMES) {
        clearInterval(timer);
        response.end(ending);
        return;
      }
      response.write(change(stream, number, response) ?? frame(number));
      number += 1;
    }, 4);
    response.on("close", () => clearInterval(timer));
  };
}

async function streams(listener: RequestListener, sequence = "#(\\d+)"): Promise<LoadOutcome & { readonly streams: StreamOutcome }> {
  await using server = await openTestServer(listener);
  const outcome = await loadOf(server, { exchange: { kind: "stream", method: "POST", path: "/", headers: {}, bodies: ["{}"], sequence }, connections: 5, maxRequests: 20 });
  return { ...outcome, streams: outcome.streams! };
}

test("whole streams: every frame, the server's own count of tokens, time to the first, gaps", async () => {
  const { answered, failed, streams: found, latency } = await streams(streaming(() => undefined));
  assert.deepEqual([answered, failed, found.lostFrames, found.numberedFrames, found.tokens], [20, {}, 0, 20 * FRAMES, 20 * 25]);
  assert.equal(found.firstToken.count, 20);
  assert.equal(found.gap.count, 20 * (FRAMES - 1));
  assert.ok(found.gap.p50Ms > 2 && found.gap.p50Ms < 30 && found.firstToken.p50Ms < latency.p50Ms / 2 && found.mostAtOnce === 5);
});

test("lost frames are counted by their numbers", async () => {
  const { answered, streams: found } = await streams(streaming((stream, number) => (stream % 2 === 0 && (number === 3 || number === 4) ? ": nothing\n\n" : undefined)));
  assert.deepEqual([answered, found.lostFrames, found.numberedFrames], [20, 10 * 2, 20 * FRAMES - 20]);
});

test("a stream that ends without saying so has failed, cleanly closed or not", async () => {
  const clean = await streams(streaming(() => undefined, ""));
  assert.deepEqual([clean.answered, clean.failed], [0, { "stream was cut": 20 }]);
  assert.match(clean.firstFailure ?? "", /after 10 frames/);
  const torn = await streams(streaming((stream, number, response) => {
    if (stream < 3 && number === 5) response.destroy();
    return undefined;
  }));
  assert.deepEqual([torn.answered, torn.failed], [17, { "stream was cut": 3 }]);
});

test("an error in the stream is a failure with its words, also when the stream then ends properly", async () => {
  const found = await streams(streaming((stream, number) => (stream === 1 && number === 7 ? "data: {\"error\":{\"message\":\"upstream is gone\"}}\n\n" : undefined)));
  assert.deepEqual([found.answered, found.failed], [19, { "error event": 1 }]);
  assert.match(found.firstFailure ?? "", /upstream is gone/);
});

test("a refused stream is counted by its status", async () => {
  const found = await streams((request, response) => {
    request.resume();
    response.writeHead(429, { "content-type": "application/json" }).end("{\"error\":\"slow down\"}");
  });
  assert.deepEqual([found.answered, found.failed, found.firstFailure], [0, { "status 429": 20 }, "{\"error\":\"slow down\"}"]);
});

test("a stream that falls silent times out; one that keeps talking does not", async () => {
  await using server = await openTestServer((request, response) => {
    request.resume();
    response.write(frame(0));
    let number = 1;
    const timer = setInterval(() => (number++ < 8 ? response.write(frame(number)) : response.end(DONE)), 50);
    if (request.url === "/silent") clearInterval(timer);
    response.on("close", () => clearInterval(timer));
  });
  const plan = (path: string) => ({ exchange: { kind: "stream" as const, method: "POST", path, headers: {}, bodies: [""] }, connections: 2, maxRequests: 2, timeoutMs: 250 });
  assert.deepEqual((await loadOf(server, plan("/talking"))).failed, {});
  assert.deepEqual((await loadOf(server, plan("/silent"))).failed, { timeout: 2 });
});
