/** Laws of the budget ledger, searched at random: a reference that is obviously right, and histories that overlap. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { BudgetLedger } from "../../src/ports/budget-ledger.ts";
import type { DeclareCase } from "./cases.ts";
import { keyRecord, reservation, settlement, type LedgerPlace } from "./ledger-records.ts";

type Step =
  | { readonly do: "reserve"; readonly wanted: number; readonly least: number; readonly forMs: number }
  /** `which` counts from the newest reservation; the cost is a share of what was granted. */
  | { readonly do: "settle"; readonly which: number; readonly share: number }
  | { readonly do: "expire" }
  | { readonly do: "budget"; readonly nanoUsd: number };

interface TimedStep { readonly step: Step; readonly waitMs: number; readonly handle: number }

const money = fc.integer({ min: 0, max: 60 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant("reserve" as const), wanted: money, least: money, forMs: fc.integer({ min: 1, max: 4_000 }) }).map((one) => ({ ...one, least: Math.min(one.least, one.wanted) })) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("settle" as const), which: fc.nat(5), share: fc.double({ min: 0, max: 1, noNaN: true }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("expire" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("budget" as const), nanoUsd: fc.integer({ min: 0, max: 200 }) }) },
);
const history = fc.array(fc.record({ step, waitMs: fc.integer({ min: 0, max: 1_500 }), handle: fc.nat(1) }), { maxLength: 40 });

const PERIOD_MS = 5_000;

/** The ledger of one key in twenty lines. */
class Reference {
  budget: number;
  spent = 0;
  periodStart = 0;
  readonly open = new Map<string, { granted: number; expiresAtMs: number }>();
  readonly expired = new Map<string, { granted: number; periodStart: number }>();
  constructor(budget: number) { this.budget = budget; }
  get reserved(): number { return [...this.open.values()].reduce((sum, { granted }) => sum + granted, 0); }
  at(nowMs: number): void {
    const start = nowMs - (nowMs % PERIOD_MS);
    if (start > this.periodStart) [this.spent, this.periodStart] = [0, start];
  }
  reserve(id: string, { wanted, least }: { wanted: number; least: number }, expiresAtMs: number): number | undefined {
    const granted = Math.min(wanted, Math.max(0, this.budget - this.spent - this.reserved));
    if (wanted > 0 && granted < Math.max(1, least)) return undefined;
    this.open.set(id, { granted, expiresAtMs });
    return granted;
  }
  settle(id: string, cost: number): void {
    const late = this.expired.get(id);
    if (this.open.delete(id)) this.spent += cost;
    else if (late !== undefined && this.expired.delete(id) && late.periodStart === this.periodStart) this.spent += cost - late.granted;
  }
  expire(nowMs: number): number {
    const due = [...this.open].filter(([, { expiresAtMs }]) => expiresAtMs <= nowMs);
    for (const [id, { granted }] of due) {
      this.settle(id, granted);
      this.expired.set(id, { granted, periodStart: this.periodStart });
    }
    return due.length;
  }
}

export function declareLedgerLaws(declare: DeclareCase, newPlace: () => Promise<LedgerPlace>): void {
  declare("law: any history, through two handles in turn, is what the reference says", async () => {
    await using place = await newPlace();
    await using one = await place.open();
    await using two = await place.open();
    let round = 0;
    await fc.assert(fc.asyncProperty(history, async (steps) => {
      await replay([one, two], `key${round++}`, steps);
    }), { numRuns: 150 });
  });

  declare("law: however calls overlap, spent + reserved never exceeds the budget, and nothing is lost", async () => {
    await using place = await newPlace();
    await using one = await place.open();
    await using two = await place.open();
    let round = 0;
    const calls = fc.array(fc.record({ wanted: fc.integer({ min: 1, max: 40 }), share: fc.double({ min: 0, max: 1, noNaN: true }), turns: fc.nat(3), handle: fc.nat(1) }), { minLength: 1, maxLength: 40 });
    await fc.assert(fc.asyncProperty(calls, fc.integer({ min: 1, max: 300 }), async (plan, budget) => {
      const key = `overlap${round++}`;
      await one.putKey(keyRecord(key, { budgetNanoUsd: budget }));
      await overlap([one, two], { key, budget, plan });
    }), { numRuns: 100 });
  });
}

