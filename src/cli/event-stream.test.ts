import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { eventsOf, linesOf } from "./event-stream.ts";

async function* pieces(bytes: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  let start = 0;
  for (const cut of cuts.map((at) => at % (bytes.length + 1)).toSorted((a, b) => a - b)) {
    yield bytes.subarray(start, cut);
    start = cut;
  }
  yield bytes.subarray(start);
}

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of items) list.push(item);
  return list;
}

function linesIn(text: string, cuts: readonly number[] = []): Promise<string[]> {
  return collect(linesOf(pieces(new TextEncoder().encode(text), cuts)));
}

function eventsIn(text: string) {
  return collect(eventsOf(linesOf(pieces(new TextEncoder().encode(text), []))));
}

test("lines end with LF, CRLF or CR; the last may end with nothing", async () => {
  assert.deepEqual(await linesIn("a\nb\r\nc\rd"), ["a", "b", "c", "d"]);
  assert.deepEqual(await linesIn("a\n\nb\n"), ["a", "", "b"]);
  assert.deepEqual(await linesIn("a\r"), ["a"]);
  assert.deepEqual(await linesIn(""), []);
});

test("where the stream is cut makes no difference, also within a character or between CR and LF", async () => {
  const text = fc.string({ unit: fc.constantFrom("a", "é", "日", "👍", "\r", "\n", "\r\n") });
  await fc.assert(fc.asyncProperty(text, fc.array(fc.nat()), async (whole, cuts) => {
    assert.deepEqual(await linesIn(whole, cuts), await linesIn(whole));
  }));
});

test("events follow the HTML standard", async () => {
  assert.deepEqual(await eventsIn(": hello\nevent: alert\nid: 7\ndata: one\ndata:two\nretry: 5\n\ndata\n\nevent: lost\n\ndata:  two spaces\n\ndata: unfinished"), [
    { event: "alert", data: "one\ntwo", id: "7" },
    { event: "message", data: "", id: "7" },
    { event: "message", data: " two spaces", id: "7" },
  ]);
});
