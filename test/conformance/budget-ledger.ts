/**
 * The budget ledger's contract as tests: `budgetLedgerConformance(engine, newPlace)` declares them for one engine.
 * A place can be opened several times at once, as several gateways would.
 */
import assert from "node:assert/strict";
import type { BudgetLedger, LedgerSettlement } from "../../src/ports/budget-ledger.ts";
import { declareLedgerLaws } from "./budget-ledger-laws.ts";
import { caseDeclarer, type DeclareCase, type Skips } from "./cases.ts";
import { keyRecord, reservation, settlement, type LedgerPlace } from "./ledger-records.ts";

type InLedger = (work: (ledger: BudgetLedger, place: LedgerPlace) => Promise<void>) => Promise<void>;

export function budgetLedgerConformance(engine: string, newPlace: () => Promise<LedgerPlace>, skips: Skips = {}): void {
  const declare = caseDeclarer(`${engine} budget ledger`, skips);
  const inLedger: InLedger = async (work) => {
    await using place = await newPlace();
    await using ledger = await place.open();
    await work(ledger, place);
  };
  declareKeys(declare, inLedger);
  declareReservations(declare, inLedger);
  declareOddNumbers(declare, inLedger);
  declareExpiry(declare, inLedger);
  declarePeriods(declare, inLedger);
  declareBuckets(declare, inLedger);
  declareUsage(declare, inLedger);
  declareClosing(declare, newPlace);
  declareLedgerLaws(declare, newPlace);
}

function declareKeys(declare: DeclareCase, inLedger: InLedger): void {
  declare("keys come back as they were put, by list and by hash, in every handle and after a restart", () => inLedger(async (ledger, place) => {
    const full = keyRecord("b", { budgetNanoUsd: 9e15, periodMs: 86_400_000, requestsPerMinute: 60, tokensPerMinute: 1_000, models: ["fast", "clever"], createdAtMs: 2, expiresAtMs: 3, isRevoked: true });
    await ledger.putKey(keyRecord("a"));
    await ledger.putKey(full);
    await using other = await place.open();
    assert.deepEqual(await other.keys(), [keyRecord("a"), full]);
    assert.deepEqual(await other.keyByHash("hash of b"), full);
    assert.equal(await other.keyByHash("hash of nobody"), undefined);
    await other.putKey({ ...full, name: "renamed", secretHash: "new hash" });
    assert.equal((await ledger.keyByHash("new hash"))?.name, "renamed");
    assert.equal(await ledger.keyByHash("hash of b"), undefined);
  }));

  declare("two keys cannot have one secret; whoever shares the transaction is not harmed", () => inLedger(async (ledger) => {
    await ledger.putKey(keyRecord("a", { budgetNanoUsd: 100 }));
    const [second, grant] = await Promise.allSettled([ledger.putKey(keyRecord("b", { secretHash: "hash of a" })), ledger.reserve([reservation("r", 10)])]);
    assert.equal(second.status === "rejected" && second.reason.code, "SQL_CONSTRAINT");
    assert.equal(grant.status, "fulfilled");
    assert.equal((await ledger.balance("a", 1_000)).reservedNanoUsd, 10);
  }));

  declare("a changed budget counts from the next reservation on, and what was spent stays", () => inLedger(async (ledger) => {
    await ledger.putKey(keyRecord("a", { budgetNanoUsd: 100 }));
    await ledger.reserve([reservation("r", 100)]);
    await ledger.settle([settlement("r", 90)]);
    await ledger.putKey(keyRecord("a", { budgetNanoUsd: 50 }));
    assert.equal((await ledger.reserve([reservation("s", 10)]))[0]?.refusal?.reason, "budget");
    await ledger.putKey(keyRecord("a", { budgetNanoUsd: 100 }));
    assert.equal((await ledger.reserve([reservation("s", 10)]))[0]?.grantedNanoUsd, 10);
  }));
}

