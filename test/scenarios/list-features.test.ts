/** Features whose value is a list, through the platform's doors: its own route and Feast's, before and after a restart. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { approximateDistinct, count, defineApplication, defineEntity, defineFeatureView, defineStream, histogram, lastN, quantile, standardDeviation, topK, z } from "strata";
import { createReplayClock } from "strata/testing";
import { openTestPlatform, send, temporaryFolder } from "./platform-kit.ts";

const NOW = Date.parse("2026-05-01T12:00:00Z");
const visits = defineStream("visits", { schema: z.object({ visitor: z.string(), page: z.string(), seconds: z.number(), at: z.number() }), time: "at", lateness: "7d" });
const browsing = defineFeatureView("browsing", {
  entities: [defineEntity("visitor")], from: visits, by: (e) => ({ visitor: e.visitor }),
  features: (e) => ({
    pages: lastN(e.page, 3), top: topK(e.page, 2).over("1d"), tails: quantile(e.seconds, [0, 1]).tumbling("1h"), spread: histogram(e.seconds, [10]), session: count().session("30m"),
    about: approximateDistinct(e.page), deviation: standardDeviation(e.seconds),
  }),
});

test("lists are read by HTTP and by Feast's API, and survive a restart", { timeout: 60_000 }, async () => {
  await using folder = await temporaryFolder();
  const application = defineApplication("site", [browsing]);
  const open = () => openTestPlatform(application, { dataDir: folder.path, clock: createReplayClock(NOW) });
  const expected = [[["cart", "home", null], ["cart", "home"], [4, 12], [1, 1], 2, 2, 4], [null, null, null, [0, 0], 0, 0, null]];
  for (const round of [1, 2]) {
    await using platform = await open();
    if (round === 1) {
      const rows = [["home", 4, 70], ["cart", 12, 65]].map(([page, seconds, minutes]) => ({ row: { visitor: "v", page, seconds, at: NOW - Number(minutes) * 60_000 } }));
      await platform.ingestion.ingestRows("visits", rows, { backfill: true });
    }
    const read = await send(platform.url, { path: "/v1/features/browsing", body: { keys: [{ visitor: "v" }, { visitor: "nobody" }], atMs: NOW - 36 * 60_000 } });
    assert.equal(read.status, 200, read.text);
    assert.deepEqual((JSON.parse(read.text) as { readonly rows: unknown }).rows, expected);
    const feast = await send(platform.url, { path: "/get-online-features", body: { features: ["browsing:pages", "browsing:tails", "browsing:spread"], entities: { visitor: ["v", "nobody"] } } });
    assert.equal(feast.status, 200, feast.text);
    const { results } = JSON.parse(feast.text) as { readonly results: readonly { readonly values: readonly unknown[]; readonly statuses: readonly string[] }[] };
    assert.deepEqual(results.slice(1).map(({ values }) => values), [[["cart", "home"], null], [null, null], [[1, 1], null]], "at noon the last hour had no visit");
    assert.deepEqual(results[1]!.statuses, ["PRESENT", "NOT_FOUND"]);
  }
});
