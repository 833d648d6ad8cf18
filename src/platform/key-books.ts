/**
 * What the overview shows of the ledger: today's cost by language model, and the keys that spent most. Read at most every two
 * seconds, and only while somebody looks; the ledger answers from usage by the hour, so a day is 24 rows per key and model.
 */
import type { Clock } from "../kernel/clock.ts";
import type { BudgetLedger, UsageRow, VirtualKeyRecord } from "../ports/budget-ledger.ts";
import type { KeyOverview } from "../protocols/admin/overview.ts";
import { sumOf } from "./telemetry-series.ts";
import { createTotalsHistory } from "./totals-history.ts";
import type { TotalsHistory } from "./totals-history.ts";

export interface KeyBooksReading {
  /** Today, by language model. */
  readonly models: ReadonlyMap<string, { readonly costNanoUsd: number; readonly cached: number }>;
  readonly keys: readonly KeyOverview[];
  readonly otherKeys: number;
}

export interface KeyBooks {
  read(): Promise<KeyBooksReading>;
}

export interface KeyBooksOptions {
  readonly ledger: Pick<BudgetLedger, "keys" | "balance" | "usage">;
  readonly clock: Clock;
}

const READ_EVERY_MS = 2_000;
const DAY_MS = 86_400_000;
/** As many as stand in a picture that can still be read; each costs the ledger one look-up. */
const SHOWN_KEYS = 12;
const NANO = 1e9;

export function createKeyBooks({ ledger, clock }: KeyBooksOptions): KeyBooks {
  const history = createTotalsHistory();
  let readAtMs = Number.NEGATIVE_INFINITY;
  let reading: Promise<KeyBooksReading> | undefined;
  return {
    read: () => {
      if (reading !== undefined && clock.monotonicMs() - readAtMs < READ_EVERY_MS) return reading;
      readAtMs = clock.monotonicMs();
      reading = readBooks({ ledger, clock }, history);
      reading.catch(() => { reading = undefined; }); // told to whoever asked; the next one tries again
      return reading;
    },
  };
}

async function readBooks({ ledger, clock }: KeyBooksOptions, history: TotalsHistory): Promise<KeyBooksReading> {
  const nowMs = Math.floor(clock.now());
  const [records, usage] = await Promise.all([ledger.keys(), ledger.usage({ fromMs: nowMs - (nowMs % DAY_MS), groupBy: ["key", "model", "outcome"] })]);
  const byModel = Map.groupBy(usage, ({ group }) => group["model"] ?? "");
  const byKey = Map.groupBy(usage, ({ group }) => group["key"] ?? "");
  const pairs = Map.groupBy(usage, ({ group }) => pairOf(group["key"] ?? "", group["model"] ?? ""));
  history.sample(nowMs, new Map(Array.from(pairs, ([pair, rows]) => [pair, [sumOf(rows, ({ calls }) => calls)]])));
  const known = new Set(records.map(({ id }) => id));
  // Calls without a key are booked on a name of their own, which no record has.
  const unknown = [...byKey.keys()].filter((id) => !known.has(id)).map((id): ShownKey => ({ id, name: id, tenant: "", isRevoked: false, budgetNanoUsd: undefined, periodMs: undefined, requestsPerMinute: undefined, tokensPerMinute: undefined, expiresAtMs: undefined }));
  const costOf = ({ id }: ShownKey): number => sumOf(byKey.get(id) ?? [], ({ costNanoUsd }) => costNanoUsd);
  const all: readonly ShownKey[] = [...records, ...unknown];
  const shown = all.toSorted((a, b) => Number(a.isRevoked) - Number(b.isRevoked) || costOf(b) - costOf(a)).slice(0, SHOWN_KEYS);
  return {
    models: new Map(Array.from(byModel, ([model, rows]) => [model, { costNanoUsd: sumOf(rows, ({ costNanoUsd }) => costNanoUsd), cached: sumOf(rows.filter(({ group }) => group["outcome"] === "cached"), ({ calls }) => calls) }])),
    keys: await Promise.all(shown.map((key) => keyOverview(key, { ledger, nowMs, usage: byKey.get(key.id) ?? [], history }))),
    otherKeys: all.length - shown.length,
  };
}

const pairOf = (key: string, model: string): string => `${key}\n${model}`;

/** What is shown of a record: the digest of its secret is not among it. */
type ShownKey = Pick<VirtualKeyRecord, "id" | "name" | "tenant" | "isRevoked" | "budgetNanoUsd" | "periodMs" | "requestsPerMinute" | "tokensPerMinute" | "expiresAtMs">;

interface KeyParts {
  readonly ledger: Pick<BudgetLedger, "balance">;
  readonly nowMs: number;
  readonly usage: readonly UsageRow[];
  readonly history: TotalsHistory;
}

async function keyOverview(key: ShownKey, { ledger, nowMs, usage, history }: KeyParts): Promise<KeyOverview> {
  const { id, name, tenant, isRevoked, budgetNanoUsd, periodMs, requestsPerMinute, tokensPerMinute, expiresAtMs } = key;
  const balance = budgetNanoUsd === undefined ? undefined : await ledger.balance(id, nowMs);
  const calls = Array.from(Map.groupBy(usage, ({ group }) => group["model"] ?? ""), ([model, rows]) => ({ model, today: sumOf(rows, (row) => row.calls), perSecond: history.perSecond(pairOf(id, model), 0) }));
  return {
    id, name, tenant, state: isRevoked ? "revoked" : expiresAtMs !== undefined && expiresAtMs <= nowMs ? "expired" : "active",
    spentUsd: (balance?.spentNanoUsd ?? sumOf(usage, ({ costNanoUsd }) => costNanoUsd)) / NANO, reservedUsd: (balance?.reservedNanoUsd ?? 0) / NANO,
    ...(budgetNanoUsd !== undefined && { budgetUsd: budgetNanoUsd / NANO }), ...(periodMs !== undefined && { periodMs }),
    ...(requestsPerMinute !== undefined && { requestsPerMinute }), ...(tokensPerMinute !== undefined && { tokensPerMinute }), calls,
  };
}
