import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { defineLanguageModel, defineUpstream, target } from "../../../define/index.ts";
import type { LanguageModelOptions } from "../../../define/index.ts";
import { createManualClock } from "../../../kernel/clock.ts";
import { silentMeter } from "../../../ports/telemetry.ts";
import type { AnswerQuestion, CacheLookup } from "./answer-cache.ts";
import { createMemoryAnswerCache } from "./memory-answer-cache.ts";

const upstream = defineUpstream("mock", { url: "http://mock" });
const modelOf = (options: Partial<LanguageModelOptions> = {}, name = "fast") => defineLanguageModel(name, { targets: [target(upstream, { model: "m" })], ...options });
const embedder = modelOf({}, "embedder");
const usage = { inputTokens: 1, cachedInputTokens: 0, outputTokens: 1, reasoningTokens: 0 };
const answerOf = (body: string) => ({ body, usage, upstream: "mock" });
const ask = (text: string, more: Partial<AnswerQuestion> = {}, body: object = {}): AnswerQuestion =>
  ({ tenant: "acme", model: modelOf({ cacheFor: "1m" }), operation: "chat", ...more, body: { model: "fast", messages: [{ role: "system", content: "be kind" }, { role: "user", content: text }], ...body } });

/** Words as dimensions: texts that share most words point the same way. */
function embedWords(text: string): Float32Array {
  const vector = new Float32Array(64);
  for (const word of text.toLowerCase().match(/\p{L}+/gu) ?? []) vector[Array.from(word).reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)!) % 64, 7)]! += 1;
  return vector;
}

function cacheOf(options: { maxBytes?: number; failing?: boolean } = {}) {
  const clock = createManualClock(1_000_000);
  const embedded: string[] = [];
  const cache = createMemoryAnswerCache({ clock, meter: silentMeter, ...options, embed: async (_, text) => {
    embedded.push(text);
    if (options.failing) throw new Error("no embedding");
    return embedWords(text);
  } });
  const fill = async (question: AnswerQuestion, body: string): Promise<void> => {
    const found = await cache.lookUp(question);
    assert.equal(found.status, "miss");
    if (found.status === "miss") found.store(answerOf(body));
  };
  const status = async (question: AnswerQuestion): Promise<CacheLookup["status"]> => (await cache.lookUp(question)).status;
  return { clock, cache, fill, status, embedded };
}

test("the same request is answered again for as long as the definition says, streamed or not", async () => {
  const { clock, cache, fill, status } = cacheOf();
  await fill(ask("hello"), "answer");
  clock.advance(59_000);
  assert.deepEqual(await cache.lookUp(ask("hello", {}, { stream: true, stream_options: { include_usage: true } })), { status: "hit", answer: answerOf("answer"), ageMs: 59_000 });
  clock.advance(1_000);
  assert.equal(await status(ask("hello")), "miss");
  assert.equal(await status(ask("hello", { model: modelOf() })), "off");
});

test("any difference but the order of members is another request", async () => {
  const { fill, status } = cacheOf();
  await fill(ask("hello", {}, { temperature: 0.5, seed: 1 }), "answer");
  assert.equal(await status(ask("hello", {}, { seed: 1, temperature: 0.5 })), "hit");
  for (const other of [
    ask("hello", {}, { temperature: 0.5, seed: 2 }), ask("hello!", {}, { temperature: 0.5, seed: 1 }), ask("hello", {}, { temperature: 0.5, seed: 1, tools: [] }),
    ask("hello", { tenant: "other" }, { temperature: 0.5, seed: 1 }), ask("hello", { operation: "responses" }, { temperature: 0.5, seed: 1 }),
    ask("hello", { model: modelOf({ cacheFor: "1m" }, "clever") }, { temperature: 0.5, seed: 1 }),
    ask("hello", { model: modelOf({ cacheFor: "1m", targets: [target(upstream, { model: "m2" })] }) }, { temperature: 0.5, seed: 1 }),
  ]) assert.equal(await status(other), "miss");
});

test("a changed definition forgets a model's answers", async () => {
  const { cache, fill, status } = cacheOf();
  const other = ask("hello", { model: modelOf({ cacheFor: "1m" }, "clever") });
  await fill(ask("hello"), "a");
  await fill(other, "b");
  cache.forget("fast");
  assert.deepEqual([await status(ask("hello")), await status(other)], ["miss", "hit"]);
});

