import assert from "node:assert/strict";
import { test } from "node:test";
import { isStrataError } from "../../../kernel/errors.ts";
import type { JsonSchema } from "../../schema-value.ts";
import { delimiterOf, readCsv } from "./csv-rows.ts";

const schema: JsonSchema = {
  properties: { id: { type: "string" }, price: { type: "number" }, gift: { type: "boolean" }, note: { type: ["string", "null"] } }, required: ["id", "price"],
};

async function rows(text: string): Promise<readonly (readonly [place: number, event: unknown])[]> {
  const found: (readonly [number, unknown])[] = [];
  const head = Buffer.from(text);
  for await (const group of readCsv((async function* () { yield head; })(), { path: "x.csv", schema, head })) {
    for (const { place, bytes } of group) found.push([place, JSON.parse(Buffer.from(bytes).toString())]);
  }
  return found;
}

async function refused(text: string, reason: RegExp): Promise<void> {
  await assert.rejects(rows(text), (thrown) => isStrataError(thrown) && thrown.code === "FILE_INVALID" && reason.test(thrown.message), text);
}

test("cells become what the schema asks for; empty ones are absent; unknown columns stay text", async () => {
  assert.deepEqual(await rows("id,price,gift,note,extra\n007,12.5,true,,5\n\n8,abc,,\"two\nlines, \"\"quoted\"\"\",\n"), [
    [2, { id: "007", price: 12.5, gift: true, extra: "5" }],
    [5, { id: "8", price: "abc", note: "two\nlines, \"quoted\"" }],
  ]);
});

test("CRLF, spaces around header names and other delimiters are read", async () => {
  assert.deepEqual(await rows(" id ; price\r\na;1\r\nb;2\r\n"), [[2, { id: "a", price: 1 }], [3, { id: "b", price: 2 }]]);
  assert.equal(delimiterOf(Buffer.from("a\tb\tc,d\n1;2;3;4;5")), "\t");
  assert.equal(delimiterOf(Buffer.from("\"a;b;c\",d")), ",");
  assert.equal(delimiterOf(Buffer.from("one")), ",");
});

test("a header alone has no events, many rows all arrive", async () => {
  assert.deepEqual(await rows("id,price\n"), []);
  const many = await rows(`id,price\n${Array.from({ length: 1_234 }, (_, at) => `${at},${at}\n`).join("")}`);
  assert.equal(many.length, 1_234);
  assert.deepEqual(many.at(-1), [1_235, { id: "1233", price: 1_233 }]);
});

test("a header that cannot fit is refused before anything is sent", async () => {
  await refused("id,prize\n1,2\n", /its header lacks price \(did you mean prize\?\), which every event of the stream needs/);
  await refused("id,price,id\n", /the header names "id" twice/);
  await refused("id,,price\n", /column 2 has no name in the header/);
});

test("a broken row is refused with its line", async () => {
  await refused("id,price\n1,2\n3\n", /line 3 has 1 cells, unlike the header/);
  await refused("id,price\n1,2\n\"3,4\n5,6\n", /a quoted cell that begins at or before line 4 has no closing quote/);
  await refused("id,price\n1\"x\",2\n", /x\.csv is not a valid CSV file: Invalid Opening Quote/);
});