function declareReservations(declare: DeclareCase, inLedger: InLedger): void {
  declare("a reservation is granted whole, in part, or not at all", () => inLedger(async (ledger) => {
    await ledger.putKey(keyRecord("a", { budgetNanoUsd: 100 }));
    const grants = await ledger.reserve([reservation("1", 60), reservation("2", 60, { leastNanoUsd: 41 }), reservation("3", 60, { leastNanoUsd: 40 }), reservation("4", 1, { leastNanoUsd: 0 })]);
    assert.deepEqual(grants, [
      { id: "1", grantedNanoUsd: 60, availableNanoUsd: 100 },
      { id: "2", grantedNanoUsd: 0, availableNanoUsd: 40, refusal: { reason: "budget", retryAfterMs: Infinity } },
      { id: "3", grantedNanoUsd: 40, availableNanoUsd: 40 },
      { id: "4", grantedNanoUsd: 0, availableNanoUsd: 0, refusal: { reason: "budget", retryAfterMs: Infinity } },
    ]);
    assert.deepEqual(await ledger.balance("a", 1_000), { key: "a", spentNanoUsd: 0, reservedNanoUsd: 100, periodStartMs: 0 });
  }));

  declare("what is free asks no budget, and a key without budget or record gets all it wants", () => inLedger(async (ledger) => {
    await ledger.putKey(keyRecord("a", { budgetNanoUsd: 0 }));
    await ledger.putKey(keyRecord("b"));
    const [free, b, unknown] = await ledger.reserve([reservation("1", 0), reservation("2", 5, { key: "b" }), reservation("3", 5, { key: "nobody" })]);
    assert.deepEqual([free, b, unknown], [
      { id: "1", grantedNanoUsd: 0, availableNanoUsd: 0 }, { id: "2", grantedNanoUsd: 5, availableNanoUsd: Infinity }, { id: "3", grantedNanoUsd: 5, availableNanoUsd: Infinity },
    ]);
  }));

  declare("a repeated reservation gets its first answer, also from another handle and when nothing is left; a refused one may ask again", () => inLedger(async (ledger, place) => {
    await ledger.putKey(keyRecord("a", { budgetNanoUsd: 100 }));
    const [first] = await ledger.reserve([reservation("r", 100)]);
    await using other = await place.open();
    assert.deepEqual(await other.reserve([reservation("r", 100)]), [first]);
    assert.ok((await other.reserve([reservation("s", 30)]))[0]?.refusal);
    await ledger.settle([settlement("r", 10)]);
    assert.equal((await other.reserve([reservation("s", 30)]))[0]?.grantedNanoUsd, 30);
    assert.deepEqual(await ledger.balance("a", 1_000), { key: "a", spentNanoUsd: 10, reservedNanoUsd: 30, periodStartMs: 0 });
  }));

  declare("a settlement is booked once, whoever sends it again", () => inLedger(async (ledger, place) => {
    await ledger.putKey(keyRecord("a", { budgetNanoUsd: 100 }));
    await ledger.reserve([reservation("r", 100)]);
    await using other = await place.open();
    await Promise.all([ledger.settle([settlement("r", 40)]), other.settle([settlement("r", 40)]), ledger.settle([settlement("r", 40), settlement("r", 99)])]);
    await ledger.settle([settlement("r", 40)]);
    assert.deepEqual(await ledger.balance("a", 2_000), { key: "a", spentNanoUsd: 40, reservedNanoUsd: 0, periodStartMs: 0 });
    await ledger.settle([settlement("cached", 0, { isReserved: false }), settlement("cached", 0, { isReserved: false })]);
    await ledger.settle([settlement("unlimited", 7, { isReserved: false })]);
    await ledger.settle([settlement("unlimited", 7, { isReserved: false })]);
    assert.deepEqual((await ledger.usage({ groupBy: [] })).map(({ calls, costNanoUsd }) => [calls, costNanoUsd]), [[3, 47]]);
  }));

  declare("a settlement without its reservation books nothing; one that cost more than granted books the truth", () => inLedger(async (ledger) => {
    await ledger.putKey(keyRecord("a", { budgetNanoUsd: 100 }));
    await ledger.settle([settlement("never reserved", 5)]);
    await ledger.reserve([reservation("r", 10)]);
    await ledger.settle([settlement("r", 120)]);
    assert.equal((await ledger.balance("a", 1_000)).spentNanoUsd, 120);
    assert.equal((await ledger.reserve([reservation("s", 1)]))[0]?.availableNanoUsd, 0);
  }));
}

