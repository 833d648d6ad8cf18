import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { numberText, timeText } from "./number-text.ts";

test("a number's text is the one that JSON gives", () => {
  const amounts = fc.integer({ min: -1e12, max: 1e12 }).map((hundredths) => hundredths / 100);
  fc.assert(fc.property(fc.oneof(amounts, fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true })), (value) => { assert.equal(numberText(value), JSON.stringify(value)); }), { numRuns: 20_000 });
  for (const value of [0, -0, 0.01, 0.1, 0.3, 0.1 + 0.2, 1e21, 1e-7, 999_999_999.99, 1_000_000_000.01, Number.MAX_SAFE_INTEGER]) assert.equal(numberText(value), JSON.stringify(value));
});

test("a time's text is the one that Date gives, without an empty fraction", () => {
  fc.assert(fc.property(fc.integer({ min: -8.64e15, max: 8.64e15 }), (timeMs) => { assert.equal(timeText(timeMs), new Date(timeMs).toISOString().replace(".000Z", "Z")); }), { numRuns: 20_000 });
  for (const timeMs of [0, -1, 1, 999, 1_000, 86_399_999, 86_400_000, 8.64e15, -8.64e15, 1.5]) assert.equal(timeText(timeMs), new Date(timeMs).toISOString().replace(".000Z", "Z"));
});
