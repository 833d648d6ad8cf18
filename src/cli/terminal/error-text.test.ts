import assert from "node:assert/strict";
import { test } from "node:test";
import { listProblems, StrataError } from "../../kernel/errors.ts";
import { createPalette } from "./color.ts";
import { renderError, traceOf } from "./error-text.ts";

test("an error shows its code, sentence and next step", () => {
  assert.equal(renderError(new StrataError("PORT_IN_USE", { port: 4180 })), [
    "error PORT_IN_USE Port 4180 is already in use.",
    "next: Stop the other process, or choose a port with --port (0 picks a free one).",
  ].join("\n"));
});

test("problems are a list, not repeated in the sentence", () => {
  const problems = [{ path: "server.port", message: "expected a number" }, { path: "", message: "unknown key \"a\"" }];
  const error = new StrataError("CONFIG_INVALID", { count: 2, problems: listProblems(problems) }, { problems });
  assert.equal(renderError(error), [
    "error CONFIG_INVALID The configuration has 2 problem(s):",
    "  - server.port: expected a number",
    "  - unknown key \"a\"",
    "next: Run `strata config` to see each value and where it came from.",
  ].join("\n"));
});

test("the word error is red", () => {
  const text = renderError(new StrataError("CLOSED", { what: "x" }), { palette: createPalette(true) });
  assert.ok(text.startsWith("\u001B[31m\u001B[1merror\u001B[22m\u001B[39m "), text);
});

test("verbose adds the stack and every cause once, also in a circle", () => {
  const inner = new Error("disk full");
  const error = new StrataError("LOG_WRITE_FAILED", { log: "clicks", reason: "disk full" }, { cause: inner });
  inner.cause = error;
  const text = renderError(error, { verbose: true });
  assert.match(text, /\n {4}at /);
  assert.equal(text.match(/caused by Error: disk full/g)?.length, 1);
  assert.equal(traceOf(new Error("x", { cause: "a string" })).split("\n").at(-1), "caused by a string");
});

test("text from elsewhere cannot steer the terminal", () => {
  assert.match(renderError(new StrataError("INTERNAL", { reason: "a\u001B[2Jb" })), /happened: ab\n/);
});