const semantic = modelOf({ semanticCache: { minSimilarity: 0.8, embedWith: embedder, keepFor: "1m" } });
const about = (text: string, body: object = {}, tenant = "acme"): AnswerQuestion => ask(text, { model: semantic, tenant }, body);

test("a similar question gets the answer, until its time is over", async () => {
  const { clock, cache, fill, status } = cacheOf();
  await fill(about("how do I change the tyre of my bike"), "answer");
  const found = await cache.lookUp(about("how do I change the tyre of a bike"));
  assert.ok(found.status === "similar" && found.answer.body === "answer" && found.similarity > 0.8 && found.similarity < 1);
  assert.equal(await status(about("what is the weather like on the moon")), "miss");
  clock.advance(60_000);
  assert.equal(await status(about("how do I change the tyre of a bike")), "miss");
});

test("similar is not enough: everything else must be equal, and numbers, names and negations of the text", async () => {
  const { fill, status } = cacheOf();
  await fill(about("the trains from Paris with 2 changes that do stop"), "answer");
  assert.equal(await status(about("the trains from Paris with 2 changes that will stop")), "similar");
  assert.equal(await status(about("the trains from Paris with 3 changes that do stop")), "miss");
  assert.equal(await status(about("the trains from London with 2 changes that do stop")), "miss");
  assert.equal(await status(about("the trains from Paris with 2 changes that do not stop")), "miss");
  assert.equal(await status(about("the trains from Paris with 2 changes that will stop", { temperature: 1 })), "miss");
  assert.equal(await status(about("the trains from Paris with 2 changes that will stop", { tools: [{ type: "function" }] })), "miss");
  assert.equal(await status(about("the trains from Paris with 2 changes that will stop", {}, "other")), "miss");
  const withHistory = about("x", { messages: [{ role: "system", content: "be rude" }, { role: "user", content: "the trains from Paris with 2 changes that will stop" }] });
  assert.equal(await status(withHistory), "miss");
});

test("a request that does not end with a user's text has no similar ones, and an embedding that fails leaves the exact cache", async () => {
  const { status } = cacheOf();
  assert.equal(await status(about("x", { messages: [{ role: "user", content: "a" }, { role: "tool", content: "b" }] })), "off");
  const failing = cacheOf({ failing: true });
  const both = ask("hello", { model: modelOf({ cacheFor: "1m", semanticCache: { minSimilarity: 0.8, embedWith: embedder, keepFor: "1m" } }) });
  await failing.fill(both, "answer");
  assert.equal(await failing.status(both), "hit");
  assert.deepEqual(failing.embedded, ["hello"]); // a hit asks for no embedding
});

test("memory is bounded: the least recently used leave, and one answer cannot push out all", async () => {
  const { fill, status } = cacheOf({ maxBytes: 20_000 });
  await fill(ask("large"), "x".repeat(2_000));
  assert.equal(await status(ask("large")), "miss");
  for (let i = 0; i < 20; i++) {
    await fill(ask(`q${i}`), "x".repeat(700));
    assert.equal(await status(ask("q0")), "hit");
  }
  assert.deepEqual([await status(ask("q1")), await status(ask("q19"))], ["miss", "hit"]);
});

test("law: no tenant and no model ever sees an answer that was stored for another", async () => {
  const question = fc.record({ tenant: fc.constantFrom("a", "b", "a b"), name: fc.constantFrom("m", "n"), text: fc.constantFrom("one word", "one words", "another", "1 word"), temperature: fc.constantFrom(0, 1) });
  await fc.assert(fc.asyncProperty(fc.array(question, { maxLength: 30 }), async (questions) => {
    const { cache } = cacheOf();
    for (const { tenant, name, text, temperature } of questions) {
      const model = modelOf({ cacheFor: "1m", semanticCache: { minSimilarity: 0.3, embedWith: embedder, keepFor: "1m" } }, name);
      const found = await cache.lookUp(ask(text, { tenant, model }, { temperature }));
      if (found.status === "miss") found.store(answerOf(JSON.stringify([tenant, name, temperature])));
      else if (found.status !== "off") assert.equal(found.answer.body, JSON.stringify([tenant, name, temperature]));
    }
  }), { numRuns: 200 });
});
