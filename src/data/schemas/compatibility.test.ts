/** Compatibility by example and by law: what is called readable is read, by zod itself. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { z } from "zod";
import type { CompatibilityMode } from "../../define/index.ts";
import { defineStream, describeSchema } from "../../define/index.ts";
import { checkCompatibility } from "./compatibility.ts";
import type { JsonSchema } from "./json-schema.ts";
import { schemaDifferences } from "./schema-difference.ts";
import "../../../test/law-seed.ts";

const jsonOf = (schema: z.ZodObject): JsonSchema => describeSchema(defineStream("s", { schema }));
const rules = (mode: CompatibilityMode, next: z.ZodObject, ...before: readonly z.ZodObject[]): readonly string[] =>
  checkCompatibility(mode, jsonOf(next), before.map((schema, at) => ({ version: at + 1, schema: jsonOf(schema) }))).map(({ path, rule, version, direction }) => `${path} ${rule} ${direction} ${version}`);

const base = z.object({ id: z.string(), price: z.number().min(0), kind: z.enum(["a", "b"]), note: z.string().optional(), tags: z.array(z.string()), at: z.iso.datetime() });

const changes: readonly (readonly [change: string, next: z.ZodObject, backward: readonly string[], forward: readonly string[]])[] = [
  ["nothing", base, [], []],
  ["an added optional field", base.extend({ more: z.number().optional() }), [], []],
  ["an added field with a default", base.extend({ more: z.number().default(1) }), [], []],
  ["an added required field", base.extend({ more: z.number() }), ["more FIELD_REQUIRED"], []],
  ["a removed required field", base.omit({ price: true }), [], ["price FIELD_REQUIRED"]],
  ["a removed optional field", base.omit({ note: true }), [], []],
  ["an optional field that becomes required", base.extend({ note: z.string() }), ["note FIELD_REQUIRED"], []],
  ["a required field that becomes optional", base.extend({ id: z.string().optional() }), [], ["id FIELD_REQUIRED"]],
  ["a widened type", base.extend({ id: z.union([z.string(), z.number()]) }), [], ["id TYPE_NARROWED"]],
  ["a narrowed type", base.extend({ price: z.int().min(0) }), ["price TYPE_NARROWED"], []],
  ["another type", base.extend({ id: z.number() }), ["id TYPE_NARROWED"], ["id TYPE_NARROWED"]],
  ["null allowed", base.extend({ id: z.string().nullable() }), [], ["id TYPE_NARROWED"]],
  ["an added enum value", base.extend({ kind: z.enum(["a", "b", "c"]) }), [], ["kind VALUES_NARROWED"]],
  ["a removed enum value", base.extend({ kind: z.enum(["a"]) }), ["kind VALUES_NARROWED"], []],
  ["an enum that becomes text", base.extend({ kind: z.string() }), [], ["kind VALUES_NARROWED"]],
  ["a narrowed range", base.extend({ price: z.number().min(1) }), ["price RANGE_NARROWED"], []],
  ["a bound that becomes exclusive", base.extend({ price: z.number().positive() }), ["price RANGE_NARROWED"], []],
  ["a bound taken away", base.extend({ price: z.number() }), [], ["price RANGE_NARROWED"]],
  ["a longer least length", base.extend({ id: z.string().min(3) }), ["id LENGTH_NARROWED"], []],
  ["a pattern added", base.extend({ id: z.string().regex(/^x/) }), ["id PATTERN_CHANGED"], []],
  ["a pattern changed", base.extend({ at: z.iso.datetime({ offset: true }) }), ["at PATTERN_CHANGED"], ["at PATTERN_CHANGED"]],
  ["other items", base.extend({ tags: z.array(z.number()) }), ["tags[] TYPE_NARROWED"], ["tags[] TYPE_NARROWED"]],
  ["fewer items allowed", base.extend({ tags: z.array(z.string()).max(3) }), ["tags ITEMS_NARROWED"], []],
  ["a strict object", z.strictObject(base.shape), [" OBJECT_CLOSED"], []],
  ["a strict object without a field", z.strictObject(base.omit({ note: true }).shape), ["note FIELD_REFUSED", " OBJECT_CLOSED"], []],
];

for (const [change, next, backward, forward] of changes) {
  test(`compatibility of ${change}`, () => {
    const told = (direction: string, list: readonly string[]): readonly string[] => list.map((one) => `${one} ${direction} 1`);
    assert.deepEqual(rules("BACKWARD", next, base), told("BACKWARD", backward));
    assert.deepEqual(rules("FORWARD", next, base), told("FORWARD", forward));
    assert.deepEqual(rules("FULL", next, base), [...told("BACKWARD", backward), ...told("FORWARD", forward)]);
    assert.deepEqual(rules("NONE", next, base), []);
  });
}

test("transitive modes look at every version, the others at the latest", () => {
  const one = z.object({ a: z.string() }), two = z.object({}), three = z.object({ a: z.number().optional() });
  assert.deepEqual(rules("BACKWARD", three, one, two), []);
  assert.deepEqual(rules("BACKWARD_TRANSITIVE", three, one, two), ["a TYPE_NARROWED BACKWARD 1"]);
  assert.deepEqual(rules("FORWARD_TRANSITIVE", three, one, two), ["a FIELD_REQUIRED FORWARD 1", "a TYPE_NARROWED FORWARD 1"]);
  assert.deepEqual(rules("FULL_TRANSITIVE", two, one), ["a FIELD_REQUIRED FORWARD 1"]);
  assert.deepEqual(rules("BACKWARD", three), []);
});

test("each finding is a sentence that says what is wrong and what to do", () => {
  const [finding] = checkCompatibility("BACKWARD", jsonOf(base.extend({ more: z.number() })), [{ version: 4, schema: jsonOf(base) }]);
  assert.equal(finding!.message, "the new schema requires it and version 4 does not have it; make it optional or give it a default");
  const [narrowed] = checkCompatibility("BACKWARD", jsonOf(base.extend({ price: z.number().min(5) })), [{ version: 4, schema: jsonOf(base) }]);
  assert.equal(narrowed!.message, "the new schema takes numbers from 5 on and version 4 allows them from 0 on; keep the old bounds, or wider ones");
});

test("a schema that contains itself is compared and ends", () => {
  const tree = (leaf: z.ZodType): z.ZodObject => {
    const node: z.ZodObject = z.object({ leaf, get children() { return z.array(node); } });
    return node;
  };
  assert.deepEqual(rules("BACKWARD", tree(z.number()), tree(z.number())), []);
  assert.deepEqual(rules("BACKWARD", tree(z.int()), tree(z.number())), ["leaf TYPE_NARROWED BACKWARD 1"]);
});

/** A field's schema with a source of values that it takes. */
interface Kind { readonly schema: z.ZodType; readonly values: fc.Arbitrary<unknown> }

