import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { z } from "zod";
import { defineStream } from "../../define/index.ts";
import type { RecordBatch } from "../../ports/event-log.ts";
import { createEventDecoder } from "./event-decoder.ts";
import { createRecentRows } from "./recent-rows.ts";
import type { Row } from "./recent-rows.ts";
import { compileSchema } from "./schema-check.ts";
import { compileTimeReader } from "./time-reader.ts";

const batchOf = (baseOffset: number, payloads: readonly string[]): RecordBatch => ({
  baseOffset, appendedAtMs: 0,
  records: payloads.map((text, n) => ({ offset: baseOffset + n, id: `${n}`, timeMs: 100 + n, knownAtMs: 200 + n, payload: Buffer.from(text) })),
});
const rows = (from: number, to: number): Row[] => Array.from({ length: to - from }, (_, n) => ({ n: from + n }));
const batch = (from: number, to: number): RecordBatch => batchOf(from, rows(from, to).map((row) => JSON.stringify({ ...row, parsed: true })));

const priced = defineStream("priced", { schema: z.object({ price: z.coerce.number(), country: z.string().default("unknown") }) });

test("a parsed row is what the schema makes of it; one that the schema refuses by now stays as it was sent", () => {
  const decoder = createEventDecoder({ streams: () => new Map([["priced", priced]]) });
  const decoded = decoder.decode("priced", batchOf(7, ['{"price":"2.5","extra":1}', '{"price":"free"}', '{"price":1,"country":"é"}']));
  assert.deepEqual(decoded.rows, [{ price: 2.5, country: "unknown" }, { price: "free" }, { price: 1, country: "é" }]);
  assert.deepEqual([decoded.stream, decoded.baseOffset, [...decoded.timesMs], [...decoded.knownAtMs]], ["priced", 7, [100, 101, 102], [200, 201, 202]]);
});

test("a stream without a definition keeps its JSON; what is no JSON object stops the reader with its place", () => {
  const decoder = createEventDecoder();
  assert.deepEqual(decoder.decode("strata_jobs", batchOf(0, ['{"a":[1]}'])).rows, [{ a: [1] }]);
  for (const payload of ["7", "null", "[]", "{", ""]) {
    assert.throws(() => decoder.decode("strata_jobs", batchOf(5, ["{}", payload])), { code: "EVENT_UNREADABLE", message: /offset 6 of stream "strata_jobs"/ });
  }
});

test("rows handed over are shared, whole, in part and over several hand-overs; the rest is parsed", () => {
  const decoder = createEventDecoder();
  const first = rows(0, 4);
  decoder.offer("s", 0, first);
  decoder.offer("s", 4, rows(4, 6));
  assert.equal(decoder.decode("s", batch(0, 4)).rows, first);
  assert.deepEqual(decoder.decode("s", batch(1, 3)).rows, rows(1, 3));
  assert.deepEqual(decoder.decode("s", batch(2, 6)).rows, rows(2, 6));
  assert.deepEqual(decoder.decode("s", batch(5, 7)).rows, [{ n: 5, parsed: true }, { n: 6, parsed: true }]);
  assert.deepEqual(decoder.decode("other", batch(0, 1)).rows, [{ n: 0, parsed: true }]);
  assert.deepEqual(decoder.statistics(), { sharedRows: 10, parsedRows: 3 });
});

test("what one consumer had to parse at the end of the log the others get for nothing; history is not kept", () => {
  const decoder = createEventDecoder({ maxCachedRows: 4 });
  const newest = decoder.decode("s", batch(10, 14)).rows;
  decoder.decode("s", batch(0, 4));
  assert.equal(decoder.decode("s", batch(10, 14)).rows, newest);
});

test("a batch is awaited while an append is announced that may be its own", () => {
  const decoder = createEventDecoder();
  assert.equal(decoder.isAwaited("s", batch(0, 2)), false);
  const settled = decoder.announce("s");
  assert.deepEqual([decoder.isAwaited("s", batch(0, 2)), decoder.isAwaited("other", batch(0, 2))], [true, false]);
  decoder.offer("s", 0, rows(0, 2));
  assert.deepEqual([decoder.isAwaited("s", batch(0, 2)), decoder.isAwaited("s", batch(2, 3))], [false, true]);
  settled();
  assert.equal(decoder.isAwaited("s", batch(2, 3)), false);
});

