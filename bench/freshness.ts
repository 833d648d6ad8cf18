/**
 * Freshness under sustained ingestion: events at a fixed rate for a minute, three views' windows updated, while a prober
 * sends one event after another and reads its feature as soon as the event is acknowledged. Lag (appended minus applied)
 * is sampled the whole time.
 */
import { mkdir } from "node:fs/promises";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "strata";
import { createLatencyHistogram, failuresOf } from "strata/testing";
import type { Bench, BenchContext } from "./bench.ts";
import { describeFailures, measureLoad, warmUp } from "./load-measurement.ts";
import type { PlanFor } from "./load-measurement.ts";
import { eventBatch } from "./load/event-batch.ts";
import { openServerProcess } from "./servers/server-process.ts";
import type { ServerProcess } from "./servers/server-process.ts";

export const freshnessBench: Bench = {
  name: "freshness",
  title: "Freshness under sustained ingestion",
  configuration: [
    "Requests of 1,000 events of about 200 bytes (NDJSON) leave at a fixed rate, whether or not earlier ones were answered; each event is parsed, checked, deduplicated by id, synced to disk before its acknowledgement, and applied to windows of customers, items and pairs of both. The lake writes its Parquet files meanwhile.",
    "Lag is the events that are durable and not yet in a view, the most of three views, sampled four times a second. The prober sends a single event and, once it is acknowledged, reads the customer's count: the read must show it. \"visible\" is from the acknowledgement to that answer.",
  ],
  run: runFreshness,
};

const EVENTS_PER_REQUEST = 1_000;
/** The middle one is a little above the 50,000 that are promised, as an open load sends at most what it is told. */
const RATES = [25_000, 52_000, 60_000] as const;
/** Enough that a slow answer does not hold the rate back. */
const CONNECTIONS = 64;

async function runFreshness(context: BenchContext): Promise<void> {
  for (let run = 0; run < context.runs; run++) {
    for (const rate of context.isQuick ? RATES.slice(0, 2) : RATES) await measureRate(context, rate, run);
  }
}

async function measureRate(context: BenchContext, rate: number, run: number): Promise<void> {
  const dataDir = join(context.folder, `freshness-${rate}-${run}`);
  await mkdir(dataDir, { recursive: true });
  await using server = await openServerProcess({ script: "./platform-server.ts", args: ["events_with_views", dataDir] });
  const name = `${rate.toLocaleString("en-US")} events/s, 3 views`;
  const target = { server, generator: context.generator, settles: true, profile: context.profile(name) };
  const plan: PlanFor = {
    path: "/v1/streams/purchases/events", contentType: "application/x-ndjson", bodies: Array.from({ length: 16 }, (_, seed) => eventBatch({ events: EVENTS_PER_REQUEST, seed: seed + 1 })),
    connections: CONNECTIONS, arrivals: { kind: "open", perSecond: rate / EVENTS_PER_REQUEST, seed: run + 1, spacing: "even", connectionUse: "all" }, durationMs: context.seconds(60) * 1_000, timeoutMs: 30_000, mark: `"accepted":${EVENTS_PER_REQUEST},`,
  };
  context.say(`${name}: warming up`);
  await warmUp({ server, generator: context.generator, settles: true }, plan, context.isQuick ? 30 : 300);
  context.say(name);
  const stop = new AbortController();
  const lags: number[] = [];
  const visible = createLatencyHistogram();
  const watching = Promise.all([sampleLag(server, stop.signal, lags), probe(server, stop.signal, visible)]);
  const measured = await measureLoad(target, plan);
  stop.abort();
  const [, probes] = await watching;
  const { outcome, serverCpuMs, mainThreadCpuMs } = measured;
  const events = outcome.answered * EVENTS_PER_REQUEST;
  const add = (metric: string, unit: string, value: number): void => context.sheet.add(name, metric, unit, value);
  add("events/s", "", measured.perSecond * EVENTS_PER_REQUEST);
  add("acknowledged p50", "ms", outcome.latency.p50Ms);
  add("acknowledged p99", "ms", outcome.latency.p99Ms);
  add("visible p50", "ms", visible.quantile(0.5));
  add("visible p99", "ms", visible.quantile(0.99));
  add("probes", "", probes.sent);
  add("reads that missed an acknowledged event", "", probes.missed);
  lags.sort((a, b) => a - b);
  add("lag p50", "events", lags[Math.floor(lags.length / 2)] ?? 0);
  add("lag p99", "events", lags[Math.floor(lags.length * 0.99)] ?? 0);
  add("lag max", "events", lags.at(-1) ?? 0);
  add("server CPU", "µs/event", (serverCpuMs * 1_000) / events);
  add("of it main thread", "µs/event", (mainThreadCpuMs * 1_000) / events);
  add("failed", "", failuresOf(outcome) + outcome.unfinished);
  const failures = describeFailures(name, outcome);
  if (failures !== undefined) context.note(failures);
  if (probes.missed > 0) throw new Error(`${name}: ${probes.missed} of ${probes.sent} reads did not show an event that was acknowledged before`);
}

async function sampleLag(server: ServerProcess, signal: AbortSignal, lags: number[]): Promise<void> {
  while (!signal.aborted) {
    lags.push(await server.ask("lag", undefined, z.number()));
    await sleep(250, undefined, { signal }).catch(() => undefined);
  }
}

/** A customer of its own, so that its count is the number of its events. */
async function probe({ host, port }: ServerProcess, signal: AbortSignal, visible: ReturnType<typeof createLatencyHistogram>): Promise<{ readonly sent: number; readonly missed: number }> {
  const agent = new Agent({ keepAlive: true });
  const post = (path: string, body: string): Promise<string> => new Promise((resolve, reject) => {
    const outgoing = request({ host, port, path, method: "POST", agent, headers: { "content-type": "application/json" } }, (incoming) => {
      let text = "";
      incoming.setEncoding("utf8").on("data", (chunk: string) => { text += chunk; }).on("end", () => resolve(text)).on("error", reject);
    });
    outgoing.on("error", reject).end(body);
  });
  let sent = 0, missed = 0;
  const customer = `probe-${port}`;
  while (!signal.aborted) {
    const event = { id: `${customer}-${sent}`, at: new Date().toISOString(), customer, item: "i-probe", quantity: 1, price: 1, order: "o", country: "DE", channel: "web", page: "/" };
    const accepted = await post("/v1/streams/purchases/events", JSON.stringify(event));
    if (!accepted.includes('"accepted":1,')) throw new Error(`the probe's event was refused: ${accepted.slice(0, 300)}`);
    sent++;
    const acknowledgedMs = performance.now();
    const { rows } = JSON.parse(await post("/v1/features/customer_activity", JSON.stringify({ keys: [{ customer }] }))) as { readonly rows: readonly (readonly number[])[] };
    visible.record(performance.now() - acknowledgedMs);
    if (rows[0]![1] !== sent) missed++; // orders_1d
    await sleep(20, undefined, { signal }).catch(() => undefined);
  }
  agent.destroy();
  return { sent, missed };
}
