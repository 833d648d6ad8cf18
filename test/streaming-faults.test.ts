/**
 * The streaming fault matrix: a mock upstream that keeps its own books misbehaves in every way we know of. In each
 * row the caller either gets the whole answer and a proper end, or an error and a broken connection, never a silent truncation;
 * and the gateway's ledger has the upstream's bill, to the token.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { LanguageModelOptions } from "../src/define/index.ts";
import { WORDS } from "./mock-upstream/behaviour.ts";
import type { Behaviour } from "./mock-upstream/behaviour.ts";
import { readEvents } from "./mock-upstream/event-client.ts";
import type { SeenStream, StreamRequest } from "./mock-upstream/event-client.ts";
import { modelOn, openGatewayServer } from "./mock-upstream/gateway-server.ts";
import { openMockUpstream } from "./mock-upstream/mock-upstream.ts";
import type { MockUpstream } from "./mock-upstream/mock-upstream.ts";

interface Fault {
  readonly name: string;
  readonly plays: readonly Behaviour[];
  readonly model?: Partial<LanguageModelOptions>;
  readonly request?: Partial<StreamRequest> & { readonly extra?: object };
  /** "whole": all words and [DONE]. "left": the client itself went. A number: an HTTP error. Another word: the code of an error event in the stream. */
  readonly sees: string | number;
  /** Words that arrive before the error event. */
  readonly words?: number;
  /** What is booked. Default: "ok" when whole. */
  readonly outcome?: string;
  readonly isEstimated?: boolean;
  readonly attempts?: number;
}

const FAULTS: readonly Fault[] = [
  { name: "none", plays: [{}], sees: "whole" },
  { name: "slow first token, within patience", plays: [{ firstDelayMs: 150 }], sees: "whole" },
  { name: "slow first token, beyond patience", plays: [{ firstDelayMs: 1_500 }], sees: 504 },
  { name: "slow first token, another attempt answers", plays: [{ firstDelayMs: 1_500 }, {}], model: { retries: 1 }, sees: "whole", attempts: 2 },
  { name: "slow between tokens", plays: [{ betweenDelayMs: 40 }], sees: "whole" },
  { name: "idle stall in the middle", plays: [{ stallAfter: 5 }], sees: "deadline_exceeded", words: 5, outcome: "upstream-failed", isEstimated: true },
  { name: "stall after the head", plays: [{ stallAfter: 0 }], sees: 504 },
  { name: "total time is over", plays: [{ betweenDelayMs: 60 }], model: { totalTimeout: "400ms" }, sees: "deadline_exceeded", words: -1, outcome: "upstream-failed", isEstimated: true },
  { name: "cut before the first token", plays: [{ cutAfter: 0 }], sees: 502 },
  { name: "cut before the first token, another attempt answers", plays: [{ cutAfter: 0 }, {}], model: { retries: 1 }, sees: "whole", attempts: 2 },
  { name: "cut in the middle", plays: [{ cutAfter: 6 }], sees: "stream_broken", words: 6, outcome: "upstream-failed", isEstimated: true },
  { name: "cut in the middle is not retried", plays: [{ cutAfter: 6 }, {}], model: { retries: 2 }, sees: "stream_broken", words: 6, outcome: "upstream-failed", isEstimated: true },
  { name: "cut in the middle, usage so far in each chunk", plays: [{ cutAfter: 6, usage: "each" }], sees: "stream_broken", words: 6, outcome: "upstream-failed" },
  { name: "cut after the finish reason, before usage and [DONE]", plays: [{ cutBeforeDone: true }], sees: "stream_broken", words: WORDS.length, outcome: "upstream-failed", isEstimated: true },
  { name: "proper end in the middle without finish reason", plays: [{ endAfter: 4 }], sees: "stream_broken", words: 4, outcome: "upstream-failed", isEstimated: true },
  { name: "proper end before the first token", plays: [{ endAfter: 0 }], sees: 502 },
  { name: "[DONE] is missing", plays: [{ done: 0 }], sees: "whole" },
  { name: "[DONE] twice", plays: [{ done: 2 }], sees: "whole" },
  { name: "a frame is no JSON", plays: [{ garbageAt: 3 }], sees: "stream_broken", words: 3, outcome: "upstream-failed", isEstimated: true },
  { name: "the first frame is no JSON", plays: [{ garbageAt: 0 }], sees: 502 },
  { name: "an error object among the frames", plays: [{ errorAt: 3 }], sees: "stream_broken", words: 3, outcome: "upstream-failed", isEstimated: true },
  { name: "bytes arrive one at a time, also inside characters", plays: [{ framing: { pieceBytes: 1 } }], sees: "whole", model: { idleTimeout: "5s", firstTokenTimeout: "5s", totalTimeout: "20s" } },
  { name: "bytes arrive in odd pieces with CRLF", plays: [{ framing: { pieceBytes: 7, lineEnd: "\r\n" } }], sees: "whole", model: { idleTimeout: "5s", firstTokenTimeout: "5s", totalTimeout: "20s" } },
  { name: "CR alone, no space after the colon, comments", plays: [{ framing: { lineEnd: "\r", space: false, comments: true } }], sees: "whole" },
  { name: "no usage at all", plays: [{ usage: "none" }], sees: "whole", isEstimated: true },
  { name: "usage in a chunk that has choices", plays: [{ usage: "with-choices" }], sees: "whole" },
  { name: "usage in every chunk, adding up", plays: [{ usage: "each" }], sees: "whole" },
  { name: "usage says zero", plays: [{ usage: "zero" }], sees: "whole" },
  { name: "429 with Retry-After beyond patience", plays: [{ status: 429, retryAfterSeconds: 7 }], model: { retries: 2 }, sees: 429 },
  { name: "429 with a short Retry-After, then an answer", plays: [{ status: 429, retryAfterSeconds: 0.05 }, {}], model: { retries: 1 }, sees: "whole", attempts: 2 },
  { name: "500", plays: [{ status: 500 }], sees: 502 },
  { name: "500, then an answer", plays: [{ status: 500 }, {}], model: { retries: 1 }, sees: "whole", attempts: 2 },
  { name: "400 is the caller's own and not asked again", plays: [{ status: 400, error: { message: "bad temperature", type: "invalid_request_error", param: "temperature", code: "bad" } }, {}], model: { retries: 2 }, sees: 400, outcome: "refused" },
  { name: "a JSON body instead of a stream", plays: [{ answersWhole: true }], sees: "whole" },
  { name: "the caller reads slowly", plays: [{ ignoresLimit: true, words: Array.from({ length: 400 }, (_, at) => ` word${at}`) }], request: { pauseMs: 600 }, sees: "whole" },
  { name: "the caller goes away, the upstream ends in time", plays: [{ betweenDelayMs: 20 }], request: { leaveAfter: 3 }, sees: "left", outcome: "client-gone" },
  { name: "the caller goes away, the upstream is stopped", plays: [{ betweenDelayMs: 50, words: Array.from({ length: 100 }, () => " word") }], request: { leaveAfter: 3 }, model: { drain: 0 }, sees: "left", outcome: "client-gone", isEstimated: true },
];

