/**
 * A view that comes when retention has removed most of the stream from the log: it is built from the lake and the log,
 * answers bit for bit what a view answers that followed from the start, and a restart in the middle does not begin anew.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  approximateDistinct, count, defineApplication, defineEntity, defineFeatureView, defineStream, distinct, first, last, lastN, max, mean, quantile, standardDeviation, sum, topK, z,
} from "strata";
import type { Application } from "strata";
import { createManualClock, createRandom } from "strata/testing";
import type { Platform } from "strata/testing";
import { openTestPlatform, send, temporaryFolder, until } from "./platform-kit.ts";

const EVENTS = 60_000;
const ROUND = 5_000;
const SENSORS = 300;
const NOW_MS = Date.UTC(2026, 0, 31);
const LATENESS_MS = 3_600_000;

const readings = defineStream("readings", {
  schema: z.object({ sensor: z.string(), value: z.number().optional(), place: z.string().optional(), broken: z.boolean().optional(), tags: z.array(z.string()).optional(), at: z.number() }),
  time: "at", lateness: "1h", retention: { maxBytes: 400_000 },
});

const viewOf = (name: string) => defineFeatureView(name, {
  entities: [defineEntity("sensor")], from: readings, by: (e) => ({ sensor: e.sensor }),
  features: (e) => ({
    all: count(), total: sum(e.value), broken: count().where(e.broken).over("2d"), mean_1d: mean(e.value).over("1d"), spread: standardDeviation(e.value), highest: max(e.value).over("3h"),
    first_place: first(e.place), last_place: last(e.place).over("6h"), places: distinct(e.place), about: approximateDistinct(e.value), median: quantile(e.value, 0.5).over("2d"),
    latest: lastN(e.value, 4), top: topK(e.place, 2).over("1d"), tags: last(e.tags as never), latest_time: last(e.$time),
  }),
});

const appOf = (...names: readonly string[]): Application => defineApplication("history", names.map(viewOf));

async function ingest(platform: Platform, { from, count: length }: { readonly from: number; readonly count: number }): Promise<void> {
  const random = createRandom(from + 1);
  const optional = <T>(value: T): T | undefined => (random.integer(9) === 0 ? undefined : value);
  const rows = Array.from({ length }, (_, index) => ({
    row: {
      sensor: `s${random.integer(SENSORS)}`, value: optional(random.next() * 2 ** (random.integer(40) - 20)), place: optional(`place ${random.integer(7)} ü€`), broken: optional(random.integer(2) === 0),
      tags: optional([`t${random.integer(3)}`]), at: NOW_MS - 10 * 86_400_000 + Math.floor(((from + index) / EVENTS) * 10 * 86_400_000) - random.integer(LATENESS_MS / 2),
    },
  }));
  for (let at = 0; at < length; at += 1_000) {
    const { accepted } = await platform.ingestion.ingestRows("readings", rows.slice(at, at + 1_000), { backfill: true });
    assert.equal(accepted, Math.min(1_000, length - at));
  }
}

/** Every key's features now and within the lateness. */
function answers(platform: Platform, view: string): unknown {
  const keys = Array.from({ length: SENSORS + 1 }, (_, sensor) => [`s${sensor}`]);
  return [0, LATENESS_MS / 3].map((backMs) => platform.features.read({ view, keys, atMs: NOW_MS - backMs }));
}

async function oldestOffset(platform: Platform): Promise<number> {
  const { json } = await send(platform.url, { path: "/v1/streams/readings" });
  return (json as { readonly oldestOffset: number }).oldestOffset;
}

const statisticsOf = (platform: Platform, view: string) => platform.features.statistics().find((one) => one.view === view);

test("a view that comes after retention answers as one that was there from the start, also after a close in the middle", { timeout: 120_000 }, async (context) => {
  await using folder = await temporaryFolder();
  const open = (application: Application, checkpointSeconds = 3_600) =>
    openTestPlatform(application, { dataDir: folder.path, clock: createManualClock(NOW_MS), settings: { segmentBytes: 100_000, checkpointSeconds } });

  await context.test("a new view by a reload, a backfill, and a view that a close cuts off", async () => {
    await using platform = await open(appOf("steady"), 0.2);
    for (let from = 0; from < EVENTS; from += ROUND) await ingest(platform, { from, count: ROUND });
    await platform.features.fresh(["readings"]);
    await until("retention", async () => ((await oldestOffset(platform)) > EVENTS / 2 ? true : undefined));
    await platform.apply(appOf("steady", "late"));
    assert.deepStrictEqual(answers(platform, "late"), answers(platform, "steady"));
    assert.equal(statisticsOf(platform, "late")!.appliedEvents, EVENTS);

    const backfill = await send(platform.url, { path: "/v1/features/steady/backfill", body: {} });
    assert.equal(backfill.status, 202);
    await until("the backfill", () => (statisticsOf(platform, "steady")!.rebuild === undefined ? true : undefined));
    assert.deepStrictEqual(answers(platform, "steady"), answers(platform, "late"));

    const cut = platform.apply(appOf("steady", "late", "cut"));
    await until("the middle of the build", () => ((statisticsOf(platform, "cut")?.rebuild ?? 0) > 0.1 ? true : undefined));
    const closed = platform.close();
    await assert.rejects(cut, { code: "ABORTED" });
    await closed;
  });

  await context.test("the restart goes on where the build stood, and live events follow", async () => {
    await using platform = await open(appOf("steady", "late", "cut"));
    const offset = statisticsOf(platform, "cut")!.appliedEvents;
    assert.ok(offset > EVENTS / 10, `taken up with ${offset} events applied`);
    await until("the build", () => (statisticsOf(platform, "cut")!.rebuild === undefined ? true : undefined));
    await ingest(platform, { from: EVENTS, count: 500 });
    await platform.features.fresh(["readings"]);
    assert.deepStrictEqual(answers(platform, "cut"), answers(platform, "steady"));
    assert.equal(statisticsOf(platform, "cut")!.appliedEvents, EVENTS + 500);
  });
});