function declareOddNumbers(declare: DeclareCase, inLedger: InLedger): void {
  declare("a number that is no whole one from 0 is refused alone; sums that grow too large stop, and can be read", () => inLedger(async (ledger) => {
    await ledger.putKey(keyRecord("a", { budgetNanoUsd: 100 }));
    const usage = { inputTokens: 0.5, cachedInputTokens: 0, outputTokens: 1e300, reasoningTokens: 0 };
    const outcomes = await Promise.allSettled([
      ledger.reserve([reservation("good", 10)]), ledger.reserve([reservation("bad", Number.NaN)]), ledger.settle([settlement("x", -1, { isReserved: false })]), ledger.settle([settlement("y", 1, { isReserved: false, usage })]),
      ledger.take([{ key: "a", kind: "requests", amount: 0.5, perMinute: 60, atMs: 0 }]),
    ]);
    assert.deepEqual(outcomes.map((outcome) => (outcome.status === "rejected" ? outcome.reason.code : "done")), ["done", "LEDGER_FAILED", "LEDGER_FAILED", "LEDGER_FAILED", "LEDGER_FAILED"]);
    for (const id of ["1", "2", "3"]) await ledger.settle([settlement(id, 8e15, { isReserved: false, takes: [{ kind: "tokens", amount: 1e15, perMinute: 60 }] })]);
    assert.equal((await ledger.balance("a", 0)).spentNanoUsd, 9e15);
    assert.equal((await ledger.usage({ groupBy: [] }))[0]?.costNanoUsd, 9e15);
  }));
}

function declareExpiry(declare: DeclareCase, inLedger: InLedger): void {
  declare("an overdue reservation is booked at full cost, once", () => inLedger(async (ledger, place) => {
    await ledger.putKey(keyRecord("a", { budgetNanoUsd: 100 }));
    await ledger.reserve([reservation("r", 30, { model: "m", operation: "chat" }), reservation("s", 20, { expiresAtMs: 61_001 })]);
    await using other = await place.open();
    assert.deepEqual([await ledger.expire(60_999), await other.expire(61_000), await ledger.expire(61_000)], [0, 1, 0]);
    assert.deepEqual(await ledger.balance("a", 61_000), { key: "a", spentNanoUsd: 30, reservedNanoUsd: 20, periodStartMs: 0 });
    assert.deepEqual((await ledger.usage({ groupBy: ["outcome", "model", "upstream"] })).map(({ group, calls, estimatedCalls, costNanoUsd }) => ({ group, calls, estimatedCalls, costNanoUsd })),
      [{ group: { outcome: "expired", model: "m", upstream: "" }, calls: 1, estimatedCalls: 1, costNanoUsd: 30 }]);
  }));

  declare("one that is settled late after all is put right, in balance and usage", () => inLedger(async (ledger) => {
    await ledger.putKey(keyRecord("a", { budgetNanoUsd: 100 }));
    await ledger.reserve([reservation("r", 30, { model: "m", operation: "chat" })]);
    await ledger.expire(61_000);
    await ledger.settle([settlement("r", 12, { atMs: 3_700_000 })]);
    await ledger.settle([settlement("r", 12, { atMs: 3_700_000 })]);
    assert.deepEqual(await ledger.balance("a", 3_700_000), { key: "a", spentNanoUsd: 12, reservedNanoUsd: 0, periodStartMs: 0 });
    assert.deepEqual((await ledger.usage({ groupBy: ["outcome"] })).map(({ group, calls, costNanoUsd }) => [group["outcome"], calls, costNanoUsd]), [["ok", 1, 12]]);
  }));
}