test("recent rows: never wrong, never more than allowed, the newest always there", () => {
  const step = fc.record({ stream: fc.constantFrom("a", "b"), size: fc.integer({ min: 0, max: 6 }) });
  fc.assert(fc.property(fc.array(step, { maxLength: 600 }), fc.integer({ min: 6, max: 20 }), (steps, maxRows) => {
    const recent = createRecentRows(maxRows);
    const next: Record<string, number> = { a: 0, b: 0 };
    for (const { stream, size } of steps) {
      const from = next[stream]!;
      recent.add(stream, from, rows(from, from + size));
      next[stream] = from + size;
      assert.ok(recent.size() <= maxRows);
      if (size > 0) assert.deepEqual(recent.find(stream, from, from + size), rows(from, from + size));
      assert.equal(recent.find(stream, from + size, from + size + 1), undefined);
      const [low, high] = [Math.max(0, from - 7), from + size];
      const found = recent.find(stream, low, high);
      if (found !== undefined) assert.deepEqual(found, rows(low, high));
    }
    assert.deepEqual([recent.newestOffset("a"), recent.newestOffset("b")], [next["a"], next["b"]]);
  }));
});

test("rows that left are gone, and a gap between hand-overs is no row", () => {
  const recent = createRecentRows(6);
  for (const from of [0, 4, 6]) recent.add("s", from, rows(from, from + 2));
  assert.deepEqual([recent.find("s", 1, 5), recent.find("s", 4, 8)], [undefined, rows(4, 8)]);
  recent.add("s", 8, rows(8, 10));
  assert.deepEqual([recent.find("s", 0, 2), recent.size()], [undefined, 6]);
  recent.add("s", 10, rows(10, 17));
  assert.deepEqual([recent.find("s", 10, 17), recent.find("s", 8, 10)], [undefined, rows(8, 10)]);
});

test("hand-overs out of order find their place", () => {
  const recent = createRecentRows(100);
  for (const from of [4, 0, 6, 2]) recent.add("s", from, rows(from, from + 2));
  assert.deepEqual(recent.find("s", 1, 7), rows(1, 7));
  assert.equal(recent.newestOffset("s"), 8);
});

test("a problem's word is the schema's own message where it has one, else zod's code", () => {
  const check = compileSchema(z.object({ a: z.string("no a"), b: z.number(), c: z.array(z.number()).optional(), d: z.string().refine((d) => d !== "x", "no x").optional() }));
  const codes = (value: unknown): readonly string[] => {
    const checked = check(value);
    return checked.success ? [] : checked.problems.map(({ path, code, message }) => (code === message ? `${path}=${code}` : `${path}:${code}`));
  };
  assert.deepEqual(codes({}), ["a=no a", "b:invalid_type"]);
  assert.deepEqual(codes({ a: "", b: 1, c: [1, "2"], d: "x" }), ["c[1]:invalid_type", "d=no x"]);
  assert.deepEqual(codes({ a: "", b: 1 }), []);
  assert.equal(codes({ a: "", b: 1, c: Array.from({ length: 1_000 }, () => "x") }).length, 20);
});

test("event times: text with an offset, milliseconds, dates; nothing else", () => {
  const read = compileTimeReader({ time: "at" });
  assert.deepEqual(["2026-01-01T00:00:00Z", 5.5, new Date(7), undefined, null].map((at) => read({ at })), [Date.UTC(2026, 0, 1), 5.5, 7, undefined, undefined]);
  for (const at of ["2026-01-01", "now", Number.NaN, Infinity, 8.64e15 + 1, true, {}, [], 1n, new Date(Number.NaN)]) {
    const problem = read({ at });
    assert.equal(typeof problem === "object" && `${problem.path}:${problem.code}`, "at:invalid time", typeof at);
  }
  assert.equal(compileTimeReader({ time: undefined })({ at: "x" }), undefined);
});
