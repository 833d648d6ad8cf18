/** Sampled reads, by our route and by Feast's, are computed again offline: late events, windows, ttl, lists of values, and an entity that nobody knows. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createRandom, createReplayClock } from "strata/testing";
import application from "./feast-app.ts";
import { openTestPlatform, send, temporaryFolder } from "./platform-kit.ts";

const MINUTE = 60_000;

test("every sampled read equals the offline join", async () => {
  const start = Date.UTC(2026, 0, 1);
  const clock = createReplayClock(start);
  const random = createRandom("feature audit");
  await using folder = await temporaryFolder();
  await using platform = await openTestPlatform(application, { dataDir: folder.path, clock, settings: { featureReadSampling: 1 } });
  const key = (): string => `c${random.integer(8)}`;
  for (let step = 0; step < 120; step++) {
    clock.set(start + step * 7 * MINUTE);
    const rows = Array.from({ length: random.integer(4) }, (_, at) => ({ row: { id: `${step}-${at}`, customer: key(), item: `i${random.integer(3)}`, amount: Math.round(random.next() * 10_000) / 100, at: clock.now() - random.integer(3) * 40 * MINUTE } })); // some late
    await platform.ingestion.ingestRows("purchases", rows);
    await send(platform.url, { path: "/v1/features/customer_activity", body: { keys: [{ customer: key() }, { customer: "nobody" }] } });
    await send(platform.url, { path: "/get-online-features", body: { features: ["recent:last_amount", "affinity:bought"], entities: { customer: [key()], item: ["i1"] } } });
  }
  const { reads } = await platform.audit();
  assert.ok(reads.reads >= 230, `${reads.reads} reads`);
  assert.deepEqual({ mismatches: reads.mismatches, skipped: reads.skipped }, { mismatches: 0, skipped: 0 });
  assert.match((await send(platform.url, { path: "/metrics" })).text, /strata_feature_skew_checked_total \d{3,}/);
});
