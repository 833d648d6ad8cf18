/** The overview's figures of serving and the gateway against a running platform: what was sent is what is shown, and no secret is. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { defineApplication, defineLanguageModel, defineServedModel, defineUpstream, functionModel, target, tensor } from "strata";
import { loadConfig, openPlatform } from "strata/testing";
import type { Overview, Platform } from "strata/testing";
import { openMockUpstream } from "../../test/mock-upstream/mock-upstream.ts";

const FP32 = tensor("FP32", [-1, 1]);
const add = (amount: number) => functionModel({ inputs: { x: FP32 }, outputs: { y: FP32 }, infer: ({ x }) => ({ y: { shape: x.shape, data: x.data.map((value) => value + amount) } }) });

async function open(resources: Parameters<typeof defineApplication>[1]): Promise<{ readonly platform: Platform } & AsyncDisposable> {
  const dataDir = await mkdtemp(join(tmpdir(), "strata-overview-"));
  const { config } = loadConfig({ environment: {}, flags: { dataDir, port: 0, listeners: 1, logLevel: "error" } });
  const platform = await openPlatform({ definition: defineApplication("shown", resources), config, runsControlLoop: false });
  return { platform, [Symbol.asyncDispose]: async () => { await platform.close(); await rm(dataDir, { recursive: true, force: true }); } };
}

async function post(url: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<unknown> {
  const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) });
  const text = await response.text();
  return text.startsWith("{") ? JSON.parse(text) : text;
}

test("served models: requests, batches, versions, traffic, failures", async () => {
  const adder = defineServedModel("adder", { description: "Adds.", versions: { 1: add(1), 2: add(2) }, policy: { kind: "all" }, aliases: { first: "1" } });
  const known = defineServedModel("known", { source: add(0), cacheEntries: 10 });
  await using running = await open([adder, known]);
  const { platform } = running;
  const ask = (model: string, value: unknown): Promise<unknown> => post(`${platform.url}/v2/models/${model}/infer`, { inputs: [{ name: "x", datatype: "FP32", shape: [1, 1], data: [value] }] }, { "strata-key": String(value) });
  assert.equal((await platform.overview()).gateway, undefined, "the definition has no language model");

  await post(`${platform.url}/v1/served-models/adder/traffic`, { reason: "half of them", split: { variants: [{ variant: "old", version: "1", share: 0.5 }] } });
  await Promise.all(Array.from({ length: 40 }, (_, at) => ask("adder", at)));
  for (let i = 0; i < 8; i++) await ask("known", 7);
  await ask("known", "not a number");

  const models = new Map((await platform.overview()).serving?.models.map((model) => [model.name, model]));
  const shown = models.get("adder")!;
  assert.deepEqual([shown.kind, shown.description, shown.requests, shown.failures], ["function", "Adds.", 40, 0]);
  assert.deepEqual(shown.versions.map(({ version, state, aliases }) => [version, state, aliases]), [["2", "READY", []], ["1", "READY", ["first"]]]);
  assert.deepEqual(shown.traffic?.arms.map(({ variant, version, share }) => [variant, version, share]), [["stable", "2", 0.5], ["old", "1", 0.5]]);
  for (const { version, requests } of shown.traffic.arms) assert.equal(requests, shown.versions.find((one) => one.version === version)!.requests, "as the arm, so the version");
  const batches = shown.batches.reduce((sum, { count }) => sum + count, 0);
  const executions = platform.modelServer.statistics("adder").reduce((sum, { executionCount }) => sum + executionCount, 0);
  assert.deepEqual([batches, batches > 0], [executions, true]);
  assert.ok(shown.versions.every(({ computeMs, queueMs }) => computeMs!.p50 <= computeMs!.p99 && queueMs!.p50 >= 0));
  assert.deepEqual([models.get("known")!.versions[0]!.cacheHitShare, models.get("known")!.versions[0]!.meanBatchRows], [7 / 8, 1]);
});

test("language models: calls, tokens, money by key, a fallback; the secret is nowhere", async () => {
  await using mocks = await openTwo();
  const [first, second] = mocks;
  const price = { inputUsdPerMillion: 1_000, outputUsdPerMillion: 2_000, maxOutputTokens: 20 };
  const chat = defineLanguageModel("chat", { targets: [target(defineUpstream("first", { url: first.url }), { model: "m", ...price }), target(defineUpstream("second", { url: second.url }), { model: "m", ...price })], retries: 1 });
  await using running = await open([chat]);
  const { platform } = running;
  const made = await post(`${platform.url}/v1/keys`, { name: "app", tenant: "shop", budgetUsd: 5 }) as { readonly secret: string };
  const call = (headers: Readonly<Record<string, string>> = {}): Promise<unknown> => post(`${platform.url}/v1/chat/completions`, { model: "chat", messages: [{ role: "user", content: "Hello" }] }, headers);
  const mine = { authorization: `Bearer ${made.secret}` };
  await call(mine);
  first.play({ status: 503 });
  await call(mine);
  await call();
  await call({ authorization: "Bearer sk-strata-wrong" });
  await platform.language.settled();

  const overview = await platform.overview();
  const { models: [model], targets, keys } = overview.gateway!;
  assert.deepEqual([model!.calls, model!.fallbacks, model!.failedAttempts], [3, 1, 1]);
  assert.equal(model!.refusals.reduce((sum, { count }) => sum + count, 0), 1);
  assert.deepEqual(targets.map(({ upstream, priority, calls, failures }) => [upstream, priority, calls, failures]), [["first", 0, 3, 1], ["second", 1, 1, 0]]);
  const billed = [first, second].map((mock) => mock.billed()).reduce((sum, { inputTokens, outputTokens }) => sum + inputTokens / 1_000 + outputTokens / 500, 0);
  assert.ok(Math.abs(model!.costTodayUsd! - billed) < 1e-9, `${model!.costTodayUsd} shown, ${billed} billed`);
  const app = keys!.find(({ name }) => name === "app")!;
  assert.deepEqual([app.tenant, app.budgetUsd, app.reservedUsd, app.calls.map(({ model: name, today }) => [name, today])], ["shop", 5, 0, [["chat", 2]]]);
  assert.ok(Math.abs(keys!.reduce((sum, { spentUsd }) => sum + spentUsd, 0) - billed) < 1e-9, "the keys' money is the model's");
  assert.equal(overview.serving, undefined, "nothing is served as tensors");
  assertNoSecret(overview, made.secret);
});

async function openTwo() {
  const mocks = [await openMockUpstream(), await openMockUpstream()] as const;
  return Object.assign([...mocks] as const, { [Symbol.asyncDispose]: async () => { for (const mock of mocks) await mock[Symbol.asyncDispose](); } });
}

function assertNoSecret(overview: Overview, secret: string): void {
  const text = JSON.stringify(overview);
  assert.ok(!text.includes(secret) && !/secret/i.test(text), "neither the secret nor its digest");
}
