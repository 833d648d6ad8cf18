import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { firstBareIndex, mentions, readArguments, usageError, type ArgumentRules } from "./arguments.ts";

const rules: ArgumentRules = {
  options: {
    port: { type: "number", short: "p", default: 4180, integer: true, minimum: 0, maximum: 65_535, description: "" },
    dataDir: { type: "string", description: "" },
    every: { type: "duration", default: "30s", description: "" },
    format: { type: "enum", values: ["json", "csv"], default: "json", description: "" },
    tag: { type: "string", short: "t", multiple: true, description: "" },
    watch: { type: "boolean", short: "w", description: "" },
    color: { type: "boolean", default: true, description: "" },
  },
  positionals: { stream: { description: "the stream" }, files: { description: "files", optional: true, multiple: true } },
};

function values(...words: readonly string[]) {
  const { options, positionals, problems } = readArguments(words, rules);
  assert.deepEqual(problems, []);
  return { ...options, ...positionals };
}

function problems(...words: readonly string[]): readonly string[] {
  return readArguments(words, rules).problems.map((problem) => `${problem.path} ${problem.message}`);
}

const defaults = {
  port: 4180, dataDir: undefined, every: 30_000, format: "json", tag: [], watch: false, color: true, help: false, json: false, verbose: false,
  stream: "clicks", files: [],
};

test("options left out have their defaults", () => {
  assert.deepEqual(values("clicks"), defaults);
});

test("every way to write a value gives the same value", () => {
  for (const words of [["--port", "80"], ["--port=80"], ["-p", "80"], ["-p80"], ["-wp80"]]) assert.equal(values("clicks", ...words)["port"], 80, words.join(" "));
});

test("values have their types", () => {
  assert.deepEqual(values("--data-dir", "x", "clicks", "--every=1.5h", "a", "--format", "csv", "-t", "1", "--tag=2", "-w", "--no-color", "--json", "b"), {
    ...defaults, dataDir: "x", every: 5_400_000, format: "csv", tag: ["1", "2"], watch: true, color: false, json: true, files: ["a", "b"],
  });
});

test("the last of a repeated single option wins", () => {
  assert.equal(values("clicks", "--port=1", "--port=2")["port"], 2);
});

test("after -- everything is positional", () => {
  assert.deepEqual(values("clicks", "--", "--port", "-w")["files"], ["--port", "-w"]);
});

test("all problems of a command line are reported together", () => {
  assert.deepEqual(problems("--prot", "--port=x", "--every", "soon", "--format", "cvs"), [
    "--prot is not an option of this command (did you mean --port?)",
    "--port needs a whole number, not \"x\"",
    "--every needs a duration such as 250ms, 30s, 15m, 6h or 7d, not \"soon\"",
    "--format must be one of json, csv, not \"cvs\" (did you mean csv?)",
    "<stream> is missing: the stream",
  ]);
});

test("values out of place are explained", () => {
  assert.deepEqual(problems("clicks", "--port", "70000"), ["--port must be at most 65535, not 70000"]);
  assert.deepEqual(problems("clicks", "--port=-1"), ["--port must be at least 0, not -1"]);
  assert.deepEqual(problems("clicks", "-p", "-1"), ["-p must be at least 0, not -1"], "a negative number is a value, not a flag");
  assert.deepEqual(problems("clicks", "--port="), ["--port needs a whole number, not \"\""]);
  assert.deepEqual(problems("clicks", "--data-dir", "--json"), ["--data-dir needs a value; write --data-dir=--json if \"--json\" is the value"]);
  assert.deepEqual(problems("clicks", "--data-dir"), ["--data-dir needs a value"]);
  assert.deepEqual(problems("clicks", "--watch=yes"), ["--watch takes no value, but was given \"yes\""]);
  assert.deepEqual(problems("clicks", "--no-port"), ["--no-port cannot be negated, because it takes a value"]);
  assert.deepEqual(problems("clicks", "--no-prot"), ["--no-prot is not an option of this command"]);
});

test("required options and superfluous arguments are found", () => {
  const strict: ArgumentRules = { options: { model: { type: "string", required: true, description: "" } }, positionals: {} };
  assert.deepEqual(readArguments(["a"], strict).problems, [
    { path: "--model", message: "is required" }, { path: "\"a\"", message: "is one argument too many" },
  ]);
  assert.deepEqual(readArguments(["--model"], strict).problems, [{ path: "--model", message: "needs a value" }], "not also missing");
});

test("names of the object prototype are no options", () => {
  assert.deepEqual(problems("clicks", "--constructor", "--__proto__=1").length, 2);
});

test("any text given with = comes back unchanged", () => {
  fc.assert(fc.property(fc.string(), fc.array(fc.string()), (text, files) => {
    const { options, positionals, problems: found } = readArguments([`--data-dir=${text}`, "--", "clicks", ...files], rules);
    assert.deepEqual(found, []);
    assert.equal(options["dataDir"], text);
    assert.deepEqual(positionals["files"], files);
  }));
});

test("no words at all make the reader throw", () => {
  const word = fc.oneof(fc.string(), fc.constantFrom("--", "-", "--port", "-p", "--no-", "--=", "-=", "--tag", "-wtp", "--no-watch=1"));
  fc.assert(fc.property(fc.array(word), (words) => void readArguments(words, rules)));
});

test("the first bare word is found past options and their values", () => {
  const table = rules.options;
  assert.equal(firstBareIndex(["--port", "80", "show"], table), 2);
  assert.equal(firstBareIndex(["--port=80", "show"], table), 1);
  assert.equal(firstBareIndex(["-wp", "80", "show"], table), 2);
  assert.equal(firstBareIndex(["-p80", "show"], table), 1);
  assert.equal(firstBareIndex(["-w", "show"], table), 1);
  assert.equal(firstBareIndex(["-", "show"], table), 0);
  assert.equal(firstBareIndex(["--", "show"], table), -1);
  assert.equal(firstBareIndex([], table), -1);
});

test("flags after -- are not mentioned", () => {
  assert.equal(mentions(["a", "--json"], "--json"), true);
  assert.equal(mentions(["--", "--json"], "--json"), false);
});

test("one problem is a sentence, several are a list", () => {
  const one = usageError("strata up", [{ path: "--port", message: "needs a value" }]);
  assert.equal(one.message, "--port needs a value.");
  assert.equal(one.hint, "Run `strata up --help`.");
  const two = usageError("strata up", [{ path: "--port", message: "needs a value" }, { path: "--x", message: "is unknown" }]);
  assert.equal(two.message, "2 arguments are wrong:");
  assert.equal(two.problems.length, 2);
});
