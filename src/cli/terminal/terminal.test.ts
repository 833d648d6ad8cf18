import assert from "node:assert/strict";
import { test } from "node:test";
import { createManualClock } from "../../kernel/clock.ts";
import { createTerminal } from "./terminal.ts";

interface Setup { readonly columns?: number; readonly json?: boolean }

function record({ columns, json = false }: Setup = {}) {
  const clock = createManualClock();
  const written = { out: "", err: "", all: "" };
  const stream = (name: "out" | "err") => ({
    write: (text: string) => { written[name] += text; written.all += text; },
    isTTY: columns !== undefined, columns,
  });
  const terminal = createTerminal({ stdout: stream("out"), stderr: stream("err"), environment: { NO_COLOR: "1" }, clock, json });
  return { clock, written, terminal };
}

test("results go to stdout, remarks to stderr", () => {
  const { written, terminal } = record();
  terminal.print("result");
  terminal.table([{ title: "name", value: (name: string) => name }], ["a"]);
  terminal.pairs([["k", 1]]);
  terminal.section("Title", "body");
  terminal.success("saved");
  terminal.warn("slow");
  terminal.note("remark");
  assert.equal(written.out, "result\nname\na\nk  1\nTitle\n  body\n");
  assert.equal(written.err, "✓ saved\n! slow\nremark\n");
});

test("in JSON mode prose for stdout is dropped", () => {
  const { written, terminal } = record({ json: true });
  terminal.print("result");
  terminal.box("t", "b");
  terminal.bars([{ label: "a", value: 1 }]);
  terminal.note("remark");
  assert.equal(written.out, "");
  assert.equal(written.err, "remark\n");
});

test("a step says what was done and how long it took", async () => {
  const { clock, written, terminal } = record();
  const version = await terminal.step({ running: "training ranker", done: (result: number) => `trained ranker v${result}` }, async () => {
    clock.advance(3_200);
    return 1;
  });
  assert.equal(version, 1);
  assert.equal(written.err, "✓ trained ranker v1 in 3.2s\n");
});

test("a failed step says so and passes the failure on", async () => {
  const { clock, written, terminal } = record();
  await assert.rejects(terminal.step("training ranker", () => {
    clock.advance(50);
    throw new Error("no data");
  }), /no data/);
  assert.equal(written.err, "✗ training ranker after 50ms\n");
});

test("the live line steps aside for permanent text", () => {
  const { written, terminal } = record({ columns: 60 });
  const progress = terminal.progress({ label: "x" });
  progress.update(1);
  terminal.print("result");
  progress.finish("✓ x");
  assert.equal(written.all, "\r\u001B[2Kx  1  0/s  0ms\r\u001B[2Kresult\nx  1  0/s  0ms\r\u001B[2K✓ x\n");
});

test("width is the terminal's, and unknown when piped", () => {
  assert.equal(record({ columns: 132 }).terminal.width, 132);
  assert.equal(record().terminal.width, undefined);
  assert.equal(record({ columns: 0 }).terminal.width, 80, "a terminal that does not know its size");
});
