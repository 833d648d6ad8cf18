import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { openSqliteBudgetLedger } from "../../../engines/sqlite/budget-ledger.ts";
import { createManualClock } from "../../../kernel/clock.ts";
import { createIdSource } from "../../../kernel/ids.ts";
import { createRandom } from "../../../kernel/random.ts";
import { silentMeter } from "../../../ports/telemetry.ts";
import type { AdmittedCall, CallOutcome, CallRequest } from "../call-policy.ts";
import { createKeyDesk, type KeyTerms } from "../keys/key-desk.ts";
import { createKeyDirectory } from "../keys/key-directory.ts";
import { affordableOutput, bookedCost, boundOf } from "./call-budget.ts";
import { createLedgerCallPolicy } from "./ledger-call-policy.ts";
import { nanoUsd } from "./money.ts";

const NO_USAGE = { inputTokens: 0, cachedInputTokens: 0, outputTokens: 0, reasoningTokens: 0 };
const price = { input: 100, output: 1_000 };

async function gatewayOf({ requireKeys = false } = {}) {
  const folder = await mkdtemp(join(tmpdir(), "strata-policy-"));
  const ledger = await openSqliteBudgetLedger({ file: join(folder, "ledger.db") });
  const clock = createManualClock(1_000_000);
  const random = createRandom(1);
  const ids = createIdSource(clock, random.next);
  const directory = createKeyDirectory({ ledger, clock, requireKeys });
  const parts = { ledger, directory, clock, ids };
  const desk = createKeyDesk({ ...parts, secretBytes: () => Uint8Array.from({ length: 32 }, () => random.integer(256)) });
  const policy = createLedgerCallPolicy({ ...parts, meter: silentMeter });
  return {
    ...parts, desk, policy,
    /** As another process that shares the ledger. */
    elsewhere: () => {
      const directory = createKeyDirectory({ ledger, clock, requireKeys });
      return { desk: createKeyDesk({ ...parts, directory, secretBytes: () => new Uint8Array(32) }), policy: createLedgerCallPolicy({ ...parts, directory, meter: silentMeter }) };
    },
    keyOf: async (terms: Partial<KeyTerms> = {}) => desk.create({ name: "shop", tenant: "acme", budgetNanoUsd: undefined, periodMs: undefined, requestsPerMinute: undefined, tokensPerMinute: undefined, models: [], expiresAtMs: undefined, ...terms }),
    [Symbol.asyncDispose]: async () => {
      await ledger[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
}

const callOf = (secret: string | undefined, more: Partial<CallRequest> = {}): CallRequest => ({ secret, operation: "chat", model: "fast", inputTokens: 10, maxOutputTokens: 100, price, ...more });
const ended = (outputTokens: number, more: Partial<CallOutcome> = {}): CallOutcome => ({ usage: { ...NO_USAGE, inputTokens: 10, outputTokens }, price, upstream: "mock", outcome: "ok", isEstimated: false, ...more });

test("without a key the caller is \"local\", unlimited and accounted; where keys are required it is refused; a wrong key always", async () => {
  await using gateway = await gatewayOf();
  const admitted = await gateway.policy.admit(callOf(undefined));
  assert.deepEqual([admitted.keyId, admitted.tenant, admitted.maxOutputTokens, admitted.meter({ ...NO_USAGE, outputTokens: 1e9 })], ["local", "local", 100, "continue"]);
  await Promise.all([admitted.settle(ended(50)), admitted.settle(ended(99))]);
  assert.deepEqual((await gateway.ledger.usage({ groupBy: ["key", "outcome"] })).map(({ group, costNanoUsd, outputTokens }) => [group, costNanoUsd, outputTokens]), [[{ key: "local", outcome: "ok" }, 51_000, 50]]);
  await assert.rejects(gateway.policy.admit(callOf("sk-strata-wrong")), { code: "KEY_INVALID" });
  await using strict = await gatewayOf({ requireKeys: true });
  await assert.rejects(strict.policy.admit(callOf(undefined)), { code: "KEY_MISSING", status: 401 });
});

test("a key says who calls; it may be bound to models, expire and be revoked, in other processes within two seconds", async () => {
  await using gateway = await gatewayOf();
  const { key, secret } = await gateway.keyOf({ models: ["fast"], expiresAtMs: 2_000_000 });
  assert.match(secret, /^sk-strata-[\w-]{43}$/);
  const other = gateway.elsewhere();
  assert.deepEqual(await other.policy.identify(secret, "fast"), { keyId: key.id, tenant: "acme" });
  await assert.rejects(gateway.policy.identify(secret, "clever"), { code: "KEY_FORBIDDEN", status: 403, hint: "It may call: fast." });
  await gateway.desk.revoke(key.id);
  await assert.rejects(gateway.policy.identify(secret, "fast"), { code: "KEY_INVALID", message: /revoked/ });
  gateway.clock.advance(1_999);
  await other.policy.identify(secret, "fast");
  gateway.clock.advance(1);
  await assert.rejects(other.policy.identify(secret, "fast"), { code: "KEY_INVALID" });
  const second = await gateway.keyOf({ expiresAtMs: 2_000_000 });
  gateway.clock.set(2_000_000);
  await assert.rejects(gateway.policy.identify(second.secret, "fast"), { code: "KEY_INVALID", message: /expired at 1970-01-01T00:33:20/ });
});

test("a rotated key has a new secret and its old balance; a key that is only guessed once is found when it exists", async () => {
  await using gateway = await gatewayOf();
  const { key, secret } = await gateway.keyOf({ budgetNanoUsd: 1_000_000 });
  await (await gateway.policy.admit(callOf(secret))).settle(ended(10));
  const rotated = await gateway.desk.rotate(key.id);
  await assert.rejects(gateway.policy.identify(secret, "fast"), { code: "KEY_INVALID" });
  assert.equal((await gateway.policy.identify(rotated.secret, "fast")).keyId, key.id);
  assert.deepEqual([rotated.key.balance.spentNanoUsd, rotated.key.leftNanoUsd], [11_000, 989_000]);
  assert.deepEqual(await gateway.desk.show("shop"), rotated.key);
  await assert.rejects(gateway.desk.show("nobody"), { code: "KEY_NOT_FOUND" });
  assert.ok(!("secretHash" in rotated.key));
});

test("a budget grants what it can pay, cuts there, and books what it was", async () => {
  await using gateway = await gatewayOf();
  const { secret } = await gateway.keyOf({ budgetNanoUsd: 150_500 });
  const first = await gateway.policy.admit(callOf(secret));
  assert.equal(first.maxOutputTokens, 100);
  const second = await gateway.policy.admit(callOf(secret)); // 49,500 are left: 1,000 of input and 48 tokens
  assert.equal(second.maxOutputTokens, 48);
  assert.deepEqual([47, 48].map((outputTokens) => second.meter({ ...NO_USAGE, outputTokens })), ["continue", "cut"]);
  assert.equal(second.meter({ ...NO_USAGE, inputTokens: 400, outputTokens: 10 }), "cut"); // the input was dearer than thought
  await assert.rejects(gateway.policy.admit(callOf(secret)), { code: "BUDGET_EXHAUSTED", status: 402, message: "The budget of key \"shop\" cannot pay for this call: 0 USD left, 0.000002 USD needed." });
  await first.settle(ended(20));
  assert.equal((await gateway.policy.admit(callOf(secret))).maxOutputTokens, 79);
  const free = await gateway.policy.admit(callOf(secret, { price: { input: 0, output: 0 } }));
  assert.deepEqual([free.maxOutputTokens, free.meter({ ...NO_USAGE, outputTokens: 100 })], [100, "continue"]);
});

test("where a bound alone makes a call too dear, its input is counted", async () => {
  await using gateway = await gatewayOf();
  const { secret } = await gateway.keyOf({ budgetNanoUsd: 20_000 });
  await assert.rejects(gateway.policy.admit(callOf(secret, { inputTokens: 1_000 })), { code: "BUDGET_EXHAUSTED" });
  const counted = await gateway.policy.admit(callOf(secret, { inputTokens: 1_000, countInputTokens: async () => 100 }));
  assert.equal(counted.maxOutputTokens, 10);
  await counted.settle(ended(0, { usage: NO_USAGE }));
  const shortened = await gateway.policy.admit(callOf(secret, { inputTokens: 150, countInputTokens: async () => 100 }));
  assert.equal(shortened.maxOutputTokens, 10); // the bound would have left 5
});

test("requests and tokens per minute are taken together, given back when not used, and the wait is exact", async () => {
  await using gateway = await gatewayOf();
  const { secret } = await gateway.keyOf({ requestsPerMinute: 3, tokensPerMinute: 150 });
  const first = await gateway.policy.admit(callOf(secret));
  await assert.rejects(gateway.policy.admit(callOf(secret)), { code: "RATE_LIMITED", status: 429, retryAfterSeconds: 28, message: "Key \"shop\" is over its limit of 150 tokens per minute." });
  await first.settle(ended(5));
  const second = await gateway.policy.admit(callOf(secret));
  await second.settle(ended(0));
  await gateway.policy.admitCached({ secret, operation: "chat", model: "fast", usage: { ...NO_USAGE, outputTokens: 7 }, upstream: "mock" });
  await assert.rejects(gateway.policy.admitCached({ secret, operation: "chat", model: "fast", usage: NO_USAGE, upstream: "mock" }), { code: "RATE_LIMITED", retryAfterSeconds: 20 });
  assert.deepEqual((await gateway.ledger.usage({ groupBy: ["outcome"] })).map(({ group, calls, costNanoUsd }) => [group["outcome"], calls, costNanoUsd]), [["cached", 1, 0], ["ok", 2, 7_000]]);
});

test("a call that no full minute could hold gets less output, or is too large for good", async () => {
  await using gateway = await gatewayOf();
  const { secret } = await gateway.keyOf({ tokensPerMinute: 50 });
  assert.equal((await gateway.policy.admit(callOf(secret))).maxOutputTokens, 40);
  await assert.rejects(gateway.policy.admit(callOf(secret, { inputTokens: 50 })), { code: "CALL_TOO_LARGE", status: 400 });
  const embeddings = await gateway.keyOf({ name: "index", tokensPerMinute: 50 });
  assert.equal((await gateway.policy.admit(callOf(embeddings.secret, { operation: "embeddings", inputTokens: 50, maxOutputTokens: 0 }))).maxOutputTokens, 0);
});

test("whatever an upstream reports can be booked", async () => {
  await using gateway = await gatewayOf();
  for (const outputTokens of [0.5, -3, 1e300, Number.NaN]) await (await gateway.policy.admit(callOf(undefined))).settle(ended(outputTokens, { usage: { ...NO_USAGE, outputTokens } }));
  assert.deepEqual((await gateway.ledger.usage({ groupBy: [] })).map(({ calls, outputTokens }) => [calls, outputTokens]), [[4, 1e15 + 1]]);
});

test("dollars are what people write, nano-dollars what is counted", () => {
  assert.equal(nanoUsd(0.1 + 0.2), 300_000_000);
  for (const wrong of [-1, Number.NaN, 1e10]) assert.throws(() => nanoUsd(wrong), { code: "REQUEST_INVALID" });
});

/** Nano-dollars per token as they come from USD per million tokens: 0.0375 USD is 37.5. */
const perToken = fc.nat(100_000_000).map((thousandths) => thousandths / 1_000);
const prices = fc.record({ input: perToken, output: perToken, cachedInput: fc.option(perToken, { nil: undefined }) })
  .map(({ cachedInput, ...price }) => (cachedInput === undefined ? price : { ...price, cachedInput }));

test("law: what a grant promises it pays for, whatever the prices", () => {
  fc.assert(fc.property(prices, fc.nat(10_000), fc.nat(10_000), fc.double({ min: 0, max: 1, noNaN: true }), (price, inputTokens, maxOutputTokens, share) => {
    const call = { inputTokens, maxOutputTokens, price };
    const { wantedNanoUsd, leastNanoUsd } = boundOf(call);
    assert.ok(leastNanoUsd <= wantedNanoUsd);
    assert.equal(affordableOutput(wantedNanoUsd, call), maxOutputTokens);
    const grant = Math.max(leastNanoUsd, Math.floor(wantedNanoUsd * share));
    const outputTokens = affordableOutput(grant, call);
    assert.ok(outputTokens >= Math.min(1, maxOutputTokens));
    for (const cachedInputTokens of [0, inputTokens]) assert.ok(bookedCost({ inputTokens, cachedInputTokens, outputTokens, reasoningTokens: 0 }, price) <= grant);
  }), { numRuns: 500 });
});

test("law: callers of any budget, in any order, never spend more than it", async () => {
  await using gateway = await gatewayOf();
  const calls = fc.array(fc.record({ inputTokens: fc.integer({ min: 1, max: 50 }), maxOutputTokens: fc.integer({ min: 1, max: 100 }), share: fc.double({ min: 0, max: 1.2, noNaN: true }), waits: fc.nat(4) }), { minLength: 1, maxLength: 30 });
  await fc.assert(fc.asyncProperty(calls, fc.integer({ min: 0, max: 500_000 }), async (plan, budgetNanoUsd) => {
    const { key, secret } = await gateway.keyOf({ budgetNanoUsd });
    await Promise.all(plan.map(async ({ share, waits, ...size }) => {
      const admitted = await gateway.policy.admit(callOf(secret, size)).catch((thrown: { code: string }) => assert.equal(thrown.code, "BUDGET_EXHAUSTED"));
      if (admitted) await spend(admitted, { inputTokens: size.inputTokens, wantsTokens: Math.ceil(size.maxOutputTokens * share), waits });
    }));
    const { spentNanoUsd, reservedNanoUsd } = await gateway.ledger.balance(key.id, gateway.clock.now());
    assert.ok(spentNanoUsd <= budgetNanoUsd && reservedNanoUsd === 0);
  }), { numRuns: 100 });
});

/** An upstream that writes token by token, and does not care for limits: the meter cuts it. */
async function spend(admitted: AdmittedCall, { inputTokens, wantsTokens, waits }: { readonly inputTokens: number; readonly wantsTokens: number; readonly waits: number }): Promise<void> {
  let outputTokens = 0;
  while (outputTokens < wantsTokens && admitted.meter({ ...NO_USAGE, outputTokens }) === "continue") outputTokens += 1;
  for (let i = 0; i < waits; i++) await new Promise((resolve) => setImmediate(resolve));
  await admitted.settle(ended(outputTokens, { usage: { ...NO_USAGE, inputTokens, outputTokens } }));
}
