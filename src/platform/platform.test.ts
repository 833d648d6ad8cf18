import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { z } from "zod";
import { count, defineApplication, defineEndpoint, defineEntity, defineFeatureView, defineModel, defineStream, eachEvent, gradientBoosting, labelValue, last, sum } from "../define/index.ts";
import type { Application } from "../define/index.ts";
import { createEventDecoder } from "../data/index.ts";
import { openEmbeddedEventLog } from "../engines/embedded/event-log.ts";
import { systemClock } from "../kernel/clock.ts";
import { createRandom } from "../kernel/random.ts";
import { PREDICTIONS_LOG } from "../serving/index.ts";
import type { PredictionEvent } from "../serving/index.ts";
import { loadConfig } from "./config.ts";
import { openPlatform } from "./platform.ts";
import type { Platform } from "./platform.ts";

const readings = defineStream("readings", { schema: z.object({ sensor: z.string(), value: z.number(), at: z.number() }), time: "at" });
const sensor = defineEntity("sensor");

/** `window` changes the view; `trees` the time that a training takes. */
function application({ window = "1h", trees = 10 }: { readonly window?: "1h" | "2h" | "3h"; readonly trees?: number } = {}): Application {
  const level = defineFeatureView("level", { entities: [sensor], from: readings, by: (e) => ({ sensor: e.sensor }), features: (e) => ({ value: last(e.value), readings: count().over(window), total: sum(e.value).over(window) }) });
  const model = defineModel("next", {
    features: [level], examples: eachEvent(readings, { keys: (e) => ({ sensor: e.sensor }) }), label: labelValue(readings, (e) => e.value),
    trainer: gradientBoosting({ objective: "regression", trees, leaves: 255, minChildSamples: 1, learningRate: 0.01, earlyStoppingRounds: 0 }),
  });
  return defineApplication("platform_test", [defineEndpoint("guess", { model, request: z.object({ sensor: z.string() }), keys: { sensor: "sensor" }, fallback: 3 })]);
}

async function folder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "strata-platform-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

function open(dataDir: string, definition: Application = application()): Promise<Platform> {
  const { config } = loadConfig({ environment: {}, flags: { dataDir, port: 0, listeners: 1, logLevel: "error", trainingThreads: 1 } });
  return openPlatform({ definition, config, runsControlLoop: false });
}

async function ingest({ ingestion }: Platform, rows: number): Promise<void> {
  const random = createRandom("platform");
  const nowMs = Date.now();
  const events = Array.from({ length: rows }, (_, at) => ({ row: { sensor: `s${random.integer(200)}`, value: random.normal(), at: nowMs - (rows - at) * 10 } }));
  assert.equal((await ingestion.ingestRows("readings", events, { backfill: true })).accepted, rows);
}

test("closing stops a training in progress, and its run says so", { timeout: 60_000 }, async () => {
  await using place = await folder();
  const definition = application({ trees: 5_000 });
  const platform = await open(place.path, definition);
  await ingest(platform, 20_000);
  const growing = Promise.withResolvers<void>();
  const training = platform.train("next", { onProgress: ({ stage }) => { if (stage === "trees") growing.resolve(); } });
  const outcome = training.then(() => "trained", (thrown: unknown) => thrown);
  await growing.promise;
  const startedAt = performance.now();
  await platform.close();
  assert.ok(performance.now() - startedAt < 10_000, "closing does not wait for thousands of trees");
  assert.notEqual(await outcome, "trained");

  await using again = await open(place.path, definition);
  const { runs } = await again.experiments.listRuns({ limit: 10 });
  assert.deepEqual(runs.map(({ status }) => status), ["cancelled"]);
});

/** The server-sent events of a training asked for over HTTP; the client leaves at the first event for which `leave` holds. */
async function followTraining({ url }: Platform, leave: (event: string) => boolean = () => false): Promise<readonly string[]> {
  const response = await fetch(`${url}/v1/models/next/train`, { method: "POST", body: JSON.stringify({ reason: "over HTTP" }) });
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  const events: string[] = [];
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of response.body!) {
    text += decoder.decode(chunk, { stream: true });
    const parts = text.split("\n\n");
    text = parts.pop()!;
    events.push(...parts);
    if (parts.some(leave)) break; // which hangs up
  }
  return events;
}

