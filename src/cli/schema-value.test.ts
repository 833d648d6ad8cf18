import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { exampleOf, readText, typesOf, type JsonSchema } from "./schema-value.ts";

const schemaOf = (type: z.ZodType): JsonSchema => z.toJSONSchema(type, { io: "input", unrepresentable: "any" }) as JsonSchema;

test("a text becomes what its field's schema asks for", () => {
  const cases: readonly (readonly [text: string, type: z.ZodType, value: unknown])[] = [
    ["12.5", z.number(), 12.5], [" 7 ", z.number().int(), 7], ["-1e3", z.number(), -1000], [".5", z.number(), 0.5], ["1.", z.number(), 1],
    ["0x10", z.number(), "0x10"], ["1,5", z.number(), "1,5"], ["", z.number(), ""], ["NaN", z.number(), "NaN"], ["1e999", z.number(), "1e999"],
    ["007", z.string(), "007"], ["true", z.string(), "true"], ["null", z.string(), "null"],
    ["TRUE", z.boolean(), true], ["0", z.boolean(), false], ["no", z.boolean(), false], ["maybe", z.boolean(), "maybe"],
    ["null", z.number().nullable(), null], ["3", z.number().nullable(), 3], ["3", z.union([z.string(), z.number()]), "3"],
    ["[1,2]", z.array(z.number()), [1, 2]], ["P1", z.array(z.string()), ["P1"]], ["{\"a\":1}", z.object({ a: z.number() }), { a: 1 }], ["{a:1}", z.object({}), "{a:1}"],
    ["5", z.number().optional(), 5], ["5", z.coerce.number(), 5], ["b", z.enum(["a", "b"]), "b"], ["3", z.literal(3), 3], ["x", z.unknown(), "x"],
  ];
  for (const [text, type, value] of cases) assert.deepEqual(readText(text, schemaOf(type)), value, `${text} as ${JSON.stringify(schemaOf(type))}`);
});

test("without a schema, what reads as JSON is JSON", () => {
  assert.deepEqual(["1", "true", "null", "{\"a\":[1]}", "C1", "01"].map((text) => readText(text, undefined)), [1, true, null, { a: [1] }, "C1", "01"]);
});

test("types come from type lists and alternatives; what is no schema has none", () => {
  assert.deepEqual([...typesOf({ anyOf: [{ type: "string" }, { type: ["number", "null"] }] })].toSorted(), ["null", "number", "string"]);
  assert.equal(typesOf({ type: 7 }).size, 0);
});

test("an example has the required fields and satisfies the schema it was made from", () => {
  const type = z.object({
    id: z.string().min(1), kind: z.enum(["new", "used"]), price: z.number().positive(), count: z.number().int().min(3), at: z.iso.datetime(),
    fixed: z.literal("yes"), flag: z.boolean(), tags: z.array(z.string()), inner: z.object({ name: z.string() }), later: z.string().optional(), preset: z.number().default(1),
  });
  const example = exampleOf(schemaOf(type), 0);
  assert.deepEqual(example, {
    id: "id-1", kind: "new", price: 1, count: 3, at: "1970-01-01T00:00:00.000Z", fixed: "yes", flag: true, tags: [], inner: { name: "name-1" },
  });
  assert.ok(type.safeParse(example).success);
});
