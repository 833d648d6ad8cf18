import assert from "node:assert/strict";
import { test } from "node:test";
import { countPrompt } from "./token-count.ts";

const ask = (...texts: readonly string[]) => ({ messages: texts.map((content) => ({ role: "user", content })) });

test("a text that comes again is not counted again, and texts of another counter are", () => {
  const counted: string[] = [];
  const count = (text: string): number => counted.push(text) && text.length;
  const once = countPrompt("chat", ask("Be brief.", "Why?"), count);
  assert.deepEqual(counted, ["user", "Be brief.", "Why?"]);
  assert.equal(countPrompt("chat", ask("Be brief.", "Why?"), count), once);
  countPrompt("chat", ask("Be brief.", "Why?", "And then?"), count);
  assert.deepEqual(counted, ["user", "Be brief.", "Why?", "And then?"]);
  assert.equal(countPrompt("chat", ask("Be brief.", "Why?"), () => 1), 3 + 2 * (3 + 1 + 1));
});

test("what is remembered is bounded: after many other texts the first is counted again", () => {
  let isCounted = false;
  const count = (text: string): number => { isCounted ||= text === "first"; return 1; };
  countPrompt("text_completion", { prompt: "first" }, count);
  isCounted = false;
  countPrompt("text_completion", { prompt: Array.from({ length: 10_000 }, (_, i) => `text ${i}`) }, count);
  countPrompt("text_completion", { prompt: "first" }, count);
  assert.ok(isCounted);
});