function declarePeriods(declare: DeclareCase, inLedger: InLedger): void {
  declare("a period starts anew at whole multiples; what is reserved then counts on, and a clock behind turns nothing back", () => inLedger(async (ledger) => {
    await ledger.putKey(keyRecord("a", { budgetNanoUsd: 100, periodMs: 10_000 }));
    await ledger.reserve([reservation("1", 60, { atMs: 11_000 }), reservation("2", 40, { atMs: 12_000 })]);
    await ledger.settle([settlement("1", 60, { atMs: 13_000 })]);
    assert.deepEqual((await ledger.reserve([reservation("3", 10, { atMs: 19_500 })]))[0]?.refusal, { reason: "budget", retryAfterMs: 500 });
    assert.deepEqual(await ledger.balance("a", 20_000), { key: "a", spentNanoUsd: 0, reservedNanoUsd: 40, periodStartMs: 20_000 });
    assert.equal((await ledger.reserve([reservation("4", 100, { atMs: 20_000, leastNanoUsd: 1 })]))[0]?.grantedNanoUsd, 60);
    await ledger.settle([settlement("2", 40, { atMs: 19_000 })]);
    assert.deepEqual(await ledger.balance("a", 20_000), { key: "a", spentNanoUsd: 40, reservedNanoUsd: 60, periodStartMs: 20_000 });
  }));

  declare("an expired reservation that is settled in a later period changes nothing there", () => inLedger(async (ledger) => {
    await ledger.putKey(keyRecord("a", { budgetNanoUsd: 100, periodMs: 10_000 }));
    await ledger.reserve([reservation("r", 30, { atMs: 11_000, expiresAtMs: 12_000 })]);
    await ledger.expire(12_000);
    await ledger.settle([settlement("r", 10, { atMs: 25_000 })]);
    assert.equal((await ledger.balance("a", 25_000)).spentNanoUsd, 0);
    assert.deepEqual((await ledger.usage({ groupBy: [] })).map(({ calls, costNanoUsd }) => [calls, costNanoUsd]), [[1, 10]]);
  }));
}

function declareBuckets(declare: DeclareCase, inLedger: InLedger): void {
  const requests = { key: "a", kind: "requests", amount: 1, perMinute: 60 } as const;
  const tokens = { key: "a", kind: "tokens", amount: 100, perMinute: 1_000 } as const;

  declare("a bucket gives a minute's worth at once, then as it refills, over all handles; the wait is exact", () => inLedger(async (ledger, place) => {
    await using other = await place.open();
    for (let i = 0; i < 60; i++) assert.equal(await (i % 2 === 0 ? ledger : other).take([{ ...requests, atMs: 1_000 }]), undefined);
    assert.deepEqual(await other.take([{ ...requests, atMs: 1_000 }]), { reason: "requests", retryAfterMs: 1_000 });
    assert.deepEqual(await ledger.take([{ ...requests, atMs: 1_999 }]), { reason: "requests", retryAfterMs: 1 });
    assert.equal(await ledger.take([{ ...requests, atMs: 2_000 }]), undefined);
    assert.deepEqual(await ledger.take([{ ...requests, amount: 61, atMs: 900_000 }]), { reason: "requests", retryAfterMs: Infinity });
  }));

  declare("takes are all or nothing, and a negative amount gives back", () => inLedger(async (ledger) => {
    assert.equal(await ledger.take([{ ...requests, perMinute: 1, atMs: 0 }]), undefined);
    assert.deepEqual(await ledger.take([{ ...tokens, amount: 1_000, atMs: 0 }, { ...requests, perMinute: 1, atMs: 0 }]), { reason: "requests", retryAfterMs: 60_000 });
    assert.equal(await ledger.take([{ ...tokens, amount: 1_000, atMs: 0 }]), undefined); // it was not taken above
    assert.deepEqual(await ledger.take([{ ...tokens, atMs: 0 }]), { reason: "tokens", retryAfterMs: 6_000 });
    assert.equal(await ledger.take([{ ...tokens, amount: -100, atMs: 0 }]), undefined);
    assert.equal(await ledger.take([{ ...tokens, atMs: 0 }]), undefined);
  }));

  declare("a reservation and its takes are granted together or not at all; a settlement corrects them", () => inLedger(async (ledger) => {
    await ledger.putKey(keyRecord("a", { budgetNanoUsd: 100 }));
    const both = { takes: [{ kind: "requests", amount: 1, perMinute: 2 }, { kind: "tokens", amount: 900, perMinute: 1_000 }] } as const;
    assert.equal((await ledger.reserve([reservation("1", 10, both)]))[0]?.grantedNanoUsd, 10);
    assert.deepEqual((await ledger.reserve([reservation("2", 10, both)]))[0]?.refusal, { reason: "tokens", retryAfterMs: 48_000 });
    assert.deepEqual((await ledger.reserve([reservation("3", 200, { takes: [both.takes[0]] })]))[0]?.refusal?.reason, "budget");
    assert.equal((await ledger.balance("a", 1_000)).reservedNanoUsd, 10);
    await ledger.settle([settlement("1", 1, { atMs: 1_000, takes: [{ ...both.takes[1], amount: -900 }] })]);
    assert.equal((await ledger.reserve([reservation("4", 10, both)]))[0]?.grantedNanoUsd, 10); // refused ones took no request either
    await ledger.settle([settlement("4", 1, { atMs: 1_000, takes: [{ ...both.takes[1], amount: 600 }] })]);
    assert.deepEqual(await ledger.take([{ ...tokens, amount: 500, atMs: 1_000 }]), { reason: "tokens", retryAfterMs: 60_000 }); // 500 below empty, and 500 wanted
  }));
}