test("a training over HTTP tells its progress, then its result; one that cannot be ends with its error", async () => {
  await using place = await folder();
  await using platform = await open(place.path);
  const failed = await followTraining(platform);
  assert.match(failed.at(-1)!, /^event: error\ndata: \{"code":"TRAINING_DATA_INSUFFICIENT"/);
  await ingest(platform, 1_000);
  const events = await followTraining(platform);
  const shares = events.slice(0, -1).map((event) => (JSON.parse(/^event: progress\ndata: (.*)$/.exec(event)![1]!) as { readonly share: number }).share);
  assert.ok(shares.length > 5 && shares.every((share, at) => share >= (shares[at - 1] ?? 0) && share <= 1), shares.join(" "));
  const result = JSON.parse(/^event: result\ndata: (.*)$/.exec(events.at(-1)!)![1]!) as { readonly version: number; readonly rows: number };
  assert.deepEqual([result.version, result.rows], [1, 1_000]);
  const { runs } = await platform.experiments.listRuns({ limit: 10 });
  assert.deepEqual(runs.map(({ status, trigger }) => [status, trigger.reason]), [["finished", "over HTTP"], ["failed", "over HTTP"]]);
});

test("a client that leaves its training cancels it, and the next one can start", { timeout: 60_000 }, async () => {
  await using place = await folder();
  await using platform = await open(place.path, application({ trees: 5_000 }));
  await ingest(platform, 5_000);
  await followTraining(platform, (event) => event.includes("\"stage\":\"trees\""));
  await platform.control.idle();
  assert.deepEqual((await platform.experiments.listRuns({ limit: 10 })).runs.map(({ status }) => status), ["cancelled"]);
  assert.equal(platform.control.isTraining("next"), false);
  const { decisions } = await platform.decisions.list({ kind: "training", limit: 1 });
  assert.match(decisions[0]!.reason, /cancelled/);
});

test("the same data, definition and seed make the same trees, bit for bit", async () => {
  await using place = await folder();
  await using platform = await open(place.path);
  await ingest(platform, 3_000);
  const [first, second] = [await platform.train("next"), await platform.train("next")];
  const [a, b] = await Promise.all([first, second].map(({ version }) => platform.registry.version("next", version)));
  assert.notEqual(a!.run, b!.run);
  assert.deepEqual([a!.artifacts["trees"], a!.artifacts["profile"], a!.metrics], [b!.artifacts["trees"], b!.artifacts["profile"], b!.metrics]);
  assert.equal(first.quality.find(({ metric, name }) => metric === "rmse" && name === "this version")?.value, second.quality.find(({ metric, name }) => metric === "rmse" && name === "this version")?.value);
});

test("every answer is one event in the log, with the decision id that the caller was given", async () => {
  await using place = await folder();
  const decisions: string[] = [];
  {
    await using platform = await open(place.path);
    await ingest(platform, 10);
    const answers = await Promise.all(Array.from({ length: 200 }, (_, at) => platform.endpoints.answer("guess", { sensor: `s${at % 7}` })));
    decisions.push(...answers.map(({ decision }) => decision));
  }
  assert.equal(new Set(decisions).size, 200);
  await using log = await openEmbeddedEventLog({ folder: join(place.path, "log"), clock: systemClock });
  const decoder = createEventDecoder({ streams: () => new Map() });
  const stored: PredictionEvent[] = [];
  for await (const batch of log.read(PREDICTIONS_LOG, { from: { offset: 0 } })) stored.push(...decoder.decode(PREDICTIONS_LOG, batch).rows as unknown as PredictionEvent[]);
  assert.deepEqual(stored.map(({ decision }) => decision).toSorted(), decisions.toSorted());
  assert.ok(stored.every(({ variant, outputs, fallbackReason }) => variant === "fallback" && outputs?.[0] === 3 && fallbackReason?.includes("no version")));
});

test("definitions applied at once are applied one after another: the last one is in force, whole", async () => {
  await using place = await folder();
  await using platform = await open(place.path);
  await ingest(platform, 5_000);
  const changes = await Promise.all([platform.apply(application({ window: "2h" })), platform.apply(application({ window: "3h" })), platform.apply(application({ window: "3h" }))]);
  assert.deepEqual(changes.map((one) => one.length), [1, 1, 0]);
  assert.deepEqual(platform.features.statistics().map(({ view, rebuild, events }) => [view, rebuild, events > 0]), [["level", undefined, true]]);
  const applied = (await platform.decisions.list({ kind: "definition", limit: 10 })).decisions;
  assert.equal(applied.length, 2);
  const [row] = platform.features.read({ view: "level", keys: [["s1"]], atMs: Date.now() });
  assert.equal(typeof row?.[1], "number");
});

test("closing twice is closing once, and a closed platform says so", async () => {
  await using place = await folder();
  const platform = await open(place.path);
  await Promise.all([platform.close(), platform.close()]);
  await platform.close();
  await assert.rejects(platform.ingestion.ingestRows("readings", [{ row: { sensor: "s", value: 1, at: Date.now() } }]), { code: "CLOSED" });
  await using _again = await open(place.path);
});
