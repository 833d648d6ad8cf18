/** Test material: an application with derived streams of every kind, run on a disk in memory that can be killed at any change. */
import { z } from "zod";
import { count, defineApplication, defineEntity, defineFeatureView, defineStream, deriveStream, joinStreams, last, sessionStream, sum } from "../../define/index.ts";
import type { Application } from "../../define/index.ts";
import { openEmbeddedEventLog } from "../../engines/embedded/event-log.ts";
import { openEmbeddedStateStore } from "../../engines/embedded/state-store.ts";
import type { Files } from "../../engines/embedded/files.ts";
import { createManualClock, type ManualClock } from "../../kernel/clock.ts";
import { createIdSource } from "../../kernel/ids.ts";
import { createRandom } from "../../kernel/random.ts";
import type { EventLog, LogRecord } from "../../ports/event-log.ts";
import { silentLogger, silentMeter, type Logger } from "../../ports/telemetry.ts";
import { createIngestion, type Ingestion } from "../ingestion/ingestion.ts";
import { createEventDecoder } from "../streams/event-decoder.ts";
import { createDerivationEngine, type DerivationEngine } from "./derivation-engine.ts";

const watermark = { delay: "2s", idleAfter: "10s" } as const;
const clicks = defineStream("clicks", { schema: z.object({ customer: z.string(), page: z.string(), at: z.number() }), time: "at", watermark });
const buys = defineStream("buys", { schema: z.object({ customer: z.string(), price: z.number(), at: z.number() }), time: "at", watermark });
const customer = defineEntity("customer");
const interest = defineFeatureView("interest", {
  entities: [customer], from: clicks, by: (e) => ({ customer: e.customer }), features: (e) => ({ clicks_5s: count().over("5s"), page: last(e.page) }),
});
const spending = defineFeatureView("spending", { entities: [customer], from: buys, by: (e) => ({ customer: e.customer }), features: (e) => ({ spent: sum(e.price) }) });

export const bigBuys = deriveStream("big_buys", {
  from: buys, enrich: [spending], schema: z.object({ customer: z.string(), cents: z.number().int(), spent_before: z.number() }),
  where: (e) => e.price.atLeast(10), map: (e, f) => ({ customer: e.customer, cents: e.price.times(100), spent_before: f.spending.spent }),
});
const informed = deriveStream("informed_buys", {
  from: buys, enrich: [interest, spending], schema: z.object({ customer: z.string(), clicks: z.number().optional(), page: z.string().optional(), spent: z.number().optional() }),
  map: (e, f) => ({ customer: e.customer, clicks: f.interest.clicks_5s, page: f.interest.page, spent: f.spending.spent }),
});
const pairs = joinStreams("pairs", {
  left: buys, right: clicks, kind: "left", within: { before: "3s" }, by: (b, c) => [b.customer, c.customer],
  schema: z.object({ price: z.number(), page: z.string().optional() }), map: (b, c) => ({ price: b.price, page: c.page }),
});
export const visits = sessionStream("visits", {
  from: clicks, gap: "1s", by: (e) => ({ customer: e.customer }), values: (e, s) => ({ clicks: s.count(), first_page: s.first(e.page) }),
  schema: z.object({ customer: z.string(), started_at: z.string(), ended_at: z.string(), clicks: z.number(), first_page: z.string() }),
});
const longVisits = deriveStream("long_visits", { from: visits, where: (e) => e.clicks.atLeast(2) });

export const DERIVED = ["big_buys", "informed_buys", "pairs", "visits", "long_visits"] as const;
export const shop: Application = defineApplication("shop", [bigBuys, informed, pairs, longVisits]);

export interface DerivationKit extends AsyncDisposable {
  readonly clock: ManualClock;
  readonly log: EventLog;
  readonly ingestion: Ingestion;
  readonly engine: DerivationEngine;
  /** Appends the events of the plan from where the log stands, a few at a time. */
  feed(plan: Plan, untilShare?: number): Promise<void>;
  records(stream: string): Promise<readonly LogRecord[]>;
}

