import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeLogName, encodeLogName } from "./log-name.ts";

test("any log name comes back from a name that brokers take", () => {
  assert.equal(encodeLogName("clicks/3"), "clicks_2f3");
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (name) => {
    assert.match(encodeLogName(name), /^[A-Za-z0-9_-]*$/);
    assert.equal(decodeLogName(encodeLogName(name)), name);
  }));
});
