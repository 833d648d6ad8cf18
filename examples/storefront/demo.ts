/**
 * The main job, start to finish: history comes in, a ranker is trained and judged, shoppers are served, behaviour
 * changes, drift is noticed, a challenger is trained, tried and promoted or rejected, and every answer is audited.
 */
import { createRandom, createReplayClock, loadConfig, openPlatform } from "strata/testing";
import type { Platform } from "strata/testing";
import application from "./app.ts";
import type { DemoWorld } from "./demo-world.ts";
import { simulatedWorld, transactionsWorld } from "./demo-world.ts";
import { serveLive } from "./demo-live.ts";
import type { LiveResult } from "./demo-live.ts";
import { brief } from "./brief.ts";
import { openShop } from "./shop.ts";
import type { Shop } from "./shop.ts";

/** How the demo tells what it does; the command line draws it. */
export interface DemoReporter {
  section(title: string): void;
  say(text: string): void;
  /** Progress of something long: `update` with a share from 0 to 1, then `finish` with what came out. */
  progress(label: string): { update(share: number, detail?: string): void; finish(summary: string): void };
}

export interface DemoOptions {
  /** A file of real transactions instead of the simulated shop. */
  readonly data?: string;
  readonly dataDir: string;
  readonly port: number;
  readonly seed: number;
  readonly report: DemoReporter;
  readonly signal: AbortSignal;
  /** Most live visits. */
  readonly visits?: number;
}

export interface DemoSummary {
  readonly rows: readonly (readonly [what: string, result: string])[];
  readonly ok: boolean;
  /** What went wrong, when not ok. */
  readonly problems: readonly string[];
}

export interface RunningDemo extends AsyncDisposable {
  readonly summary: DemoSummary;
  readonly consoleUrl: string;
  readonly shopUrl: string;
  /** Goes on serving shoppers, slowly, until the signal fires. */
  continue(): Promise<void>;
}

const SIMULATED_START_MS = Date.UTC(2026, 0, 5);
const PURCHASES = "purchases";