describe("streaming faults", () => {
  let mock: MockUpstream;
  before(async () => { mock = await openMockUpstream(); });
  after(() => mock[Symbol.asyncDispose]());

  for (const fault of FAULTS) {
    test(fault.name, async () => {
      mock.forget();
      await using server = await openGatewayServer({ models: [modelOn(mock.url, fault.model)] });
      mock.play(...fault.plays);
      const { extra, ...request } = fault.request ?? {};
      const stream = await readEvents(server.url, { body: { model: "small", stream: true, messages: [{ role: "user", content: "Tell me about naïve cafés." }], ...extra }, ...request });
      checkSeen(stream, fault);
      const [settlement, ...more] = await settledOf(server);
      assert.deepEqual(more, [], "settled once");
      assert.equal(settlement?.outcome, fault.outcome ?? (fault.sees === "whole" ? "ok" : "upstream-failed"));
      assert.equal(settlement.isEstimated, fault.isEstimated ?? false, "counted here, or told by the upstream");
      const { inputTokens, outputTokens } = settlement.usage;
      assert.deepEqual({ inputTokens, outputTokens }, mock.billed(), "the ledger is the upstream's bill");
      if (fault.attempts !== undefined) assert.equal(stream.headers["strata-attempts"], String(fault.attempts));
    });
  }

  test("the server closes: streams under way are finished, or cut at the deadline and settled", async () => {
    mock.forget();
    const server = await openGatewayServer({ models: [modelOn(mock.url)] });
    mock.play({ betweenDelayMs: 30 }, { betweenDelayMs: 200 });
    const body = { model: "small", stream: true, messages: [{ role: "user", content: "hi" }] };
    const [short, long] = [readEvents(server.url, { body }), readEvents(server.url, { body })];
    await new Promise((resolve) => { setTimeout(resolve, 100); });
    await server[Symbol.asyncDispose](); // a second for what is in flight
    assert.deepEqual([(await short).sawDone, (await short).endedProperly, (await long).sawDone, (await long).endedProperly], [true, true, false, false]);
    const settlements = await server.settlements();
    assert.deepEqual(settlements.map(({ outcome }) => outcome), ["ok", "client-gone"]);
    assert.equal(settlements.reduce((sum, { usage }) => sum + usage.outputTokens, 0), mock.billed().outputTokens);
  });

  test("refused connection", async () => {
    const closed = await openMockUpstream();
    await closed[Symbol.asyncDispose]();
    await using server = await openGatewayServer({ models: [modelOn(closed.url)] });
    const stream = await readEvents(server.url, { body: { model: "small", stream: true, messages: [{ role: "user", content: "hi" }] } });
    assert.deepEqual([stream.status, stream.error?.code], [502, "upstream_failed"]);
    const [settlement] = await settledOf(server);
    assert.deepEqual([settlement?.outcome, settlement?.usage.inputTokens], ["upstream-failed", 0]);
  });
});

