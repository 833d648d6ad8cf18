import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createPalette } from "./color.ts";
import { displayWidth, pad, toSingleLine, truncate, withoutControls, wrap } from "./width.ts";

const { red, bold } = createPalette(true);

test("widths count what a terminal shows", () => {
  const widths: readonly (readonly [string, number])[] = [
    ["", 0], ["plain", 5], ["naïve", 5], ["e\u0301", 1], ["日本", 4], ["한국어", 6], ["ｆｕｌｌ", 8],
    ["👍", 2], ["👨‍👩‍👧", 2], ["🇩🇪", 2], ["✓", 1], ["❤️", 2], ["\u200B", 0], [red("ab"), 2], ["█░", 2],
  ];
  for (const [text, width] of widths) assert.equal(displayWidth(text), width, JSON.stringify(text));
});

test("a cut text ends with an ellipsis, keeps whole characters and closes its colour", () => {
  assert.equal(truncate("feature view", 7), "featur…");
  assert.equal(truncate("short", 5), "short");
  assert.equal(truncate("日本語", 4), "日…", "half a wide character is not shown");
  assert.equal(truncate(red("abcdef"), 4), "\u001B[31mabc…\u001B[0m");
  assert.equal(truncate("abc", 0), "");
});

test("no text is wider than it was cut to, nor narrower than it was padded to", () => {
  const texts = fc.array(fc.oneof(fc.string({ unit: "grapheme" }), fc.string().map((text) => bold(withoutControls(text))))).map((parts) => parts.join(""));
  fc.assert(fc.property(texts, fc.nat(40), (text, width) => {
    const line = toSingleLine(text);
    assert.ok(displayWidth(truncate(line, width)) <= width);
    assert.equal(displayWidth(pad(line, width)), Math.max(width, displayWidth(line)));
  }));
});

test("padding aligns by columns", () => {
  assert.equal(pad("日本", 6), "日本  ");
  assert.equal(pad("7", 3, "right"), "  7");
  assert.equal(pad("long", 2), "long");
});

test("wrapping breaks at spaces, keeps paragraphs and long words", () => {
  assert.deepEqual(wrap("one two three", 7), ["one two", "three"]);
  assert.deepEqual(wrap("a\n\nb", 10), ["a", "", "b"]);
  assert.deepEqual(wrap("incomprehensibilities no", 5), ["incomprehensibilities", "no"]);
});

test("wrapping loses no word", () => {
  fc.assert(fc.property(fc.array(fc.stringMatching(/^[a-z]{1,12}$/)), fc.integer({ min: 1, max: 40 }), (words, width) => {
    assert.deepEqual(wrap(words.join(" "), width).join(" ").split(" ").filter((word) => word !== ""), words);
  }));
});

test("control sequences in data never reach the terminal", () => {
  assert.equal(withoutControls("a\u001B[2Jb"), "ab", "clears the screen");
  assert.equal(withoutControls("a\u001B]0;title\u0007b"), "ab", "sets the window title");
  assert.equal(withoutControls("a\u001B]8;;http://x\u001B\\b"), "ab", "makes a link");
  assert.equal(withoutControls("a\rb\u0008c\u009Bd\u001B"), "abcd");
  assert.equal(withoutControls(red("x\ty\n")), red("x\ty\n"), "colour, tabs and line breaks stay");
  assert.equal(toSingleLine("a\r\n  b\tc"), "a b c");
});

const escape = "\u001B";
const colorCode = new RegExp(`${escape}\\[[0-9;]*m`, "g");

test("after cleaning no escape is left but colour", () => {
  const hostile = fc.string({ unit: fc.constantFrom("\u001B", "[", "]", ";", "1", "m", "J", "\u0007", "\u009B", "\\", "a", "\r") });
  fc.assert(fc.property(hostile, (text) => {
    const rest = withoutControls(text).replaceAll(colorCode, "");
    for (const control of ["\u001B", "\u0007", "\r", "\u009B"]) assert.ok(!rest.includes(control), JSON.stringify(text));
  }), { numRuns: 500 });
});