export async function runDemo(options: DemoOptions): Promise<RunningDemo> {
  const { report, signal } = options;
  await using stack = new AsyncDisposableStack();
  const random = createRandom(options.seed);
  const world = options.data === undefined ? simulatedWorld(random.fork("shop"), SIMULATED_START_MS) : await transactionsWorld(options.data);
  const clock = createReplayClock(world.startMs);
  const { config } = loadConfig({ environment: {}, flags: { dataDir: options.dataDir, port: options.port, logLevel: "warn" } });
  const startedAtMs = clock.monotonicMs();
  const platform = stack.use(await openPlatform({ definition: application, config, clock, runsControlLoop: false }));
  const shop = stack.use(await openShop({ strataUrl: platform.url, products: world.catalogue(), customers: world.customers, now: () => clock.now() }));
  report.say(`Strata is up in ${seconds(clock.monotonicMs() - startedAtMs)}. Console: ${platform.url}  Shop: ${shop.url}`);

  report.section(`History: ${world.name}`);
  const imported = await importHistory(platform, world, { report, setTime: (timeMs) => clock.set(timeMs), signal });

  report.section("Embedding: items that are bought with the same things come near each other");
  await learnVectors(platform, { report, signal });

  report.section("Training: features as they were known, never later");
  const trained = await train(platform, { report, signal });

  report.section(world.shift ? "Live: shoppers come, then the season changes" : "Live: real baskets, one by one");
  const live = await serveLive({ platform, world, clock, report, signal, maxVisits: options.visits ?? Number.POSITIVE_INFINITY });

  report.section("Audit: every sampled answer is recomputed from the lake");
  const auditing = report.progress("recomputing logged answers offline");
  const audit = await platform.audit({ limit: 200_000, signal });
  auditing.finish(`${count(audit.rows)} rows, ${count(audit.checked)} values recomputed: ${audit.mismatches} mismatches`);

  const summary = await summarise(platform, { imported, trained, live, audit });
  const owned = stack.move();
  return {
    summary, consoleUrl: platform.url, shopUrl: shop.url,
    continue: () => keepServing({ platform, world, clock, report, signal }, shop),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

interface Imported {
  readonly accepted: number;
  readonly duplicates: number;
  readonly rejected: number;
  readonly rows: number;
  readonly elapsedMs: number;
}

interface ImportContext {
  readonly report: DemoReporter;
  readonly setTime: (timeMs: number) => void;
  readonly signal: AbortSignal;
}

async function importHistory(platform: Platform, world: DemoWorld, { report, setTime, signal }: ImportContext): Promise<Imported> {
  const bar = report.progress("importing events");
  const startedAtMs = platform.clock.monotonicMs();
  const total = { accepted: 0, duplicates: 0, rejected: 0, rows: 0 };
  for await (const batch of world.history((share) => bar.update(share, `${count(total.rows)} events`))) {
    signal.throwIfAborted();
    setTime(batch.untilMs);
    for (const [stream, rows] of [[PURCHASES, batch.purchases], ["clicks", batch.clicks]] as const) {
      const result = await platform.ingestion.ingestRows(stream, rows.map((row) => ({ row })), { backfill: true });
      total.accepted += result.accepted;
      total.duplicates += result.duplicates;
      total.rejected += result.rejected;
      total.rows += rows.length;
    }
  }
  await platform.features.fresh([PURCHASES, "clicks"]);
  const elapsedMs = platform.clock.monotonicMs() - startedAtMs;
  bar.finish(`${count(total.rows)} events in ${seconds(elapsedMs)} (${count(Math.round(total.rows / (elapsedMs / 1000)))}/s), durable and in features`);
  const letters = Object.entries(await platform.ingestion.deadLetterCounts(PURCHASES)).map(([reason, number]) => `${reason} ${count(number)}`);
  report.say(`accepted ${count(total.accepted)}, duplicates ${count(total.duplicates)}, dead letters ${count(total.rejected)}${letters.length > 0 ? `: ${letters.join(", ")}` : ""}`);
  return { ...total, elapsedMs };
}

/** As `strata vectors train item_vectors` does; until then nothing is near anything. */
async function learnVectors({ url }: Platform, { report, signal }: { readonly report: DemoReporter; readonly signal: AbortSignal }): Promise<void> {
  const bar = report.progress("learning item vectors");
  const answer = await fetch(`${url}/v1/vectors/item_vectors/train`, { method: "POST", signal });
  if (!answer.ok) throw new Error(`The item vectors could not be learned: ${await answer.text()}`);
  const { items, baskets, pairs } = await answer.json() as { readonly items: number; readonly baskets: number; readonly pairs: number };
  bar.finish(`${count(items)} items from ${count(pairs)} pairs in ${count(baskets)} orders`);
}

type Trained = Awaited<ReturnType<Platform["train"]>>;

async function train(platform: Platform, { report, signal }: { readonly report: DemoReporter; readonly signal: AbortSignal }): Promise<Trained> {
  const bar = report.progress("training the ranker");
  const trained = await platform.train("ranker", { reason: "the first training", signal, onProgress: ({ share, stage, detail }) => bar.update(share, detail === "" ? stage : `${stage}, ${detail}`) });
  bar.finish(`version ${trained.version}: ${count(trained.rows)} rows in ${count(trained.groups)} baskets, ${seconds(trained.elapsedMs)}`);
  for (const entry of trained.quality) report.say(qualityLine(entry));
  for (const gate of trained.gates) report.say(`gate ${gate.passed ? "passed" : "FAILED"}: ${gate.reason}`);
  return trained;
}

interface Recommended {
  readonly shown: number;
  /** Shown although only nearness by embedding brought them. */
  readonly similar: number;
}

function countRecommended(platform: Platform): Recommended {
  const of = (source: string): number => sumOf(platform, "strata_recommended_items_total", { source });
  return { shown: of("candidates") + of("similar"), similar: of("similar") };
}

function sumOf(platform: Platform, counter: string, wanted: Readonly<Record<string, string>>): number {
  const found = platform.telemetry.snapshot().instruments.find(({ name }) => name === counter);
  return (found?.kind === "counter" ? found.series : []).filter(({ labels }) => Object.entries(wanted).every(([name, value]) => labels[name] === value)).reduce((sum, { value }) => sum + value, 0);
}

/** What became of every event of the shop's two streams, as ingestion counted. */
function countIngested(platform: Platform): { readonly total: number; readonly accepted: number; readonly duplicate: number; readonly rejected: number } {
  const of = (result: string): number => sumOf(platform, "strata_ingest_events_total", { result });
  const [accepted, duplicate, rejected] = [of("accepted"), of("duplicate"), of("rejected")];
  return { total: accepted + duplicate + rejected, accepted, duplicate, rejected };
}

/** e.g. "ndcg@10  most popular  0.0466  (95 % 0.0335 … 0.0640)  the ranker leads by 0.316 (0.281 … 0.352)" */
function qualityLine({ metric, name, value, low, high, lead }: Trained["quality"][number]): string {
  const interval = low === undefined || high === undefined ? "" : `  (95 % ${low.toFixed(4)} … ${high.toFixed(4)})`;
  const behind = lead === undefined ? "" : `  the ranker leads by ${lead.difference.toFixed(4)} (${lead.low.toFixed(4)} … ${lead.high.toFixed(4)})`;
  return `${metric.padEnd(10)} ${nameOf(name).padEnd(16)} ${value.toFixed(4)}${interval}${behind}`;
}

const NAMES: Readonly<Record<string, string>> = { "this version": "the ranker", together: "item to item", popularity: "most popular", repeats: "repeat purchase" };
const nameOf = (name: string): string => NAMES[name] ?? name;

interface Results {
  readonly imported: Imported;
  readonly trained: Trained;
  readonly live: LiveResult;
  readonly audit: Awaited<ReturnType<Platform["audit"]>>;
}

async function summarise(platform: Platform, { imported, trained, live, audit }: Results): Promise<DemoSummary> {
  const overview = await platform.overview();
  const endpoint = overview.endpoints[0]!;
  const model = overview.models[0]!;
  const letters = Object.entries(overview.streams.find((stream) => stream.name === PURCHASES)!.deadLetters).map(([reason, number]) => `${reason} ${count(number)}`).join(", ");
  const counted = countIngested(platform);
  const recommended = countRecommended(platform);
  const features = overview.featureViews.reduce((sum, view) => sum + view.features.length, 0);
  const verdicts = live.rolloutVerdicts.length === 0 ? "no challenger came to trial" : live.rolloutVerdicts.map(brief).join("; ");
  const drift = live.driftReasons.length === 0 ? "none" : `${live.driftReasons.length} alerts; the last: ${brief(live.driftReasons.at(-1)!)}`;
  const ranker = trained.quality.filter((entry) => entry.metric === "ndcg@10").map(({ name, value }) => `${nameOf(name)} ${value.toFixed(3)}`).join(", ");
  const problems = [
    ...(audit.mismatches > 0 ? [`${audit.mismatches} audited values differ between online and offline`] : []),
    ...(imported.accepted + imported.duplicates + imported.rejected === imported.rows ? [] : ["not every imported row is accounted for"]),
    ...(trained.passed ? [] : ["the first model did not pass its gates"]),
    ...(live.failed > 0 ? [`${live.failed} live requests failed`] : []),
  ];
  return {
    ok: problems.length === 0, problems,
    rows: [
      ["events", `${count(counted.total)} sent = ${count(counted.accepted)} stored + ${count(counted.duplicate)} duplicates + ${count(counted.rejected)} dead letters${letters === "" ? "" : ` (${letters})`}`],
      ["features", `${features} windowed features in ${overview.featureViews.length} views over ${count(overview.featureViews.reduce((sum, view) => sum + view.entityCount, 0))} entities; the model reads ${model.featureCount}`],
      ["training rows", `${count(trained.rows)} candidates in ${count(trained.groups)} baskets, split by time`],
      ["NDCG@10", ranker],
      ["served", `${count(endpoint.requests)} answers, p50 ${endpoint.latencyMs.p50.toFixed(1)} ms, p99 ${endpoint.latencyMs.p99.toFixed(1)} ms, ${(endpoint.fallbackShare * 100).toFixed(2)} % by the fallback`],
      ["similar by embedding", `${count(recommended.similar)} of ${count(recommended.shown)} shown recommendations (${((recommended.similar / Math.max(1, recommended.shown)) * 100).toFixed(2)} %) came from it alone`],
      ["online = offline", `${count(audit.rows)} answered rows (${count(audit.checked)} values) recomputed: ${audit.mismatches} mismatches`],
      ["drift it met", drift],
      ["why it retrained", live.retrainReasons.length === 0 ? "it did not" : `${live.retrainReasons.length} times; the last: ${brief(live.retrainReasons.at(-1)!)}`],
      ["the canary's verdict", verdicts],
      ["live now", `${model.name} version ${model.aliases.champion ?? "none"}${model.aliases.previous === undefined ? "" : `, before it ${model.aliases.previous}`}${model.aliases.challenger === undefined ? "" : `, on trial ${model.aliases.challenger}`}`],
    ],
  };
}

async function keepServing(context: Omit<Parameters<typeof serveLive>[0], "maxVisits">, shop: Shop): Promise<void> {
  context.report.say(`Shoppers keep coming. Console: ${context.platform.url}  Shop: ${shop.url}  Stop with Ctrl-C.`);
  await serveLive({ ...context, maxVisits: Number.POSITIVE_INFINITY, pauseMs: 250, isEndless: true });
}

export const count = (value: number): string => value.toLocaleString("en-US");
export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
