import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isStrataError } from "../../../kernel/errors.ts";
import { splitJson } from "./json-splitter.ts";

async function* pieces(bytes: Buffer, cuts: readonly number[] = []): AsyncGenerator<Buffer> {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
  for (let at = 1; at < places.length; at++) yield bytes.subarray(places[at - 1], places[at]);
}

async function split(text: string, cuts: readonly number[] = []): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const group of splitJson(pieces(Buffer.from(text), cuts), "x.json")) {
    for (const { bytes, place } of group) {
      found.push(Buffer.from(bytes).toString());
      assert.equal(place, found.length, "places count from 1");
    }
  }
  return found;
}

async function refused(text: string, reason: RegExp): Promise<void> {
  await assert.rejects(split(text), (thrown) => isStrataError(thrown) && thrown.code === "FILE_INVALID" && reason.test(thrown.message), text);
}

test("elements keep their own bytes, on one line", async () => {
  assert.deepEqual(await split("[{\"a\":1.00,\n \"a\":1e2}, {\"b\" : \"x]},{\"}]"), ["{\"a\":1.00,  \"a\":1e2}", "{\"b\" : \"x]},{\"}"]);
  assert.deepEqual(await split("[]"), []);
  assert.deepEqual(await split(" \n"), []);
  assert.deepEqual(await split("[1,\"a\\\"]\",null,[2,[3]]]"), ["1", "\"a\\\"]\"", "null", "[2,[3]]"]);
});

test("values one after another need no array", async () => {
  assert.deepEqual(await split("{\"a\":1}\n{\"a\":2}{\"a\":3} 4"), ["{\"a\":1}", "{\"a\":2}", "{\"a\":3}", "4"]);
});

test("any list comes out whole, however it is indented and cut", async () => {
  await fc.assert(fc.asyncProperty(fc.array(fc.jsonValue()), fc.constantFrom(undefined, 1, "\t"), fc.array(fc.nat()), async (values, indent, cuts) => {
    const expected = JSON.parse(JSON.stringify(values)) as unknown;
    const found = await split(JSON.stringify(values, null, indent), cuts);
    assert.deepEqual(found.map((text) => JSON.parse(text) as unknown), expected);
    assert.ok(found.every((text) => !text.includes("\n")));
  }), { numRuns: 300 });
});

test("what is cut off or no list is refused, with the place", async () => {
  await refused("[{\"a\":1}", /ends before the array does, after 1 events/);
  await refused("[{\"a\":1},{\"a\":", /ends in the middle of event 2/);
  await refused("[\"abc", /ends in the middle of event 1/);
  await refused("[{\"a\":1} {\"a\":2}]", /a comma or the end of the array must follow event 1/);
  await refused("[1,]", /"]" stands where event 2 should begin/);
  await refused("[,1]", /"," stands where event 1 should begin/);
  await refused("[1] x", /something follows the end of the array/);
  await refused("}", /"}" stands where event 1 should begin/);
  await refused("[{\"a\":\"two\nlines\"}]", /a text in event 1 has no end on its line/);
});
