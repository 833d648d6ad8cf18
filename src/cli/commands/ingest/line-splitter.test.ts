import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isStrataError } from "../../../kernel/errors.ts";
import { splitLines } from "./line-splitter.ts";
import { MAX_EVENT_BYTES } from "./source-event.ts";

async function split(chunks: readonly Buffer[]): Promise<readonly (readonly [place: number, text: string])[]> {
  const found: (readonly [number, string])[] = [];
  for await (const group of splitLines((async function* () { yield* chunks; })(), "x.ndjson")) {
    for (const { place, bytes } of group) found.push([place, Buffer.from(bytes).toString()]);
  }
  return found;
}

test("blank lines are skipped and counted; the last line needs no end", async () => {
  assert.deepEqual(await split([Buffer.from("{\"a\":1}\n\n \t\r\n{\"a\":"), Buffer.from("2}\r"), Buffer.from("\nlast")]), [[1, "{\"a\":1}"], [4, "{\"a\":2}\r"], [5, "last"]]);
  assert.deepEqual(await split([]), []);
});

test("lines are the same however the bytes are cut", async () => {
  await fc.assert(fc.asyncProperty(fc.array(fc.string({ unit: "binary" }).filter((line) => !line.includes("\n") && !/^[ \t\r]*$/.test(line))), fc.integer({ min: 1, max: 9 }), async (lines, step) => {
    const bytes = Buffer.from(lines.join("\n"));
    const chunks = Array.from({ length: Math.ceil(bytes.length / step) }, (_, at) => bytes.subarray(at * step, (at + 1) * step));
    assert.deepEqual((await split(chunks)).map(([, text]) => Buffer.from(text)), lines.map((line) => Buffer.from(line)));
  }), { numRuns: 60 });
});

test("a line without an end is refused before it fills the memory", async () => {
  let sent = 0;
  async function* endless(): AsyncGenerator<Buffer> {
    for (; ; sent++) yield Buffer.alloc(1024 * 1024, "x");
  }
  await assert.rejects(async () => { for await (const _ of splitLines(endless(), "big.txt")) assert.fail("there is no line"); },
    (thrown) => isStrataError(thrown) && /big\.txt is not a valid NDJSON file: line 1 is longer than 16 MiB/.test(thrown.message));
  assert.ok(sent * 1024 * 1024 <= MAX_EVENT_BYTES + 1024 * 1024);
});
