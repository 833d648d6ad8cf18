/**
 * Parcels: which arrive broken? A complaint tells, but only later: it happens after the parcel was sent, and notes
 * about the packing, although older than the sending, are typed in after it. Neither may teach the model anything.
 * The same events joined without regard to time teach it everything.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { count, defineApplication, defineEntity, defineFeatureView, defineModel, defineStream, eachEvent, gate, gradientBoosting, labelValue, last, z } from "strata";
import { createRandom, createReplayClock, createTreeScorer, trainGradientBoosting } from "strata/testing";
import type { Platform } from "strata/testing";
import { openTestPlatform, temporaryFolder } from "./platform-kit.ts";

const schema = z.object({ id: z.string(), parcel: z.string(), grams: z.number(), broken: z.boolean(), at: z.number() });
const about = z.object({ id: z.string(), parcel: z.string(), at: z.number() });
const weighings = defineStream("weighings", { schema: about.extend({ grams: z.number() }), time: "at", id: "id" });
const sendings = defineStream("sendings", { schema, time: "at", id: "id" });
const complaints = defineStream("complaints", { schema: about, time: "at", id: "id" });
const notes = defineStream("notes", { schema: about, time: "at", id: "id" });

const parcel = defineEntity("parcel");
const weight = defineFeatureView("weight", { entities: [parcel], from: weighings, by: (e) => ({ parcel: e.parcel }), features: (e) => ({ grams: last(e.grams) }) });
const complained = defineFeatureView("complained", { entities: [parcel], from: complaints, by: (e) => ({ parcel: e.parcel }), features: () => ({ complaints: count() }) });
const noted = defineFeatureView("noted", { entities: [parcel], from: notes, by: (e) => ({ parcel: e.parcel }), features: () => ({ notes: count() }) });

const TREES = { objective: "binary", trees: 20, learningRate: 0.3, leaves: 8, minChildSamples: 10 } as const;

const breakage = defineModel("breakage", {
  features: [weight, complained, noted],
  examples: eachEvent(sendings, { keys: (e) => ({ parcel: e.parcel }) }), label: labelValue(sendings, (e) => e.broken),
  trainer: gradientBoosting({ ...TREES, seed: 5 }),
  gates: [gate("auc", { min: 0.7 })],
});

interface Parcel {
  readonly parcel: string;
  readonly grams: number;
  readonly broken: boolean;
  readonly at: number;
}

const PARCELS = 1_200;
const MINUTE_MS = 60_000;
const START_MS = Date.UTC(2026, 1, 2);

/** Breaking is a matter of chance: weight says nothing. */
function parcels(): readonly Parcel[] {
  const random = createRandom("parcels");
  return Array.from({ length: PARCELS }, (_, number) => ({
    parcel: `p${number}`, grams: 100 + random.integer(900), broken: random.next() < 0.5, at: START_MS + number * 10 * MINUTE_MS,
  }));
}

test("what was known only later gives no lift through the point-in-time join, and all of it without", { timeout: 60_000 }, async () => {
  await using folder = await temporaryFolder();
  const clock = createReplayClock(START_MS);
  await using platform = await openTestPlatform(defineApplication("parcels", [breakage]), { dataDir: folder.path, clock });
  const all = parcels();
  const broken = all.filter((one) => one.broken);
  await ingest(platform, "weighings", all.map(({ parcel: id, grams, at }) => ({ id: `w-${id}`, parcel: id, grams, at: at - 5 * MINUTE_MS })), true);
  await ingest(platform, "sendings", all.map((one) => ({ id: `s-${one.parcel}`, ...one })), true);
  await ingest(platform, "complaints", broken.map(({ parcel: id, at }) => ({ id: `c-${id}`, parcel: id, at: at + MINUTE_MS })), true);
  clock.set(all.at(-1)!.at + 60 * MINUTE_MS);
  await ingest(platform, "notes", broken.map(({ parcel: id, at }) => ({ id: `n-${id}`, parcel: id, at: at - MINUTE_MS })), false); // older than the sending, told today

  const report = await platform.train("breakage");
  const auc = report.quality.find(({ metric, name }) => metric === "auc" && name === "this version")!.value;
  assert.ok(Math.abs(auc - 0.5) < 0.12, `an AUC of ${auc} from chance alone`);
  assert.equal(report.passed, false);
  const { importances } = (await platform.experiments.run(report.run)).parameters as { readonly importances: Readonly<Record<string, number>> };
  assert.deepEqual([importances["complained.complaints"] ?? 0, importances["noted.notes"] ?? 0], [0, 0], "nothing was split on what was not known");

  const online = platform.features.read({ view: "complained", keys: all.map((one) => [one.parcel]), atMs: clock.now() });
  assert.equal(online.filter(([complaints]) => complaints === 1).length, broken.length, "today everything is known");
  for (const [leak, values] of [["complaints", online], ["notes", platform.features.read({ view: "noted", keys: all.map((one) => [one.parcel]), atMs: clock.now() })]] as const) {
    const leaky = await naiveAuc(all, values.map(([found]) => Number(found)));
    assert.ok(leaky > 0.99, `${leak} joined as they are today: an AUC of ${leaky}`);
  }
});

async function ingest(platform: Platform, stream: string, rows: readonly Readonly<Record<string, unknown>>[], backfill: boolean): Promise<void> {
  const { accepted } = await platform.ingestion.ingestRows(stream, rows.map((row) => ({ row })), { backfill });
  assert.equal(accepted, rows.length);
}

/** The same trees on the same split, but with the feature as it is after the fact. */
async function naiveAuc(all: readonly Parcel[], leak: readonly number[]): Promise<number> {
  const cut = Math.floor(all.length * 0.8);
  const column = (name: string, values: readonly number[]) => ({ name, kind: "numeric" as const, values: Float64Array.from(values) });
  const part = (from: number, to: number) => ({
    columns: [column("grams", all.slice(from, to).map(({ grams }) => grams)), column("leak", leak.slice(from, to))],
    label: Float64Array.from(all.slice(from, to), (one) => Number(one.broken)),
  });
  const { model } = await trainGradientBoosting(part(0, cut), TREES);
  const held = part(cut, all.length);
  const matrix = Float64Array.from({ length: held.label.length * 2 }, (_, at) => held.columns[at % 2]!.values[at >> 1]!);
  return areaUnderCurve(createTreeScorer(model).predict(matrix, held.label.length), held.label);
}

/** Share of (positive, negative) pairs in the right order; ties count half. */
function areaUnderCurve(scores: Float64Array, labels: Float64Array): number {
  const [positives, negatives] = [1, 0].map((wanted) => [...scores].filter((_, row) => labels[row] === wanted));
  const ordered = positives!.reduce((sum, high) => sum + negatives!.reduce((part, low) => part + (high > low ? 1 : high === low ? 0.5 : 0), 0), 0);
  return ordered / (positives!.length * negatives!.length);
}
