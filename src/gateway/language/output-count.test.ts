import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createOutputCount } from "./output-count.ts";
import { loadTokenCount } from "./token-count.ts";

const WORDS = ["the", "Cat", "naïve", "don't", "I'LL", "12345", "日本語", "🚀", "\n", "\n\n", "  ", "\t", ",", "...", "://", "x=1;", "É", "ß", "\r\n", "a b c d", "\u00a0", "_", "’s"];
const text = fc.array(fc.oneof(fc.constantFrom(...WORDS), fc.string({ maxLength: 4, unit: "binary" })), { maxLength: 60 }).map((parts) => parts.map((part, at) => (at % 3 === 0 ? ` ${part}` : part)).join(""));

test("law: pieces add up to the whole text's tokens, however it is cut and whenever it is counted", async () => {
  const count = await loadTokenCount();
  fc.assert(fc.property(text, fc.array(fc.nat({ max: 7 }), { minLength: 1, maxLength: 40 }), (whole, sizes) => {
    const output = createOutputCount();
    for (let at = 0, step = 0; at < whole.length; step++) {
      const size = sizes[step % sizes.length]! + 1;
      output.push(whole.slice(at, at + size));
      at += size;
      assert.ok(output.atMost() + 2 >= count(whole.slice(0, at)) || hasHalfCharacter(whole.slice(0, at)));
      if (step % 3 === 0 && !hasHalfCharacter(whole.slice(0, at))) assert.equal(output.exact(count), count(whole.slice(0, at)));
    }
    assert.equal(output.exact(count), count(whole));
  }), { numRuns: 400 });
});

test("a long text in small pieces is counted in linear time", async () => {
  const count = await loadTokenCount();
  const piece = " word and another";
  let counted = 0;
  const output = createOutputCount();
  for (let pieces = 0; pieces < 2_000; pieces++) {
    output.push(piece);
    output.exact((tail) => {
      counted += tail.length;
      return count(tail);
    });
  }
  assert.ok(counted < 3 * 2_000 * piece.length, `${counted} characters were counted for ${2_000 * piece.length}`);
});

/** A surrogate at the end waits for its other half. */
function hasHalfCharacter(part: string): boolean {
  return !part.isWellFormed();
}
