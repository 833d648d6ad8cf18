/** The parts of data quality against slow and plain readings of what they promise. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { z } from "zod";
import { between, defineApplication, defineExpectations, defineStream, describeApplication, diffDefinitions, holds, matches, notNull, refersTo, sql, unique } from "../../define/index.ts";
import { createOffendingSample } from "./offending-sample.ts";
import { describeContract, readContract } from "./contract.ts";
import { hashKey } from "./key-hash.ts";
import { createSeenKeys } from "./seen-keys.ts";
import { createShareWindow } from "./share-window.ts";

test("a share window counts what lies in the last sixtieths, whatever the order of arrival", () => {
  const event = fc.record({ timeMs: fc.nat(5_000), isBad: fc.boolean() });
  fc.assert(fc.property(fc.array(event, { maxLength: 100 }), fc.nat(8_000), fc.boolean(), (events, readAt, restarts) => {
    const windowMs = 1_200, paneMs = windowMs / 60;
    let window = createShareWindow(windowMs);
    let newest = 0;
    const kept: { pane: number; isBad: boolean }[] = [];
    for (const { timeMs, isBad } of events) {
      newest = Math.max(newest, Math.floor(timeMs / paneMs));
      window.add(timeMs, isBad);
      kept.push({ pane: Math.floor(timeMs / paneMs), isBad });
      if (restarts) window = createShareWindow(windowMs, JSON.parse(JSON.stringify(window.state())) as ReturnType<typeof window.state>);
    }
    newest = Math.max(newest, Math.floor(readAt / paneMs));
    const inside = kept.filter(({ pane }) => pane > newest - 60);
    assert.deepEqual(window.counts(readAt), { evaluated: inside.length, failed: inside.filter(({ isBad }) => isBad).length });
  }));
});

test("a key is seen again exactly when it came within the span, in order of arrival", () => {
  const event = fc.record({ key: fc.nat(5), timeMs: fc.nat(300) });
  fc.assert(fc.property(fc.array(event, { maxLength: 60 }), (events) => {
    const inOrder = events.toSorted((a, b) => a.timeMs - b.timeMs);
    let seen = createSeenKeys({ withinMs: 50, keys: 1_000 });
    for (const [at, { key, timeMs }] of inOrder.entries()) {
      const expected = inOrder.slice(0, at).some((other) => other.key === key && timeMs - other.timeMs <= 50);
      assert.equal(seen.see(key, timeMs), expected);
      if (at % 7 === 3) seen = createSeenKeys({ withinMs: 50, keys: 1_000 }, JSON.parse(JSON.stringify(seen.state())) as ReturnType<typeof seen.state>);
    }
  }));
});

test("keys beyond the bound leave, and are counted", () => {
  const seen = createSeenKeys({ withinMs: 1e9, keys: 3 });
  for (const key of [1, 2, 3, 4]) assert.equal(seen.see(key, key), false);
  assert.deepEqual([seen.see(1, 5), seen.dropped], [false, 2]);
});

test("hashes tell values, types and places apart", () => {
  const value = fc.oneof(fc.string({ maxLength: 4 }), fc.integer({ min: -50, max: 50 }), fc.boolean(), fc.constant(undefined));
  fc.assert(fc.property(fc.array(value, { maxLength: 3 }), fc.array(value, { maxLength: 3 }), (a, b) => {
    const same = a.length === b.length && a.every((part, at) => Object.is(part, b[at]) || (part === 0 && b[at] === 0));
    assert.equal(hashKey(a) === hashKey(b), same);
    assert.ok(Number.isSafeInteger(hashKey(a)) && hashKey(a) >= 0);
  }), { numRuns: 500 });
  const hashes = new Set<number>();
  for (let at = 0; at < 300_000; at++) hashes.add(hashKey([`line-${at}`]));
  assert.equal(hashes.size, 300_000);
});

test("a sample is uniform, the same in any order, and bounded", () => {
  const hits = new Float64Array(200);
  for (let rule = 0; rule < 400; rule++) {
    const sample = createOffendingSample(`rule ${rule}`, 20);
    for (let place = 0; place < 200; place++) sample.add(place, 0, () => ({ timeMs: 0, values: {}, event: "" }));
    for (const { place } of sample.events()) hits[place] = hits[place]! + 1;
  }
  assert.ok(hits.every((count) => count > 15 && count < 70), "each place in about 40 of 400 samples"); // 4 standard deviations
  const [forward, backward] = [createOffendingSample("r", 5), createOffendingSample("r", 5)];
  for (let place = 0; place < 50; place++) forward.add(place, 0, () => ({ timeMs: 0, values: {}, event: "" }));
  for (let place = 49; place >= 0; place--) backward.add(place, 0, () => ({ timeMs: 0, values: {}, event: "" }));
  assert.deepEqual(forward.events(), backward.events());
});

const items = defineStream("items", { schema: z.object({ code: z.string() }) });
const orders = defineStream("orders", { schema: z.object({ line: z.string(), item: z.string(), price: z.number().default(1), at: z.iso.datetime() }), time: "at" });
const checksOf = (min: number) => defineExpectations("checks", {
  of: orders, window: "2h", expect: (e) => ({
    item_format: matches(e.item, /^[A-Z]\d+$/gi).stop(), price: between(e.price, { min }).quarantine(), sum: holds(e.price.times(2).less(100)), known: refersTo(e.item, items, (other) => other.code),
    lines: unique(e.line, { within: "1d" }).atLeast(0.99), asked: sql("SELECT * FROM events WHERE false;"),
  }),
});

test("a definition with expectations is plain data; a plan names the rule that changes", () => {
  const [before, after] = [defineApplication("shop", [checksOf(1)]), defineApplication("shop", [checksOf(2)])];
  assert.deepEqual([...before.streams.keys()].toSorted(), ["items", "orders"]);
  const document = describeApplication(before);
  assert.deepEqual(JSON.parse(JSON.stringify(document)), document);
  assert.deepEqual(diffDefinitions(document, describeApplication(after)).map(({ kind, name, action, changes }) => [kind, name, action, changes]), [
    ["expectations", "checks", "update", [{ path: "rules.price.test.min", from: 1, to: 2 }]],
  ]);
});

test("every problem of a definition's rules is told", () => {
  const broken = defineExpectations("checks", { of: orders, expect: () => ({
    "Bad name": notNull({ node: { op: "field", name: "nothing" } }), share: holds({ node: { op: "field", name: "at" } }).atLeast(2), bounds: between({ node: { op: "field", name: "price" } }, { min: 3, max: 1 }), open: between({ node: { op: "field", name: "price" } }, {}), query: sql("DROP TABLE events"),
  }) });
  assert.throws(() => defineApplication("shop", [broken]), (thrown: { problems: readonly { code: string }[] }) => {
    assert.deepEqual(thrown.problems.map(({ code }) => code), ["bad-name", "unknown-field", "out-of-range", "out-of-range", "empty", "bad-query"]);
    return true;
  });
});

test("a contract goes through its text and back", () => {
  const contract = describeContract(defineApplication("shop", [checksOf(1)]), "orders");
  const read = readContract(JSON.stringify(contract), "c.json");
  assert.deepEqual(read.document, contract);
  assert.deepEqual(read.expectations[0]!.rules["item_format"]!.test, { kind: "matches", value: { op: "field", name: "item" }, source: "^[A-Z]\\d+$", flags: "i" });
  assert.equal(read.stream.schema.safeParse({ line: "a", item: "b", at: "2026-01-01T00:00:00Z" }).success, true);
  assert.equal(read.stream.schema.safeParse({ line: "a", item: "b", at: "yesterday" }).success, false);
  assert.throws(() => readContract("{", "c.json"), { code: "FILE_INVALID" });
});