const plain: fc.Arbitrary<Kind> = fc.oneof(
  fc.tuple(fc.integer({ min: -3, max: 3 }), fc.nat(4), fc.boolean(), fc.boolean()).map(([low, width, isWhole, isOpen]): Kind => {
    const number = isWhole ? z.int() : z.number();
    return { schema: isOpen ? number.min(low) : number.min(low).max(low + width), values: isWhole ? fc.integer({ min: low, max: low + width }) : fc.double({ min: low, max: low + width, noNaN: true }) };
  }),
  fc.tuple(fc.nat(3), fc.nat(3)).map(([least, more]): Kind => ({ schema: z.string().min(least).max(least + more), values: fc.string({ minLength: least, maxLength: least + more, unit: fc.constantFrom("a", "b") }) })),
  fc.subarray(["a", "b", "c", 1, 2, true], { minLength: 1 }).map((values): Kind => ({ schema: z.literal(values), values: fc.constantFrom(...values) })),
  fc.constant<Kind>({ schema: z.boolean(), values: fc.boolean() }),
);
const kind: fc.Arbitrary<Kind> = fc.letrec<{ kind: Kind }>((tie) => ({
  kind: fc.oneof({ depthSize: "small", withCrossShrink: true }, plain,
    fc.tuple(tie("kind"), fc.nat(2), fc.nat(2)).map(([item, least, more]): Kind => ({ schema: z.array(item.schema).min(least).max(least + more), values: fc.array(item.values, { minLength: least, maxLength: least + more }) })),
    fc.tuple(tie("kind"), tie("kind")).map(([a, b]): Kind => ({ schema: z.union([a.schema, b.schema]), values: fc.oneof(a.values, b.values) })),
    tie("kind").map((inner): Kind => ({ schema: inner.schema.nullable(), values: fc.option(inner.values) })),
    tie("kind").map((value): Kind => ({ schema: z.record(z.string(), value.schema), values: fc.dictionary(fc.constantFrom("x", "y"), value.values) })),
    tie("kind").map((inner): Kind => ({ schema: z.object({ inner: inner.schema }), values: inner.values.map((value) => ({ inner: value })) })))
})).kind;