function declareUsage(declare: DeclareCase, inLedger: InLedger): void {
  declare("usage is summed by any groups, within hours, in order", () => inLedger(async (ledger) => {
    const usage = { inputTokens: 10, cachedInputTokens: 4, outputTokens: 5, reasoningTokens: 2 };
    const hour = 3_600_000;
    const at = Date.UTC(2026, 2, 1, 14, 30);
    const book = (id: string, more: Partial<LedgerSettlement>) => settlement(id, 7, { isReserved: false, usage, ...more });
    await ledger.settle([
      book("1", { atMs: at }), book("2", { atMs: at + hour, model: "n", isEstimated: true }), book("3", { atMs: at + 10 * hour, key: "b", outcome: "cut" }), book("4", { atMs: at, upstream: "v", operation: "embeddings" }),
    ]);
    const sums = async (query: Parameters<BudgetLedger["usage"]>[0]) => (await ledger.usage(query)).map(({ group, calls }) => [...Object.values(group), calls]);
    assert.deepEqual(await ledger.usage({ groupBy: [] }), [{ group: {}, calls: 4, estimatedCalls: 1, costNanoUsd: 28, inputTokens: 40, cachedInputTokens: 16, outputTokens: 20, reasoningTokens: 8 }]);
    assert.deepEqual(await sums({ groupBy: ["day", "key"] }), [["2026-03-01", "a", 3], ["2026-03-02", "b", 1]]);
    assert.deepEqual(await sums({ groupBy: ["hour"] }), [["2026-03-01T14", 2], ["2026-03-01T15", 1], ["2026-03-02T00", 1]]);
    assert.deepEqual(await sums({ groupBy: ["upstream", "operation"] }), [["u", "chat", 3], ["v", "embeddings", 1]]);
    assert.deepEqual(await sums({ groupBy: ["outcome"], key: "b" }), [["cut", 1]]);
    assert.deepEqual(await sums({ groupBy: ["model"], fromMs: at + hour, toMs: at + 10 * hour - 30 * 60_000 }), [["n", 1]]);
    assert.deepEqual(await sums({ groupBy: [], model: "nothing" }), []);
  }));
}

function declareClosing(declare: DeclareCase, newPlace: () => Promise<LedgerPlace>): void {
  declare("what was resolved is there after closing; closing finishes what waits, then everything is refused with CLOSED", async () => {
    await using place = await newPlace();
    const ledger = await place.open();
    await ledger.putKey(keyRecord("a", { budgetNanoUsd: 100 }));
    const waiting = ledger.reserve([reservation("r", 60)]);
    await Promise.all([ledger[Symbol.asyncDispose](), ledger[Symbol.asyncDispose]()]);
    assert.equal((await waiting)[0]?.grantedNanoUsd, 60);
    await assert.rejects(ledger.reserve([reservation("s", 1)]), { code: "CLOSED" });
    await assert.rejects(ledger.keys(), { code: "CLOSED" });
    await using again = await place.open();
    assert.equal((await again.balance("a", 1_000)).reservedNanoUsd, 60);
  });
}
