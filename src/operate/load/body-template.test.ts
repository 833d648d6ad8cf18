/** A filled body is what replacing the placeholders one by one would give, whatever stands between them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createBodyTemplate } from "./body-template.ts";

test("every place is filled, and nothing else changes", () => {
  const parts = fc.array(fc.oneof(fc.string({ unit: "binary", maxLength: 20 }), fc.constant("{{id}}"), fc.constant("{{now}}")), { maxLength: 12 });
  fc.assert(fc.property(parts, fc.nat(2_000_000_000_000), (pieces, timeMs) => {
    const text = pieces.join("");
    const template = createBodyTemplate(text);
    const expected = text.replaceAll("{{id}}", "x.1".padStart(20, "0")).replaceAll("{{now}}", new Date(timeMs).toISOString());
    if (template === undefined) return assert.equal(expected, text);
    const copy = Buffer.from(template.bytes);
    template.stamp(copy, { id: "x.1", timeMs });
    assert.equal(copy.toString("utf8"), expected);
  }), { numRuns: 300 });
});

test("a text without places needs no filling", () => {
  assert.equal(createBodyTemplate("{\"id\":1}"), undefined);
});