async function replay(ledgers: readonly [BudgetLedger, BudgetLedger], key: string, steps: readonly TimedStep[]): Promise<void> {
  const reference = new Reference(100);
  const ids: string[] = [];
  const granted = new Map<string, number>();
  let nowMs = 0;
  await ledgers[0].putKey(keyRecord(key, { budgetNanoUsd: 100, periodMs: PERIOD_MS }));
  for (const [i, { step, waitMs, handle }] of steps.entries()) {
    const ledger = ledgers[handle]!;
    nowMs += waitMs;
    reference.at(nowMs);
    if (step.do === "reserve") {
      const id = `${key}/${i}`;
      const [grant] = await ledger.reserve([reservation(id, step.wanted, { key, leastNanoUsd: step.least, atMs: nowMs, expiresAtMs: nowMs + step.forMs })]);
      const expected = reference.reserve(id, step, nowMs + step.forMs);
      assert.equal(grant?.refusal === undefined ? grant?.grantedNanoUsd : undefined, expected);
      ids.unshift(id);
      granted.set(id, expected ?? 0);
    } else if (step.do === "settle") {
      const id = ids[step.which] ?? "none";
      const cost = Math.floor((granted.get(id) ?? 0) * step.share);
      reference.settle(id, cost);
      await ledger.settle([settlement(id, cost, { key, atMs: nowMs })]);
    } else if (step.do === "expire") {
      assert.equal(await ledger.expire(nowMs), reference.expire(nowMs));
    } else {
      reference.budget = step.nanoUsd;
      await ledger.putKey(keyRecord(key, { budgetNanoUsd: step.nanoUsd, periodMs: PERIOD_MS }));
    }
    assert.deepEqual(await ledgers[1 - handle]!.balance(key, nowMs), { key, spentNanoUsd: reference.spent, reservedNanoUsd: reference.reserved, periodStartMs: reference.periodStart });
  }
  await ledgers[0].expire(nowMs + 10_000); // the next history begins at time 0 again, and must not find these
}

interface Overlap {
  readonly key: string;
  readonly budget: number;
  readonly plan: readonly { readonly wanted: number; readonly share: number; readonly turns: number; readonly handle: number }[];
}

async function overlap(ledgers: readonly [BudgetLedger, BudgetLedger], { key, budget, plan }: Overlap): Promise<void> {
  let spent = 0;
  let running = plan.length;
  const watch = async (): Promise<void> => {
    while (running > 0) {
      const { spentNanoUsd, reservedNanoUsd } = await ledgers[1].balance(key, 1_000);
      assert.ok(spentNanoUsd + reservedNanoUsd <= budget, `${spentNanoUsd} + ${reservedNanoUsd} of ${budget}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const call = async ({ wanted, share, turns, handle }: Overlap["plan"][number], index: number): Promise<void> => {
    const id = `${key}/${index}`;
    const [grant] = await ledgers[handle]!.reserve([reservation(id, wanted, { key, leastNanoUsd: 1 })]);
    for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
    if (grant?.refusal === undefined) {
      const cost = Math.floor(grant!.grantedNanoUsd * share);
      spent += cost;
      await ledgers[1 - handle]!.settle([settlement(id, cost, { key })]);
    }
    running -= 1;
  };
  await Promise.all([watch(), ...plan.map(call)]);
  assert.deepEqual(await ledgers[0].balance(key, 1_000), { key, spentNanoUsd: spent, reservedNanoUsd: 0, periodStartMs: 0 });
}
