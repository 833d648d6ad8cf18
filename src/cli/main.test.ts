import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { COMMANDS } from "./command-table.ts";
import { runCommandLine } from "./command-line.ts";
import type { Command } from "./command.ts";
import { createRecordedHost } from "./recorded-host.ts";

const main = fileURLToPath(new URL("main.ts", import.meta.url));

interface Outcome { readonly code: number; readonly stdout: string; readonly stderr: string }

function strata(...words: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, ["--conditions=source", main, ...words], (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr });
    });
  });
}

test("the program answers for itself", async () => {
  const [help, version, wrong] = await Promise.all([strata("--help"), strata("--version"), strata("nonsense", "--json")]);
  assert.equal(help.code, 0);
  assert.match(help.stdout, /Usage\n {2}strata <command>/);
  assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
  assert.equal(wrong.code, 2);
  assert.equal((JSON.parse(wrong.stdout) as { error: { code: string } }).error.code, "USAGE");
  assert.match(wrong.stderr, /^error USAGE There is no command "nonsense"/);
});

test("every registered command explains itself", async (t) => {
  assert.equal(new Set(COMMANDS.map((entry) => entry.name)).size, COMMANDS.length, "each name once");
  for (const entry of COMMANDS) {
    await t.test(entry.name, async () => {
      const command = await entry.load();
      assert.equal(command.name, entry.name);
      assert.equal(command.summary, entry.summary, "the table and the command's file say the same");
      await explainsItself(command, [entry.name]);
    });
  }
});

async function explainsItself(command: Command, path: readonly string[]): Promise<void> {
  const name = `strata ${path.join(" ")}`;
  assert.match(command.summary, /^[A-Z].{5,70}[^.]$/, `${name}: the summary is one line without a full stop`);
  assert.ok(command.examples.length > 0, `${name} has an example`);
  for (const example of command.examples) assert.ok(example.command.includes(name), `${example.command} shows ${name}`);
  const host = createRecordedHost();
  assert.equal(await runCommandLine([...path, "--help"], host), 0);
  for (const part of [command.summary, "Usage", "Options", "--json", "Examples"]) assert.ok(host.output().includes(part), `help of ${name} has ${part}`);
  for (const option of Object.values(command.options)) assert.notEqual(option.description, "", `every option of ${name} is described`);
  for (const subcommand of command.subcommands) await explainsItself(subcommand, [...path, subcommand.name]);
}
