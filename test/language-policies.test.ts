/** What stands around a call, over real sockets and a real ledger file: budgets that cut a stream, caches, guardrails, fallbacks. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { defineLanguageModel, defineUpstream, target } from "strata";
import type { LanguageModel } from "strata";
import { defineGuardrail } from "../src/define/index.ts";
import { createGuardrailRunner, createMemoryAnswerCache } from "../src/gateway/index.ts";
import { systemClock } from "../src/kernel/clock.ts";
import { createIdSource } from "../src/kernel/ids.ts";
import { openLedgerLayer } from "../src/platform/ledger-layer.ts";
import type { LedgerLayer } from "../src/platform/ledger-layer.ts";
import { silentLogger, silentMeter } from "../src/ports/telemetry.ts";
import { WORDS } from "./mock-upstream/behaviour.ts";
import { readEvents } from "./mock-upstream/event-client.ts";
import { openGatewayServer } from "./mock-upstream/gateway-server.ts";
import { openMockUpstream } from "./mock-upstream/mock-upstream.ts";
import type { MockUpstream } from "./mock-upstream/mock-upstream.ts";

const messages = [{ role: "user", content: "Hello" }];
const ANSWER = WORDS.join("");
const USD = 1e9;

describe("policies around a call", () => {
  let mock: MockUpstream;
  let folder: string;
  let books: LedgerLayer;
  before(async () => {
    mock = await openMockUpstream();
    folder = await mkdtemp(join(tmpdir(), "strata-policies-"));
    books = await openLedgerLayer({ config: { dataDir: folder, ledgerFile: "", requireKeys: true }, clock: systemClock, ids: createIdSource(systemClock, Math.random), meter: silentMeter, logger: silentLogger });
  });
  after(async () => {
    await books[Symbol.asyncDispose]();
    await mock[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  /** 1 USD per thousand tokens of output, input is free: a budget is a number of tokens. */
  const priced = (options: Partial<Parameters<typeof defineLanguageModel>[1]> = {}): LanguageModel =>
    defineLanguageModel("small", { targets: [target(defineUpstream("mock", { url: mock.url }), { model: "mock-1", outputUsdPerMillion: 1_000, maxOutputTokens: 100 })], retries: 0, ...options });
  const keyWith = async (tokens: number | undefined) => {
    const { key, secret } = await books.keys.create({ name: "test", tenant: "t", budgetNanoUsd: tokens === undefined ? undefined : tokens * USD / 1_000, periodMs: undefined, requestsPerMinute: undefined, tokensPerMinute: undefined, models: [], expiresAtMs: undefined });
    return { id: key.id, headers: { authorization: `Bearer ${secret}` } };
  };
  const post = async (url: string, body: object, headers: Record<string, string> = {}) => {
    const response = await fetch(`${url}/chat/completions`, { method: "POST", headers, body: JSON.stringify({ model: "small", messages, ...body }) });
    return { status: response.status, headers: response.headers, json: await response.json() as { readonly error?: { readonly code: string; readonly type: string }; readonly choices?: readonly { readonly message: { readonly content: string }; readonly finish_reason: string }[] } };
  };

  test("keys: none, a wrong one, a right one; the bill is the upstream's", async () => {
    mock.forget();
    await using server = await openGatewayServer({ models: [priced()], policy: books.policy });
    const key = await keyWith(undefined);
    assert.deepEqual([(await post(server.url, {})).json.error?.code, (await post(server.url, {}, { authorization: "Bearer sk-wrong" })).status], ["invalid_api_key", 401]);
    assert.equal((await post(server.url, {}, key.headers)).status, 200);
    await server.gateway.settled();
    const balance = await books.keys.show(key.id);
    assert.equal(balance.balance.spentNanoUsd, mock.billed().outputTokens * USD / 1_000);
  });

  test("a budget for 5 tokens: a stream ends with an error, not with the caller's own limit, and costs 5 tokens", async () => {
    mock.forget();
    await using server = await openGatewayServer({ models: [priced()], policy: books.policy });
    const key = await keyWith(5);
    const stream = await readEvents(server.url, { body: { model: "small", stream: true, messages }, headers: key.headers });
    assert.equal(mock.requests[0]?.body["max_tokens"], 5, "the upstream was told");
    assert.deepEqual([stream.status, stream.error?.code, stream.sawDone, stream.endedProperly, stream.finishReasons], [200, "budget_exhausted", false, false, []]);
    assert.equal(stream.text, WORDS.slice(0, 4).join(""), "of which the first has two tokens");
    await server.gateway.settled();
    assert.equal((await books.keys.show(key.id)).leftNanoUsd, 0);
    const again = await post(server.url, {}, key.headers);
    assert.deepEqual([again.status, again.json.error?.code], [429, "insufficient_quota"]);
  });

  test("a long prompt is bounded by its bytes, and counted where that leaves too little for the answer", async () => {
    const long = [{ role: "user", content: "word ".repeat(1_000) }];
    const model = defineLanguageModel("small", { targets: [target(defineUpstream("mock", { url: mock.url }), { model: "mock-1", inputUsdPerMillion: 1_000, outputUsdPerMillion: 1_000, maxOutputTokens: 100 })], retries: 0 });
    await using server = await openGatewayServer({ models: [model], policy: books.policy });
    for (const [budget, limit] of [[6_000, 100], [1_400, 100], [1_310, 36]] as const) { // more than the bytes; more than 1,007 tokens and a quarter; a little more
      mock.forget();
      const { status } = await post(server.url, { messages: long }, (await keyWith(budget)).headers);
      const sent = mock.requests[0]?.body["max_tokens"] as number;
      assert.ok(status === 200 && Math.abs(sent - limit) <= 2, `status ${status}, limit ${sent} instead of ${limit}`);
    }
    assert.equal((await post(server.url, { messages: long }, (await keyWith(1_200)).headers)).json.error?.code, "insufficient_quota");
  });

  test("a whole answer that the budget ended says so in a header", async () => {
    await using server = await openGatewayServer({ models: [priced()], policy: books.policy });
    const { headers, json } = await post(server.url, {}, (await keyWith(5)).headers);
    assert.deepEqual([headers.get("strata-budget"), json.choices?.[0]?.finish_reason], ["exhausted", "length"]);
  });

  test("an upstream that ignores the limit is cut on the wire", async () => {
    mock.forget();
    mock.play({ ignoresLimit: true, betweenDelayMs: 10, words: Array.from({ length: 50 }, () => " word") });
    await using server = await openGatewayServer({ models: [priced()], policy: books.policy });
    const key = await keyWith(5);
    const stream = await readEvents(server.url, { body: { model: "small", stream: true, messages }, headers: key.headers });
    assert.deepEqual([stream.error?.code, stream.endedProperly, stream.text], ["budget_exhausted", false, " word".repeat(5)]);
    await server.gateway.settled();
    assert.ok(mock.billed().outputTokens <= 8, `the upstream was stopped after ${mock.billed().outputTokens} tokens`);
  });

  test("identical requests are answered from the cache, whole or as a stream, for nothing", async () => {
    mock.forget();
    const cache = createMemoryAnswerCache({ clock: systemClock, meter: silentMeter });
    await using server = await openGatewayServer({ models: [priced({ cacheFor: "1m" })], policy: books.policy, parts: { cache } });
    const key = await keyWith(undefined);
    const first = await readEvents(server.url, { body: { model: "small", stream: true, messages }, headers: key.headers });
    await server.gateway.settled();
    const second = await post(server.url, {}, key.headers);
    const third = await readEvents(server.url, { body: { model: "small", stream: true, messages }, headers: key.headers });
    assert.deepEqual([first.headers["strata-cache"], second.headers.get("strata-cache"), third.headers["strata-cache"]], ["miss", "hit", "hit"]);
    assert.deepEqual([second.json.choices?.[0]?.message.content, third.text, third.sawDone, third.usageChunks], [ANSWER, ANSWER, true, 0]);
    assert.equal(mock.requests.length, 1);
    await server.gateway.settled();
    assert.equal((await books.keys.show(key.id)).balance.spentNanoUsd, 15 * USD / 1_000);
  });

  test("a broken stream is not kept", async () => {
    mock.forget();
    mock.play({ cutAfter: 5 });
    const cache = createMemoryAnswerCache({ clock: systemClock, meter: silentMeter });
    await using server = await openGatewayServer({ models: [priced({ cacheFor: "1m" })], parts: { cache } });
    await readEvents(server.url, { body: { model: "small", stream: true, messages } });
    await server.gateway.settled();
    assert.equal((await post(server.url, {})).headers.get("strata-cache"), "miss");
  });

  test("guardrails change the request, and hold back, change or end the answer", async () => {
    mock.forget();
    const upper = defineGuardrail("upper", {
      holdsBack: 4,
      checkRequest: (all) => ({ action: "change", texts: all.map(({ text }) => text.replace("Hello", "Good day")), reason: "politeness" }),
      checkAnswer: (text) => (text.includes("日本") ? { action: "refuse", reason: "a word that may not leave" } : text.includes("twelve") ? { action: "change", texts: [text.replace("twelve", "TWELVE")], reason: "louder" } : { action: "pass" }),
    });
    const guardrails = createGuardrailRunner({ meter: silentMeter, secret: Buffer.alloc(32) });
    await using server = await openGatewayServer({ models: [priced({ guardrails: [upper] })], parts: { guardrails } });
    const refused = await readEvents(server.url, { body: { model: "small", stream: true, messages } });
    assert.deepEqual(mock.requests[0]?.body["messages"], [{ role: "user", content: "Good day" }]);
    assert.deepEqual([refused.error?.code, refused.sawDone, refused.endedProperly], ["content_filter", false, false]);
    assert.ok(!refused.text.includes("日本") && !refused.text.includes("twelve"), refused.text);
    const whole = await post(server.url, {});
    assert.deepEqual([whole.status, whole.json.error?.code], [400, "content_filter"]);
    const words = WORDS.slice(0, 6);
    mock.play({ words }, { words });
    const passed = await readEvents(server.url, { body: { model: "small", stream: true, messages } });
    assert.deepEqual([passed.text, passed.sawDone], [words.join("").replace("twelve", "TWELVE"), true]);
    assert.equal((await post(server.url, {})).json.choices?.[0]?.message.content, words.join("").replace("twelve", "TWELVE"));
    await server.gateway.settled();
    assert.deepEqual((await server.settlements()).map(({ outcome }) => outcome), ["refused", "refused", "ok", "ok"]);
  });

  test("the log line of a call that failed names the last upstream that was asked and counts the attempts", async () => {
    mock.forget();
    const lines: { readonly message: string; readonly fields: Readonly<Record<string, unknown>> }[] = [];
    await using server = await openGatewayServer({ models: [priced({ retries: 1 })], logger: { ...silentLogger, log: (_level, message, fields = {}) => { lines.push({ message, fields }); } } });
    const last = (): readonly unknown[] => ["gen_ai.provider.name", "gen_ai.response.model", "strata.attempts", "strata.outcome"].map((name) => lines.at(-1)?.fields[name]);
    mock.play({ status: 500 }, { status: 500 });
    assert.equal((await post(server.url, {})).status >= 500, true);
    assert.deepEqual(last(), ["mock", "mock-1", 2, "upstream-failed"]);
    await using refusing = await openGatewayServer({ models: [priced()], policy: books.policy, logger: { ...silentLogger, log: (_level, message, fields = {}) => { lines.push({ message, fields }); } } });
    assert.equal((await post(refusing.url, {})).status, 401);
    assert.deepEqual(last(), [undefined, undefined, 0, "refused"]);
  });

  test("fallbacks by priority, weights among equals, and a target that fails is left alone", async () => {
    await using second = await openMockUpstream();
    await using third = await openMockUpstream();
    const on = (name: string, { url }: MockUpstream, options: object) => target(defineUpstream(name, { url }), { model: "mock-1", ...options });
    const model = defineLanguageModel("small", { targets: [on("first", mock, { priority: 0 }), on("second", second, { priority: 1, weight: 3 }), on("third", third, { priority: 1 })], balance: "weighted", retries: 2 });
    await using server = await openGatewayServer({ models: [model] });
    mock.forget();
    mock.play(...Array.from({ length: 100 }, () => ({ status: 503 })));
    const upstreams: (string | null)[] = [];
    for (let i = 0; i < 60; i++) {
      const { status, headers } = await post(server.url, {});
      assert.equal(status, 200);
      upstreams.push(headers.get("strata-upstream"));
    }
    assert.ok(mock.requests.length <= 10, `the failing one was asked ${mock.requests.length} times`);
    const share = upstreams.filter((name) => name === "second").length / upstreams.length;
    assert.ok(share > 0.6 && share < 0.9, `${share} of the calls went to the one with three quarters of the weight`);
    assert.equal(server.gateway.upstreams()[0]?.replicas[0]?.state, "open");
    mock.forget();
  });
});
