import assert from "node:assert/strict";
import { test } from "node:test";
import { createDeliveries, type Delivery } from "./deliveries.ts";
import { packageName } from "./project-files.ts";

const untilMs = Date.UTC(2026, 0, 31, 12);
const deliveries = createDeliveries({ count: 4_000, untilMs });

/** Share of the variance of `of` that the means of groups explain (eta squared). */
function explained(groupOf: (delivery: Delivery) => string | number): number {
  const mean = (list: readonly Delivery[]): number => list.reduce((sum, { minutes }) => sum + minutes, 0) / list.length;
  const overall = mean(deliveries);
  const total = deliveries.reduce((sum, { minutes }) => sum + (minutes - overall) ** 2, 0);
  const between = [...Map.groupBy(deliveries, groupOf).values()].reduce((sum, group) => sum + group.length * (mean(group) - overall) ** 2, 0);
  return between / total;
}

test("the same seed and time give the same deliveries, another seed others", () => {
  assert.deepEqual(createDeliveries({ count: 4_000, untilMs }), deliveries);
  assert.notDeepEqual(createDeliveries({ count: 10, untilMs, seed: 2 }), createDeliveries({ count: 10, untilMs }));
});

test("they fill the last four weeks in order, and each is plausible", () => {
  assert.equal(new Set(deliveries.map(({ id }) => id)).size, 4_000);
  const times = deliveries.map(({ at }) => Date.parse(at));
  assert.deepEqual(times, times.toSorted((a, b) => a - b));
  assert.ok(times[0]! >= untilMs - 28 * 86_400_000 && times.at(-1)! <= untilMs);
  for (const { minutes, distance_km, items } of deliveries) assert.ok(minutes >= 4 && minutes < 120 && distance_km > 0 && Number.isInteger(items) && items >= 1);
});

test("courier, restaurant and hour each have something to teach, and none everything", () => {
  const shares = [explained(({ courier }) => courier), explained(({ restaurant }) => restaurant), explained(({ at }) => new Date(at).getUTCHours())];
  for (const share of shares) assert.ok(share > 0.03 && share < 0.8, shares.join());
});

test("any folder name becomes a package name", () => {
  assert.deepEqual(["My Shop!", "deliveries", "Überfluss", "...", "a_b"].map(packageName), ["my-shop", "deliveries", "berfluss", "strata-project", "a-b"]);
});
