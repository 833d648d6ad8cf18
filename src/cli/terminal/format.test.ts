import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatAge, formatBytes, formatCompact, formatCount, formatElapsed, formatNumber, formatPercent, formatRate, formatTime } from "./format.ts";

type Row<Value> = readonly [Value, string];

function holds<Value>(format: (value: Value) => string, rows: readonly Row<Value>[]): void {
  for (const [value, expected] of rows) assert.equal(format(value), expected, String(value));
}

test("numbers have grouped thousands and no useless zeros", () => {
  holds(formatNumber, [
    [0, "0"], [-0, "0"], [999, "999"], [1000, "1,000"], [1234567.891, "1,234,567.89"], [-1234.5, "-1,234.5"],
    [0.001, "0"], [-0.001, "0"], [1e15, "1.00e+15"], [Number.NaN, "–"], [Infinity, "–"],
  ]);
  assert.equal(formatNumber(0.00123, 4), "0.0012");
});

test("a formatted whole number reads back as itself", () => {
  fc.assert(fc.property(fc.integer(), (value) => assert.equal(Number(formatNumber(value).replaceAll(",", "")), value)));
});

test("compact numbers and sizes keep three digits", () => {
  holds(formatCompact, [[0, "0"], [950, "950"], [999.6, "1k"], [12345, "12.3k"], [1e6, "1M"], [2.5e9, "2.5G"], [-1500, "-1.5k"]]);
  holds(formatBytes, [[0, "0 B"], [512, "512 B"], [1023, "1,023 B"], [1024, "1 KiB"], [1536, "1.5 KiB"], [1048576, "1 MiB"], [1e15, "909 TiB"], [Number.NaN, "–"]]);
});

test("shares and rates", () => {
  holds(formatPercent, [[0, "0%"], [0.1234, "12.3%"], [1, "100%"], [Number.NaN, "–"]]);
  holds(formatRate, [[0, "0/s"], [0.25, "0.25/s"], [950, "950/s"], [12345, "12.3k/s"]]);
});

test("elapsed times use at most two units", () => {
  holds(formatElapsed, [
    [0, "0ms"], [0.44, "0.4ms"], [850, "850ms"], [999.6, "1.0s"], [3210, "3.2s"], [59_960, "1m 00s"], [65_000, "1m 05s"],
    [3_599_800, "1h 00m"], [7_380_000, "2h 03m"], [86_399_000, "1d 00h"], [273_600_000, "3d 04h"], [-5, "0ms"], [Number.NaN, "–"],
  ]);
});

test("moments and ages", () => {
  assert.equal(formatTime(Date.UTC(2026, 1, 3, 4, 5, 6, 789)), "2026-02-03 04:05:06Z");
  assert.equal(formatTime(Number.NaN), "–");
  assert.equal(formatTime(1e300), "–");
  holds((ageMs: number) => formatAge(1e12 - ageMs, 1e12), [
    [0, "just now"], [42_000, "42s ago"], [200_000, "3m ago"], [19_000_000, "5h ago"], [12 * 86_400_000, "12d ago"], [-180_000, "in 3m"],
  ]);
});

test("counts have a plural", () => {
  assert.equal(formatCount(1, "event"), "1 event");
  assert.equal(formatCount(0, "event"), "0 events");
  assert.equal(formatCount(1200, "entity", "entities"), "1,200 entities");
});
