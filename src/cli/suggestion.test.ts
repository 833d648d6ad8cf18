import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { editDistance, nearest, suggestion } from "./suggestion.ts";

const flags = ["--data-dir", "--port", "--url", "--json", "--verbose", "--help"];

test("likely slips find their word", () => {
  assert.equal(nearest("--data-dri", flags), "--data-dir");
  assert.equal(nearest("--dat-dir", flags), "--data-dir");
  assert.equal(nearest("--PORT", flags), "--port");
  assert.equal(nearest("--verb", flags), "--verbose", "started right, not finished");
  assert.equal(nearest("trian", ["train", "status"]), "train");
});

test("other words find none", () => {
  assert.equal(nearest("--replicas", flags), undefined);
  assert.equal(nearest("x", ["up", "logs"]), undefined);
  assert.equal(nearest("a", []), undefined);
  assert.equal(suggestion("zzz", flags), "");
  assert.equal(suggestion("--prot", flags), " (did you mean --port?)");
});

test("a swap of neighbours costs one", () => {
  assert.equal(editDistance("ab", "ba"), 1);
  assert.equal(editDistance("kitten", "sitting"), 3);
  assert.equal(editDistance("", "abc"), 3);
});

test("distance is zero only for equal words, symmetric, and bounded by the longer word", () => {
  fc.assert(fc.property(fc.string(), fc.string(), (a, b) => {
    const distance = editDistance(a, b);
    assert.equal(distance, editDistance(b, a));
    assert.equal(distance === 0, a === b);
    assert.ok(distance <= Math.max(a.length, b.length) && distance >= Math.abs(a.length - b.length));
  }));
});
