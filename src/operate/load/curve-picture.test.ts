/** The picture is well-formed XML with every point inside its frame, whatever was measured. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { drawCurve, niceAbove } from "./curve-picture.ts";

const positive = (min: number, max: number) => fc.double({ min, max, noNaN: true });
const pictures = fc.record({
  title: fc.string({ maxLength: 40 }), subtitle: fc.string({ maxLength: 40 }), boundMs: positive(0.1, 60_000), heldPerSecond: fc.option(positive(0.1, 1e6), { nil: undefined }),
  points: fc.array(fc.record({ perSecond: positive(0.01, 1e6), p50Ms: positive(0.001, 1e5), p99Ms: positive(0.001, 1e6), isHeld: fc.boolean() }), { maxLength: 12 }),
  curve: fc.option(fc.record({ baseMs: positive(0.01, 1e3), capacityPerSecond: positive(1, 1e6), waitMs: positive(0.01, 1e3), exponent: positive(1, 5), servers: positive(1, 9), error: positive(0, 1), isGood: fc.boolean(), points: fc.nat(12) }), { nil: undefined }),
});

/** Tags that open and close in order, attributes in quotes, no bare "<" or "&" in text. */
function assertWellFormed(xml: string): void {
  const open: string[] = [];
  const rest = xml.replaceAll(/<style>[^<]*<\/style>/g, "").replaceAll(/<(\/?)([a-z]+)((?:\s+[A-Za-z0-9:-]+="[^"<&]*(?:&[a-z]+;[^"<&]*)*")*)\s*(\/?)>/g, (_, closing: string, name: string, _attributes, single: string) => {
    if (closing === "/") assert.equal(open.pop(), name);
    else if (single === "") open.push(name);
    return "";
  });
  assert.deepEqual(open, []);
  assert.doesNotMatch(rest.replaceAll(/&(?:amp|lt|gt|quot);/g, ""), /[<&]/);
}

test("well-formed, with every mark inside the picture", () => {
  fc.assert(fc.property(pictures, (picture) => {
    const svg = drawCurve(picture);
    assertWellFormed(svg);
    assert.doesNotMatch(svg, /NaN|Infinity|undefined/);
    for (const [, x, y] of svg.matchAll(/c[xy]?x="([\d.-]+)" cy="([\d.-]+)"/g)) assert.ok(Number(x) >= 0 && Number(x) <= 760 && Number(y) >= 0 && Number(y) <= 430, `${x},${y}`);
  }), { numRuns: 200 });
});

test("light and dark, and text that stays text", () => {
  const svg = drawCurve({ title: "a <b> & \"c\"", subtitle: "", boundMs: 50, heldPerSecond: 900, points: [{ perSecond: 900, p50Ms: 4, p99Ms: 20, isHeld: true }], curve: undefined });
  assert.match(svg, /prefers-color-scheme: dark/);
  assert.match(svg, /a &lt;b&gt; &amp; &quot;c&quot;/);
  assert.match(svg, /holds 900\/s/);
});

test("axes end at a round number above the values", () => {
  fc.assert(fc.property(positive(0.001, 1e9), (value) => { assert.ok(niceAbove(value) >= value * 0.999999 && niceAbove(value) <= value * 2); }));
});
