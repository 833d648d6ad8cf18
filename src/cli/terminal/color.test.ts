import assert from "node:assert/strict";
import { test } from "node:test";
import { createPalette, plainPalette, wantsColor } from "./color.ts";

const piped = {};
const screen = { isTTY: true };

test("only a terminal gets colour, unless the environment decides", () => {
  assert.equal(wantsColor(piped, {}), false);
  assert.equal(wantsColor(screen, {}), true);
  assert.equal(wantsColor(screen, { NO_COLOR: "1" }), false);
  assert.equal(wantsColor(screen, { NO_COLOR: "" }), true, "an empty NO_COLOR does not count (no-color.org)");
  assert.equal(wantsColor(screen, { TERM: "dumb" }), false);
  assert.equal(wantsColor(piped, { FORCE_COLOR: "1" }), true);
  assert.equal(wantsColor(piped, { FORCE_COLOR: "" }), true);
  assert.equal(wantsColor(screen, { FORCE_COLOR: "0" }), false);
  assert.equal(wantsColor(screen, { FORCE_COLOR: "false" }), false);
  assert.equal(wantsColor(piped, { FORCE_COLOR: "1", NO_COLOR: "1" }), true, "the more specific wish wins");
});

test("a plain palette returns its input", () => {
  assert.equal(plainPalette.red(plainPalette.bold("text")), "text");
  assert.equal(plainPalette.enabled, false);
});

test("styles nest: an inner style that shares the closing code does not end the outer one", () => {
  const { red, green, bold } = createPalette(true);
  assert.equal(red("a"), "\u001B[31ma\u001B[39m");
  assert.equal(bold(red("a")), "\u001B[1m\u001B[31ma\u001B[39m\u001B[22m");
  assert.equal(red(`a${green("b")}c`), "\u001B[31ma\u001B[32mb\u001B[39m\u001B[31mc\u001B[39m");
  assert.equal(red(""), "");
});
