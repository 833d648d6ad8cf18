import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RateWindow } from "./rate-window.ts";

test("rates equal the amounts of the finished seconds, whatever the gaps, also when the ring goes round", () => {
  const steps = fc.array(fc.tuple(fc.oneof(fc.nat(3), fc.nat(150)), fc.nat(9)), { minLength: 1, maxLength: 200 });
  fc.assert(fc.property(steps, fc.constantFrom(1, 10, 60), (records, windowSeconds) => {
    let second = 1000;
    const window = new RateWindow(second);
    const amounts = new Map<number, number>();
    for (const [gap, amount] of records) {
      second += gap;
      window.add(amount, second);
      amounts.set(second, (amounts.get(second) ?? 0) + amount);
      const expected = Array.from({ length: windowSeconds }, (_, back) => amounts.get(second - 1 - back) ?? 0);
      assert.equal(window.perSecond(windowSeconds, second, 0), expected.reduce((sum, one) => sum + one, 0) / windowSeconds);
      assert.deepEqual(window.history(windowSeconds, second), expected.toReversed());
    }
  }));
});

test("a clock that steps back adds to the newest second", () => {
  const window = new RateWindow(100);
  window.add(1, 100);
  window.add(2, 90);
  assert.equal(window.perSecond(1, 101, 0), 3);
});
