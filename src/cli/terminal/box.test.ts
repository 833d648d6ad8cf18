import assert from "node:assert/strict";
import { test } from "node:test";
import { renderBox, renderSection } from "./box.ts";

test("a box fits its content", () => {
  assert.equal(renderBox("Strata", "console  http://127.0.0.1:4180\nstop     Ctrl-C"), [
    "╭─ Strata ───────────────────────╮",
    "│ console  http://127.0.0.1:4180 │",
    "│ stop     Ctrl-C                │",
    "╰────────────────────────────────╯",
  ].join("\n"));
});

test("a box is as wide as its title, and never wider than the terminal", () => {
  assert.equal(renderBox("A long title", "x"), ["╭─ A long title ─╮", "│ x              │", "╰────────────────╯"].join("\n"));
  assert.equal(renderBox("t", "0123456789", { width: 10 }), ["╭─ t ────╮", "│ 01234… │", "╰────────╯"].join("\n"));
});

test("a section indents its body", () => {
  assert.equal(renderSection("Gates", "ndcg10 ok\n\nlatency ok"), "Gates\n  ndcg10 ok\n\n  latency ok");
});
