import assert from "node:assert/strict";
import { test } from "node:test";
import { barOf, renderBars, sparkline } from "./chart.ts";

test("a sparkline spans its lowest and highest value", () => {
  assert.equal(sparkline([0, 1, 2, 3, 4, 5, 6, 7]), "▁▂▃▄▅▆▇█");
  assert.equal(sparkline([5, 5, 5]), "▄▄▄");
  assert.equal(sparkline([1, Number.NaN, 2]), "▁ █");
  assert.equal(sparkline([]), "");
  assert.equal(sparkline([0.5, 1], { minimum: 0, maximum: 1 }), "▅█");
});

test("a long series is averaged into the width", () => {
  assert.equal(sparkline([0, 0, 10, 10, 20, 20], { width: 3 }), "▁▅█");
  assert.equal(sparkline(Array.from({ length: 1000 }, (_, index) => index), { width: 8 }), "▁▂▃▄▅▆▇█");
  assert.equal(sparkline([Number.NaN, Number.NaN, 1, 2], { width: 2 }), " ▄");
});

test("bars share one scale", () => {
  assert.equal(renderBars([{ label: "spend_30d", value: 0.5 }, { label: "orders", value: 0.25, text: "25%" }], { width: 30 }), [
    "spend_30d  ██████████████  0.5",
    "orders     ███████         25%",
  ].join("\n"));
  assert.equal(renderBars([{ label: "a", value: -1 }, { label: "b", value: 0 }], { width: 12 }), "a         -1\nb          0");
});

test("a bar is exact to an eighth", () => {
  assert.equal(barOf(0.5, 3), "█▌");
  assert.equal(barOf(2, 3), "███");
  assert.equal(barOf(Number.NaN, 3), "");
});