export interface Plan {
  readonly steps: readonly { readonly stream: "clicks" | "buys"; readonly count: number; readonly waitMs: number }[];
  readonly rows: { readonly clicks: readonly Row[]; readonly buys: readonly Row[] };
}

interface Row { readonly customer: string; readonly at: number }

/** Event times wander around the clock: some out of order, some late; some amounts are no whole cents, which the schema of big_buys refuses. */
export function planOf(seed: string, steps: number): Plan {
  const random = createRandom(seed);
  const rows: { clicks: Row[]; buys: Row[] } = { clicks: [], buys: [] };
  let nowMs = START_MS;
  return {
    rows,
    steps: Array.from({ length: steps }, () => {
      const stream = random.next() < 0.6 ? "clicks" : "buys";
      const count = 1 + random.integer(4);
      const waitMs = random.next() < 0.06 ? 15_000 : random.integer(900);
      nowMs += waitMs;
      for (let n = 0; n < count; n++) {
        const at = nowMs - random.integer(random.next() < 0.05 ? 20_000 : 1_500);
        const who = `c${random.integer(3)}`;
        if (stream === "clicks") rows.clicks.push({ customer: who, at, page: `p${random.integer(4)}` } as Row);
        else rows.buys.push({ customer: who, at, price: random.integer(2_000) / (random.next() < 0.2 ? 300 : 100) } as Row);
      }
      return { stream, count, waitMs };
    }),
  };
}

export const START_MS = Date.UTC(2026, 0, 10);

export interface KitOptions {
  /** A disk of its own for checkpoints: a new one makes the derivations start from the beginning. */
  readonly stateFiles?: Files;
  readonly application?: Application;
  readonly checkpointEvents?: number;
  readonly logger?: Logger;
}

export async function openDerivationKit(files: Files, { stateFiles = files, application = shop, checkpointEvents = 7, logger = silentLogger }: KitOptions = {}): Promise<DerivationKit> {
  const clock = createManualClock(START_MS);
  const log = await openEmbeddedEventLog({ folder: "/log", clock, files, segmentBytes: 4_096, tailBytes: 2_048 });
  const states = await openEmbeddedStateStore({ folder: "/state", files: stateFiles });
  const streams = () => application.streams;
  const decoder = createEventDecoder({ streams });
  const ingestion = createIngestion({ log, decoder, clock, streams, ids: createIdSource(clock, createRandom("ids").next), meter: silentMeter, logger });
  await ingestion.start(new AbortController().signal);
  const engine = createDerivationEngine({ application: () => application, log, decoder, states, clock, logger, store: ingestion.storeDerived, checkpointEvents });
  return {
    clock, log, ingestion, engine,
    feed: async ({ steps, rows }, untilShare = 1) => {
      const at = { clicks: log.statistics("clicks").nextOffset, buys: log.statistics("buys").nextOffset };
      const seen = { clicks: 0, buys: 0 };
      for (const { stream, count: size, waitMs } of steps.slice(0, Math.floor(steps.length * untilShare))) {
        clock.advance(waitMs);
        const from = Math.max(seen[stream], at[stream]), to = seen[stream] = seen[stream] + size;
        if (from < to) await ingestion.ingestRows(stream, rows[stream].slice(from, to).map((row) => ({ row })));
        if (waitMs > 10_000) await engine.fresh(DERIVED); // then it is silence that moves the watermarks
        await Promise.resolve();
      }
    },
    records: async (stream) => {
      const found: LogRecord[] = [];
      for await (const batch of log.read(stream, { from: { offset: log.statistics(stream).oldestOffset } })) found.push(...batch.records);
      return found;
    },
    [Symbol.asyncDispose]: async () => {
      await engine.stop();
      await ingestion.stop(1_000);
      await log.close();
    },
  };
}
