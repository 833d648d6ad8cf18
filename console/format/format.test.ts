import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { counted, formatBytes, formatCount, formatDifference, formatMetric, formatMilliseconds, formatPsi, formatRate, formatShare, formatShareInColumn, formatUsd } from "./numbers.ts";
import { DAY_MS, HOUR_MS, formatAgo, formatDuration, formatMoment, formatTimeMark } from "./times.ts";

const plain = (text: string): string => text.replaceAll("\u202f", " ");

test("counts keep three digits or the whole number", () => {
  assert.deepEqual([0, 1, 999, 9_999, 12_345, 124_000, 1_240_000, 3_100_000_000, -20_000].map((value) => plain(formatCount(value))),
    ["0", "1", "999", "9,999", "12.3 k", "124 k", "1.24 M", "3.1 G", "-20 k"]);
  assert.deepEqual([counted(1, "event"), counted(2_000, "event")], ["1 event", "2,000 events"]);
});

test("rates, shares, latencies, sizes and metrics", () => {
  assert.deepEqual([0, 0.001, 0.42, 8.13, 42.6, 12_000].map((value) => plain(formatRate(value))), ["0", "<0.01", "0.42", "8.1", "43", "12 k"]);
  assert.deepEqual([0, 0.00001, 0.0042, 0.2, 0.9996, 1].map((value) => plain(formatShare(value))), ["0 %", "<0.01 %", "0.42 %", "20 %", ">99.9 %", "100 %"]);
  assert.deepEqual([0.07, 0.1184].map((value) => plain(formatShareInColumn(value))), ["7.0 %", "11.8 %"]);
  assert.deepEqual([0.423, 18.34, 182.6, 999.7, 1_250].map((value) => plain(formatMilliseconds(value))), ["0.42 ms", "18.3 ms", "183 ms", "1 s", "1.25 s"]);
  assert.deepEqual([0, 1_023, 1_536, 200 * 2 ** 20, 3 * 2 ** 40].map((value) => plain(formatBytes(value))), ["0 B", "1,023 B", "1.5 KiB", "200 MiB", "3 TiB"]);
  assert.deepEqual([0, 0.041256, 0.4, 12.3456, 4_321.9, 0.00001].map(formatMetric), ["0", "0.04126", "0.4", "12.35", "4,322", "1.00e-5"]);
  assert.deepEqual([0.01, -0.01, 0].map(formatDifference), ["+0.01", "−0.01", "0"]);
});

test("dollars, from what one token costs to what a year does", () => {
  assert.deepEqual([0, 1e-9, 0.00042, 0.0184, 0.1, 1.254, 999, 1_204.4].map(formatUsd), ["$0", "<$0.000001", "$0.00042", "$0.018", "$0.10", "$1.25", "$999.00", "$1,204"]);
});

test("what was not measured is a dash, never a number", () => {
  const missing = null as unknown as number; // JSON's rendering of NaN
  for (const format of [formatCount, formatRate, formatShare, formatMilliseconds, formatBytes, formatMetric, formatDifference, formatPsi, formatShareInColumn]) {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, missing]) assert.equal(format(value), "–");
  }
  assert.equal(formatMoment(Number.NaN), "–, –");
});

test("a share that is not whole is never shown as 0 % or 100 %", () => {
  fc.assert(fc.property(fc.double({ min: 0, max: 1, minExcluded: true, maxExcluded: true, noNaN: true }), (share) => {
    assert.ok(!/^(0|100)\u202f%$/.test(formatShare(share)), `${share} → ${formatShare(share)}`);
  }));
});

test("times are in UTC, durations in two units", () => {
  const moment = Date.UTC(2011, 2, 12, 14, 5, 9);
  assert.equal(formatMoment(moment), "12 Mar 2011, 14:05");
  assert.deepEqual([formatTimeMark(moment, 1_000), formatTimeMark(moment, HOUR_MS), formatTimeMark(moment, DAY_MS), formatTimeMark(moment, 30 * DAY_MS)], ["14:05:09", "14:05", "12 Mar", "Mar 2011"]);
  assert.deepEqual([0, 12_000, 125_000, 2 * HOUR_MS, 3 * DAY_MS + 4 * HOUR_MS + 9_000].map(formatDuration), ["0 s", "12 s", "2 min 5 s", "2 h", "3 d 4 h"]);
  assert.deepEqual([formatAgo(moment, moment), formatAgo(moment - 61_000, moment), formatAgo(moment - DAY_MS, moment)], ["now", "1 min ago", "1 d ago"]);
});
