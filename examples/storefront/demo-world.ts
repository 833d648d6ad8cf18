/**
 * Where the demo's events come from: a simulated shop, or a file of real transactions. Both give history first,
 * then live visits one by one; only the simulated one can change its season.
 */
import { StrataError } from "strata";
import type { Random } from "strata/testing";
import { createShoppers } from "./shoppers.ts";
import type { Visit } from "./shoppers.ts";
import { readTransactions } from "./transactions-file.ts";
import type { PurchaseRow } from "./transactions-file.ts";

export interface EventBatch {
  readonly purchases: readonly PurchaseRow[];
  readonly clicks: readonly PurchaseRow[];
  /** Time of the last event. */
  readonly untilMs: number;
}

export interface LiveVisit {
  readonly customer: string | undefined;
  readonly atMs: number;
  /** Clicks just before anything is recommended. */
  readonly before: readonly PurchaseRow[];
  /** What happens after the visitor saw the recommended items. */
  readonly react: (recommended: readonly string[], decision: string | undefined) => { readonly purchases: readonly PurchaseRow[]; readonly clicks: readonly PurchaseRow[] };
}

export interface DemoWorld {
  readonly name: string;
  readonly startMs: number;
  history(onProgress: (share: number) => void): AsyncIterable<EventBatch>;
  /** The next visit, in order of time; undefined when there is none left. */
  nextVisit(): LiveVisit | undefined;
  /** Changes behaviour; undefined when the world cannot. */
  readonly shift: (() => void) | undefined;
  readonly catalogue: () => ReadonlyMap<string, { readonly item: string; readonly title: string; readonly price: number }>;
  readonly customers: () => readonly string[];
}

const DAY_MS = 86_400_000;
const HISTORY_DAYS = 45;
const VISITS_PER_DAY = 240;
/** From the first look to the recommendation. */
const BROWSING_MS = 60_000;

/** A seeded shop: 45 days of history without recommendations, then endless visits. */
export function simulatedWorld(random: Random, startMs: number): DemoWorld {
  const shoppers = createShoppers(random);
  const seen = new Set<string>();
  let order = 0;
  let liveMs = startMs + HISTORY_DAYS * DAY_MS;
  const events = (visit: Visit, recommended: readonly string[], { atMs, decision }: { readonly atMs: number; readonly decision: string | undefined }) => {
    const reaction = shoppers.react(visit, recommended);
    const at = new Date(atMs).toISOString();
    const link = decision === undefined ? {} : { decision };
    order += 1;
    seen.add(visit.customer);
    return {
      clicks: reaction.clicked.map((item) => ({ customer: visit.customer, item, at, ...link })),
      purchases: reaction.bought.map(({ item, quantity, price }, line) => ({
        line: `${order}-${line}`, order: `O${order}`, customer: visit.customer, item, title: shoppers.products.get(item)!.title, quantity, price, country: visit.country, at, ...link,
      })),
    };
  };
  const browse = (visit: Visit, atMs: number): readonly PurchaseRow[] =>
    visit.browsed.map((item, at) => ({ customer: visit.customer, item, at: new Date(atMs + at * 10_000).toISOString() }));
  const stepMs = DAY_MS / VISITS_PER_DAY;
  return {
    name: "a simulated shop", startMs,
    history: async function* (onProgress) {
      for (let day = 0; day < HISTORY_DAYS; day++) {
        const dayStartMs = startMs + day * DAY_MS;
        const visits = Array.from({ length: VISITS_PER_DAY }, (_, number) => {
          const visit = shoppers.visit();
          const atMs = Math.floor(dayStartMs + number * stepMs);
          const after = events(visit, [], { atMs: atMs + BROWSING_MS, decision: undefined });
          return { purchases: after.purchases, clicks: [...browse(visit, atMs), ...after.clicks] };
        });
        yield { purchases: visits.flatMap((visit) => visit.purchases), clicks: visits.flatMap((visit) => visit.clicks), untilMs: dayStartMs + DAY_MS - 1 };
        onProgress((day + 1) / HISTORY_DAYS);
      }
    },
    nextVisit: () => {
      const visit = shoppers.visit();
      const time = Math.floor(liveMs);
      liveMs += stepMs * (0.5 + random.next());
      return {
        customer: visit.customer, atMs: time + BROWSING_MS, before: browse(visit, time),
        react: (recommended, decision) => events(visit, recommended, { atMs: time + BROWSING_MS + 1_000, decision }),
      };
    },
    shift: () => shoppers.shift(),
    catalogue: () => shoppers.products,
    customers: () => [...seen],
  };
}

/** Share of the rows that are history; the rest is replayed live, basket by basket. */
const HISTORY_SHARE = 0.75;

/** Real transactions: the first three quarters of the file are history, the rest happens live. */
export async function transactionsWorld(path: string): Promise<DemoWorld> {
  const titles = new Map<string, { readonly item: string; readonly title: string; readonly price: number }>();
  const customers = new Set<string>();
  const rows: PurchaseRow[] = [];
  for await (const batch of readTransactions(path)) rows.push(...batch);
  if (rows.length === 0) throw new StrataError("FILE_INVALID", { path, format: "transactions", reason: "it has a header and nothing else" });
  const timeOf = (row: PurchaseRow): number => Date.parse(String(row["at"]));
  const cut = nextBasket(rows, Math.floor(rows.length * HISTORY_SHARE));
  for (const row of rows) {
    const [item, title, price, customer] = [String(row["item"]), row["title"], Number(row["price"]), row["customer"]];
    if (typeof title === "string" && price > 0) titles.set(item, { item, title, price });
    if (typeof customer === "string") customers.add(customer);
  }
  let next = cut;
  let lastMs = timeOf(rows[cut - 1]!);
  return {
    name: `real transactions (${path.split(/[/\\]/).at(-1)!})`, startMs: timeOf(rows[0]!),
    history: async function* (onProgress) {
      for (let start = 0; start < cut; start += 2_000) {
        const batch = rows.slice(start, Math.min(cut, start + 2_000));
        yield { purchases: batch, clicks: [], untilMs: timeOf(batch.at(-1)!) };
        onProgress(Math.min(1, (start + batch.length) / cut));
      }
    },
    nextVisit: () => {
      if (next >= rows.length) return undefined;
      const basket = rows.slice(next, nextBasket(rows, next));
      const customer = /^c/i.test(String(basket[0]!["order"])) ? undefined : basket[0]!["customer"]; // a cancellation is no visit
      next += basket.length;
      lastMs = Math.max(lastMs, timeOf(basket[0]!));
      return {
        customer: typeof customer === "string" ? customer : undefined, atMs: lastMs - 1, before: [],
        react: (_, decision) => ({ purchases: basket.map((row) => (decision === undefined ? row : { ...row, decision })), clicks: [] }),
      };
    },
    shift: undefined,
    catalogue: () => titles,
    customers: () => [...customers],
  };
}

/** First row after `start` that belongs to another order than the row at `start`. */
function nextBasket(rows: readonly PurchaseRow[], start: number): number {
  let end = start + 1;
  while (end < rows.length && rows[end]!["order"] === rows[start]!["order"]) end += 1;
  return end;
}
