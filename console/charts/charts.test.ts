import assert from "node:assert/strict";
import { test } from "node:test";
import { HOUR_MS, MINUTE_MS } from "../format/times.ts";
import { cellPaths, columnAt } from "./heatmap-cells.ts";
import { areaPath, linePath, pointAt, positionsOf, scalesOf } from "./line-data.ts";
import type { ChartSeries } from "./line-data.ts";
import { bandOf } from "./psi-bands.ts";
import { fitText } from "./text-width.ts";
import { RECENT_TIME, PLATFORM_TIME } from "./time-axis.ts";

const plot = { left: 0, right: 100, top: 0, bottom: 50 };
const series = (points: ChartSeries["points"]): ChartSeries => ({ name: "a", tone: 1, points });

test("lines go through finite points and break where a value is missing", () => {
  const points = [{ x: 0, y: 0 }, { x: 1, y: 10 }, { x: 2, y: Number.NaN }, { x: 3, y: 5 }, { x: 4, y: 5 }];
  const scales = scalesOf([series(points)], { plot })!;
  assert.equal(linePath(points, scales), "M0 50L25 0M75 25L100 25");
  assert.equal(areaPath(points, scales), "M0 50L25 0L75 25L100 25L100 50L0 50Z");
  assert.equal(scalesOf([series([]), series([{ x: 1, y: Number.NaN }])], { plot }), undefined);
  assert.equal(areaPath([], scales), "");
});

test("an axis from zero or around the values, always with the thresholds", () => {
  const points = [{ x: 0, y: 80 }, { x: 1, y: 95 }];
  assert.deepEqual([scalesOf([series(points)], { plot })!.y.from, scalesOf([series(points)], { plot, isFromZero: false })!.y.from], [0, 80]);
  assert.equal(scalesOf([series([{ x: 0, y: 0.01 }])], { plot, thresholds: [{ value: 0.2, label: "", tone: "bad" }] })!.y.to, 0.2);
});

test("reading a value takes the nearest point within reach", () => {
  const one = series([{ x: 0, y: 1 }, { x: 10, y: 2 }]);
  assert.deepEqual([pointAt(one, 4, 5)?.y, pointAt(one, 6, 5)?.y, pointAt(one, 30, 5)], [1, 2, undefined]);
  assert.deepEqual(positionsOf([one, series([{ x: 5, y: 0 }, { x: 10, y: 0 }])]), [0, 5, 10]);
});

test("cells of a row gather by band; the highest band has dots; what was not measured stays empty", () => {
  const { bands, dots } = cellPaths([0.05, 0.1, undefined, 0.2, 0.199], { width: 50, height: 20 });
  assert.deepEqual(bands.map(({ name, path }) => [name, path.split("M").length - 1]), [["stable", 1], ["watch", 2], ["drift", 1]]);
  assert.equal(dots.split("M").length - 1, 1);
  assert.match(bands[0]!.path, /^M0\.75 1h8\.5v18h-8\.5z$/);
  assert.deepEqual([bandOf(0.1).name, bandOf(0.2).name, bandOf(0).name], ["watch", "drift", "stable"]);
  assert.deepEqual([columnAt(0, 50, 5), columnAt(49, 50, 5), columnAt(50, 50, 5), columnAt(-3, 50, 5)], [0, 4, 4, 0]);
});

test("time axes", () => {
  const to = Date.UTC(2026, 1, 1, 12, 0, 30);
  assert.deepEqual(RECENT_TIME.marksOfX(to - 5 * MINUTE_MS, to, 5).map(({ label }) => label), ["−5 min", "−4 min", "−3 min", "−2 min", "−1 min", "now"]);
  assert.deepEqual(PLATFORM_TIME.marksOfX(to - 3 * HOUR_MS, to, 3).map(({ label }) => label), ["10:00", "11:00", "12:00"]);
});

test("a text is shortened to what fits", () => {
  const widthOf = (text: string): number => text.length * 10;
  assert.deepEqual([fitText("ranker", 60, widthOf), fitText("ranker", 59, widthOf), fitText("ranker", 9, widthOf), fitText("", 0, widthOf)], ["ranker", "rank…", "…", ""]);
});