interface Shape { readonly schema: z.ZodObject; readonly values: fc.Arbitrary<Readonly<Record<string, unknown>>> }

const field = fc.record({ kind, presence: fc.constantFrom("required", "optional", "default") });
const shape: fc.Arbitrary<Shape> = fc.tuple(fc.dictionary(fc.constantFrom("f", "g", "h"), field, { maxKeys: 3 }), fc.boolean()).map(([fields, isStrict]) => {
  const members = Object.fromEntries(Object.entries(fields).map(([name, { kind: { schema }, presence }]) => [name, presence === "required" ? schema : presence === "optional" ? schema.optional() : schema.default(null as never)]));
  const values = fc.record(Object.fromEntries(Object.entries(fields).map(([name, one]) => [name, one.kind.values])), { requiredKeys: Object.keys(fields).filter((name) => fields[name]!.presence === "required") });
  return { schema: isStrict ? z.strictObject(members) : z.object(members), values };
});

test("whenever no difference is found, the reader reads whatever the writer sends", () => {
  let readable = 0;
  const cases = fc.tuple(shape, shape, fc.boolean()).chain(([reader, other, isSame]) => {
    const writer = isSame ? reader : other;
    return fc.record({ reader: fc.constant(reader), writer: fc.constant(writer), sent: fc.array(writer.values, { minLength: 5, maxLength: 5 }) });
  });
  fc.assert(fc.property(cases, ({ reader, writer, sent }) => {
    const differences = schemaDifferences(jsonOf(reader.schema), jsonOf(writer.schema));
    if (reader === writer) assert.deepEqual(differences, [], "a schema reads its own events");
    if (differences.length > 0) return;
    readable++;
    for (const value of sent) assert.ok(reader.schema.safeParse(value).success, JSON.stringify(value));
  }), { numRuns: 3_000 });
  assert.ok(readable > 600, `${readable} of 3,000 pairs were readable`);
});

test("a difference found for a single field is a real one: some value of the writer is refused", () => {
  const values = fc.tuple(plain, plain).chain(([reader, writer]) => fc.record({ reader: fc.constant(reader), writer: fc.constant(writer), sent: fc.array(writer.values, { minLength: 60, maxLength: 60 }) }));
  let found = 0, shown = 0;
  fc.assert(fc.property(values, ({ reader, writer, sent }) => {
    if (schemaDifferences(jsonOf(z.object({ f: reader.schema })), jsonOf(z.object({ f: writer.schema }))).length === 0) return;
    found++;
    if (sent.some((value) => !reader.schema.safeParse(value).success)) shown++;
  }), { numRuns: 1_000 });
  assert.ok(found > 300 && shown / found > 0.9, `${shown} of ${found} differences were shown by 60 drawn values`);
});
