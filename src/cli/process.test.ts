import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import { runProcess } from "./process.ts";

/** The part of a process that runProcess uses; `exit` ends the run as leaving would. */
class FakeProcess extends EventEmitter {
  readonly argv: readonly string[];
  readonly env = {};
  readonly stdin = (async function* () {})();
  readonly stdout = new FakeStream();
  readonly stderr = new FakeStream();
  readonly codes: number[] = [];
  constructor(...words: readonly string[]) {
    super();
    this.argv = ["node", "strata", ...words];
  }
  cwd(): string { return "/"; }
  exit(code: number): void { this.codes.push(code); }
}

class FakeStream extends EventEmitter {
  readonly isTTY = false;
  text = "";
  write(text: string, done?: () => void): boolean {
    this.text += text;
    done?.();
    return true;
  }
}

const run = (host: FakeProcess): Promise<void> => runProcess(host as unknown as NodeJS.Process);

test("the process leaves with the command line's status after its output", async () => {
  const host = new FakeProcess("nonsense");
  await run(host);
  assert.deepEqual(host.codes, [2]);
  assert.match(host.stderr.text, /There is no command "nonsense"/);
});

test("the second signal leaves at once", async () => {
  const host = new FakeProcess("--version");
  await run(host);
  host.emit("SIGINT");
  assert.deepEqual(host.codes, [0], "the first only asks");
  host.emit("SIGINT");
  assert.deepEqual(host.codes, [0, 130]);
});

test("a closed pipe ends quietly, another output error does not", async () => {
  const host = new FakeProcess("--version");
  await run(host);
  host.stdout.emit("error", Object.assign(new Error("write EPIPE"), { code: "EPIPE" }));
  assert.deepEqual(host.codes, [0, 0]);
  assert.throws(() => host.stdout.emit("error", new Error("disk full")), /disk full/);
});

test("only the warning about SQLite is held back", async () => {
  const host = new FakeProcess("--version");
  const shown: string[] = [];
  host.on("warning", (warning: Error) => shown.push(warning.message));
  await run(host);
  host.emit("warning", Object.assign(new Error("SQLite is an experimental feature"), { name: "ExperimentalWarning" }));
  host.emit("warning", Object.assign(new Error("other"), { name: "ExperimentalWarning" }));
  assert.deepEqual(shown, ["other"]);
});
