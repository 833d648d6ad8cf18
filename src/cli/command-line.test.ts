import assert from "node:assert/strict";
import { test } from "node:test";
import { StrataError } from "../kernel/errors.ts";
import { runCommandLine } from "./command-line.ts";
import { defineCommand, EXIT, type Command } from "./command.ts";
import type { CommandEntry } from "./command-table.ts";
import type { OptionTable, PositionalTable } from "./option.ts";
import { createRecordedHost, type RecordedHost, type RecordedHostOptions } from "./recorded-host.ts";

/** Compiles only when both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : never;

const show = defineCommand({
  name: "show",
  summary: "Show one model",
  description: "Shows a model.",
  positionals: { model: { description: "its name" } },
  options: { version: { type: "number", description: "which version" } },
  examples: [{ command: "strata models show ranker", note: "the champion" }],
  run: ({ positionals, options, command }) => ({ model: positionals.model, version: options.version ?? 0, command }),
  render: (model, { terminal }) => terminal.print(`${model.model} v${model.version}`),
});

const models = defineCommand({
  name: "models",
  summary: "List models",
  description: "Lists models with their versions.",
  options: {
    url: { type: "string", placeholder: "address", description: "Where the server is" },
    limit: { type: "number", default: 10, short: "n", description: "How many" },
    since: { type: "duration", default: "7d", description: "How old" },
    sort: { type: "enum", values: ["name", "age"], default: "name", description: "Order" },
    tag: { type: "string", multiple: true, description: "Only with this tag" },
  },
  positionals: { pattern: { description: "part of a name", optional: true } },
  examples: [{ command: "strata models", note: "all of them" }],
  subcommands: [show],
  run: ({ options, positionals }) => {
    const checked: [
      Same<typeof options.url, string | undefined>, Same<typeof options.limit, number>, Same<typeof options.since, number>,
      Same<typeof options.sort, "name" | "age">, Same<typeof options.tag, readonly string[]>, Same<typeof positionals.pattern, string | undefined>,
    ] = [true, true, true, true, true, true];
    return { checked: checked.length, ...options, ...positionals };
  },
});

function commandThat(run: NonNullable<Command["run"]>, rest: Partial<Command> = {}): Command {
  return { ...defineCommand({ name: "work", summary: "Work", description: "Works.", examples: [], run }), ...rest };
}

const follow = commandThat(async function* ({ signal }) {
  yield { line: 1 };
  yield { line: 2 };
  if (signal.aborted) throw new StrataError("ABORTED", { what: "Following" });
});

function entry(command: Command): CommandEntry {
  return { name: command.name, group: "Models", summary: command.summary, load: () => Promise.resolve(command) };
}

async function run(words: string, command: Command = models, options: RecordedHostOptions = {}): Promise<{ code: number; host: RecordedHost }> {
  const host = createRecordedHost(options);
  return { code: await runCommandLine(words.split(" ").filter((word) => word !== ""), host, [entry(command)]), host };
}

test("values arrive typed, and a command without render shows its result as JSON", async () => {
  const { code, host } = await run("models -n 3 --since=1d --sort age rank --tag a --tag b");
  assert.equal(code, 0);
  assert.deepEqual(host.json(), {
    checked: 6, limit: 3, since: 86_400_000, sort: "age", tag: ["a", "b"], help: false, json: false, verbose: false, pattern: "rank",
  });
});

test("a subcommand runs in place of its parent, wherever options stand", async () => {
  for (const words of ["models show ranker --version 2", "models --version 2 show ranker", "--json models show --version=2 ranker --json"]) {
    const { code, host } = await run(words);
    assert.equal(code, 0, host.errors());
    if (words.includes("--json")) assert.deepEqual(host.json(), { model: "ranker", version: 2, command: "strata models show" });
    else assert.equal(host.output(), "ranker v2\n");
  }
});

test("--json prints exactly one document, errors included", async () => {
  const refused = await run("models show --json --vresion=2");
  assert.equal(refused.code, EXIT.usage);
  assert.deepEqual(refused.host.json(), { error: {
    code: "USAGE", message: "2 arguments are wrong:", hint: "Run `strata models show --help`.", retryable: false, fault: "caller",
    problems: [
      { path: "--vresion", message: "is not an option of this command (did you mean --version?)" },
      { path: "<model>", message: "is missing: its name" },
    ],
  } });
  assert.match(refused.host.errors(), /^error USAGE 2 arguments are wrong:\n {2}- --vresion: /);

  const nothing = await run("work --json", commandThat(() => undefined));
  assert.equal(nothing.host.output(), "null\n");
  const big = await run("work --json", commandThat(() => ({ small: 1n, large: 2n ** 60n })));
  assert.deepEqual(big.host.json(), { small: 1, large: "1152921504606846976" });
});

test("a command that follows prints one line of JSON per item", async () => {
  const { code, host } = await run("work --json", follow);
  assert.equal(code, 0);
  assert.equal(host.output(), "{\"line\":1}\n{\"line\":2}\n");
});

test("without --json items are rendered as they come", async () => {
  const { host } = await run("work", { ...follow, render: (item, { terminal }) => terminal.print(`> ${JSON.stringify(item)}`) });
  assert.equal(host.output(), "> {\"line\":1}\n> {\"line\":2}\n");
});

test("unknown commands are suggested", async () => {
  const { code, host } = await run("modles");
  assert.equal(code, EXIT.usage);
  assert.equal(host.errors(), "error USAGE There is no command \"modles\" (did you mean models?).\nnext: Run `strata --help`.\n");
  assert.equal(host.output(), "");
});

test("a command that only groups says what it has", async () => {
  const group = { ...commandThat(() => 0), subcommands: [show] };
  delete group.run;
  assert.match((await run("work", group)).host.errors(), /strata work needs one of: show\./);
  assert.match((await run("work shwo", group)).host.errors(), /strata work has no command "shwo" \(did you mean show\?\)\./);
  assert.equal((await run("work --help", group)).code, 0);
});

test("failures have status 1 and say what happened; verbose says where", async () => {
  const failing = commandThat(() => { throw new StrataError("PORT_IN_USE", { port: 1 }, { cause: new Error("EADDRINUSE") }); });
  const quiet = await run("work", failing);
  assert.equal(quiet.code, EXIT.failure);
  assert.match(quiet.host.errors(), /^error PORT_IN_USE Port 1 is already in use\.\nnext: [^\n]*\n$/);
  const verbose = await run("work --verbose", failing);
  assert.match(verbose.host.errors(), /caused by Error: EADDRINUSE\n {4}at /);
});

test("an unknown throw is wrapped once", async () => {
  const { code, host } = await run("work --json", commandThat(() => { throw new TypeError("boom"); }));
  assert.equal(code, EXIT.failure);
  assert.match(host.errors(), /error INTERNAL An unexpected error happened: boom/);
  const circular: { self?: unknown } = {};
  circular.self = circular;
  const unprintable = await run("work --json", commandThat(() => circular));
  assert.equal(unprintable.code, EXIT.failure);
  assert.deepEqual(Object.keys(unprintable.host.json() as object), ["error"], "nothing of the broken document was printed");
});

test("an interrupted command has status 130, one that finishes in spite of it its own", async () => {
  const interrupted = createRecordedHost();
  interrupted.interrupt();
  const waits = commandThat(({ clock, signal }) => clock.sleep(1_000, signal));
  assert.equal(await runCommandLine(["work"], interrupted, [entry(waits)]), EXIT.interrupted);
  assert.equal(interrupted.errors(), "interrupted\n");

  const stopped = createRecordedHost();
  const up = commandThat(async ({ signal }) => new Promise((resolve) => signal.addEventListener("abort", () => resolve("stopped cleanly"))), {
    render: (text, { terminal }) => terminal.print(String(text)),
  });
  const running = runCommandLine(["work"], stopped, [entry(up)]);
  setImmediate(() => stopped.interrupt());
  assert.equal(await running, EXIT.ok);
  assert.equal(stopped.output(), "\"stopped cleanly\"\n".replaceAll("\"", ""));
});

test("a real failure during an interruption is shown", async () => {
  const host = createRecordedHost();
  host.interrupt();
  assert.equal(await runCommandLine(["work"], host, [entry(commandThat(() => { throw new Error("did not stop"); }))]), EXIT.failure);
  assert.match(host.errors(), /did not stop/);
});

test("a result can mean failure without being an error", async () => {
  const doctor = commandThat(() => ({ healthy: false }), { exitCode: (result) => ((result as { healthy: boolean }).healthy ? 0 : 1) });
  const { code, host } = await run("work --json", doctor);
  assert.equal(code, 1);
  assert.deepEqual(host.json(), { healthy: false });
});

test("commands refuse arguments of their own accord with status 2", async () => {
  const { code, host } = await run("work", commandThat((context) => { throw context.usageError("Choose --all or a name, not both."); }));
  assert.equal(code, EXIT.usage);
  assert.match(host.errors(), /Choose --all or a name, not both\.\nnext: Run `strata work --help`\./);
});

test("help comes from -h and --help anywhere and from the word help", async () => {
  const asked = await Promise.all(["models show --help", "models -h show", "help models show", "models show --nonsense -h", "--help models show"].map((words) => run(words)));
  for (const { code, host } of asked) {
    assert.equal(code, 0);
    assert.equal(host.output(), [
      "strata models show  Show one model",
      "",
      "Usage",
      "  strata models show <model> [options]",
      "",
      "Shows a model.",
      "",
      "Arguments",
      "  <model>  its name",
      "",
      "Options",
      "      --version <number>  which version",
      "  -h, --help              Show this help",
      "      --json              Print the result as one JSON document",
      "      --verbose           Show the stack and the causes of an error",
      "",
      "Examples",
      "  $ strata models show ranker",
      "    the champion",
      "",
    ].join("\n"));
  }
});

test("help shows placeholders, defaults, choices and subcommands", async () => {
  const { host } = await run("models --help");
  for (const line of [
    "  strata models [<pattern>] [options]", "  strata models <command> [options]", "  show  Show one model",
    "      --url <address>     Where the server is", "  -n, --limit <number>    How many (default 10)",
    "      --since <duration>  How old (default 7d)", "      --sort <name|age>   Order (default name)", "      --tag <text>        Only with this tag (may be repeated)",
  ]) assert.ok(host.output().split("\n").includes(line), `${line}\nis not in\n${host.output()}`);
});

test("help is data with --json", async () => {
  const { host } = await run("models show --help --json");
  assert.deepEqual((host.json() as { arguments: unknown }).arguments, [{ name: "model", description: "its name" }]);
});

test("without a command the front page lists commands by task", async () => {
  for (const words of ["", "--help", "help"]) {
    const { code, host } = await run(words);
    assert.equal(code, 0);
    assert.match(host.output(), /^strata \d+\.\d+\.\d+ {2}the AI-native cloud/);
    assert.match(host.output(), /\nModels\n {2}models {2}List models\n/);
    assert.doesNotMatch(host.output(), /\nOperate\n/);
  }
});

test("the version is that of the package", async () => {
  assert.match((await run("--version")).host.output(), /^\d+\.\d+\.\d+\n$/);
  assert.equal((await run("-v")).host.output(), (await run("--version")).host.output());
  assert.deepEqual(Object.keys((await run("--version --json")).host.json() as object), ["version", "node"]);
});

test("options that belong to no command are refused", async () => {
  const { code, host } = await run("--jsn");
  assert.equal(code, EXIT.usage);
  assert.match(host.errors(), /--jsn is not an option of this command \(did you mean --json\?\)\./);
});

test("help is colourful on a terminal and wraps to its width", async () => {
  const { host } = await run("models show --help", models, { columns: 50 });
  assert.ok(host.output().includes("\u001B[1mOptions\u001B[22m"));
  assert.match(host.output(), /--json {14}Print the result as one\n {26}JSON document\n/);
});

test("contradictory declarations are refused when they are made", () => {
  const declare = (options: OptionTable, positionals: PositionalTable = {}): void => {
    defineCommand({ name: "x", summary: "", description: "", examples: [], options: options, positionals: positionals, run: () => 0 });
  };
  assert.throws(() => declare({ json: { type: "boolean", description: "" } }), /--json belongs to every command/);
  assert.throws(() => declare({ a: { type: "boolean", short: "h", description: "" } }), /-h is there twice/);
  assert.throws(() => declare({ noColor: { type: "boolean", description: "" } }), /named without "no"/);
  assert.throws(() => declare({ a: { type: "boolean", short: "ab", description: "" } }), /"ab" is not one letter/);
  assert.throws(() => declare({}, { a: { description: "", multiple: true }, b: { description: "" } }), /<a> takes all that follow/);
  assert.throws(() => declare({}, { a: { description: "", optional: true }, b: { description: "" } }), /<b> must come before/);
  assert.throws(() => defineCommand({ name: "x", summary: "", description: "", examples: [] }), /neither run nor subcommands/);
});
