import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { floorToFloat32, thresholdBetween } from "./float32.ts";

it("floorToFloat32 is the largest float32 not above the value: it routes every float32 like the value itself", () => {
  fc.assert(fc.property(fc.double({ noNaN: true }), fc.float({ noNaN: true }), (value, input) => {
    const floor = floorToFloat32(value);
    assert.ok(floor <= value && Math.fround(floor) === floor);
    for (const x of [input, Math.fround(value), floor]) assert.equal(x <= floor, x <= value);
  }));
});

it("floorToFloat32 at the edges", () => {
  const largest = 3.4028234663852886e38, smallest = 2 ** -149;
  assert.deepEqual([1, -0.1, largest * 1.5, -largest * 1.5, smallest / 2, -smallest / 2, 0.1].map(floorToFloat32),
    [1, Math.fround(-0.1) <= -0.1 ? Math.fround(-0.1) : -0.10000000894069672, largest, -Infinity, 0, -smallest, 0.09999999403953552]);
});

it("thresholdBetween separates any two numbers, by a float32 whenever one lies between them", () => {
  fc.assert(fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.double({ noNaN: true, noDefaultInfinity: true }), (a, b) => {
    fc.pre(a !== b);
    const [low, high] = a < b ? [a, b] : [b, a];
    const threshold = thresholdBetween(low, high);
    assert.ok(low <= threshold && threshold < high);
    if (Math.fround(low) === low) assert.equal(Math.fround(threshold), threshold);
  }));
});