interface WholeFault {
  readonly name: string;
  readonly plays: readonly Behaviour[];
  readonly body?: object;
  readonly retries?: number;
  readonly status: number;
  readonly outcome: string;
  readonly isEstimated?: boolean;
}

const WHOLE_FAULTS: readonly WholeFault[] = [
  { name: "none", plays: [{}], status: 200, outcome: "ok" },
  { name: "three choices", plays: [{}], body: { n: 3 }, status: 200, outcome: "ok" },
  { name: "no usage", plays: [{ usage: "none" }], status: 200, outcome: "ok", isEstimated: true },
  { name: "a tool call without usage", plays: [{ usage: "none" }], body: { tools: [{ type: "function", function: { name: "weather", parameters: {} } }] }, status: 200, outcome: "ok", isEstimated: true },
  { name: "usage says zero", plays: [{ usage: "zero" }], status: 200, outcome: "ok" },
  { name: "slow", plays: [{ firstDelayMs: 1_500 }], status: 504, outcome: "upstream-failed" },
  { name: "cut in the body", plays: [{ cutAfter: 0 }], status: 502, outcome: "upstream-failed" },
  { name: "stalled in the body", plays: [{ stallAfter: 0 }], status: 504, outcome: "upstream-failed" },
  { name: "cut in the body, another attempt answers", plays: [{ cutAfter: 0 }, {}], retries: 1, status: 200, outcome: "ok" },
];

describe("faults of whole answers", () => {
  let mock: MockUpstream;
  before(async () => { mock = await openMockUpstream(); });
  after(() => mock[Symbol.asyncDispose]());
  const settledAs = async (server: Awaited<ReturnType<typeof openGatewayServer>>, outcome: string, isEstimated = false): Promise<void> => {
    const [settlement, ...more] = await settledOf(server);
    assert.deepEqual([settlement?.outcome, settlement?.isEstimated, more.length], [outcome, isEstimated, 0]);
    assert.deepEqual({ inputTokens: settlement!.usage.inputTokens, outputTokens: settlement!.usage.outputTokens }, mock.billed());
  };

  for (const { name, plays, body, retries = 0, status, outcome, isEstimated } of WHOLE_FAULTS) {
    test(name, async () => {
      mock.forget();
      await using server = await openGatewayServer({ models: [modelOn(mock.url, { retries })] });
      mock.play(...plays);
      const response = await fetch(`${server.url}/chat/completions`, { method: "POST", body: JSON.stringify({ model: "small", messages: [{ role: "user", content: "Tell me." }], ...body }) });
      const answer = await response.json() as { readonly error?: { readonly message: string }; readonly choices?: readonly unknown[] };
      assert.equal(response.status, status, JSON.stringify(answer));
      assert.equal(answer.choices === undefined, status !== 200);
      await settledAs(server, outcome, isEstimated);
    });
  }

  for (const [drain, firstDelayMs, billed] of [["2s", 200, true], [0, 400, false]] as const) {
    test(`the caller goes away before the answer, and ${billed ? "the upstream ends in time" : "the upstream is stopped"}`, async () => {
      mock.forget();
      await using server = await openGatewayServer({ models: [modelOn(mock.url, { drain })] });
      mock.play({ firstDelayMs });
      const leaving = new AbortController();
      const asked = fetch(`${server.url}/chat/completions`, { method: "POST", signal: leaving.signal, body: JSON.stringify({ model: "small", messages: [{ role: "user", content: "Tell me." }] }) });
      setTimeout(() => leaving.abort(), 60);
      await assert.rejects(asked);
      await settledAs(server, "client-gone");
      assert.equal(mock.billed().outputTokens > 0, billed);
    });
  }
});

function checkSeen(stream: SeenStream, { sees, words, plays }: Fault): void {
  const expected = plays.at(-1)?.words ?? WORDS;
  if (sees === "left") return;
  if (typeof sees === "number") {
    assert.equal(stream.status, sees, stream.bytes);
    assert.ok(stream.error && stream.error.message.length > 10);
    assert.equal(stream.endedProperly, true);
    return;
  }
  assert.equal(stream.status, 200, stream.bytes);
  if (sees === "whole") {
    assert.deepEqual([stream.text, stream.finishReasons, stream.sawDone, stream.endedProperly, stream.error], [expected.join(""), ["stop"], true, true, undefined]);
    return;
  }
  assert.equal(stream.error?.code, sees, stream.bytes);
  assert.deepEqual([stream.sawDone, stream.endedProperly], [false, false], "it must not look like an end");
  if (words !== -1) assert.equal(stream.text, WORDS.slice(0, words).join(""));
}

/** The drain after a caller has left may take a moment. */
async function settledOf(server: Awaited<ReturnType<typeof openGatewayServer>>) {
  for (let tries = 0; tries < 300; tries++) {
    const settlements = await server.settlements();
    if (settlements.length > 0) return settlements;
    await new Promise((resolve) => { setTimeout(resolve, 10); });
  }
  return [];
}
