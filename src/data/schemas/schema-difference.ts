/**
 * What a reader with one schema cannot read of what a writer with another may send: the question all compatibility
 * modes come down to. Pure. Where two constraints cannot be compared (two patterns) the answer is a finding: nothing
 * is promised that was not decided.
 *
 * Members that a writer's schema does not name are dropped by it, as zod's objects do, so a field that is new to the
 * reader is not held against it.
 */
import { canonicalJson } from "../../kernel/hash.ts";
import { alternativesOf, NOTHING, resolve, type JsonSchema, type SchemaNode } from "./json-schema.ts";

export type SchemaRule =
  | "FIELD_REQUIRED" | "FIELD_REFUSED" | "OBJECT_CLOSED" | "TYPE_NARROWED" | "VALUES_NARROWED" | "RANGE_NARROWED" | "LENGTH_NARROWED" | "PATTERN_CHANGED" | "ITEMS_NARROWED";

export interface Difference {
  /** "items[].price"; "" for the event itself. */
  readonly path: string;
  readonly rule: SchemaRule;
  /** A clause about "{reader}" and "{writer}". */
  readonly clause: string;
}

interface Pair {
  readonly reader: SchemaNode;
  readonly writer: SchemaNode;
}

interface Roots {
  readonly reader: JsonSchema;
  readonly writer: JsonSchema;
  /** Pairs under comparison: a schema that contains itself is compared once. */
  readonly seen: Map<JsonSchema, Set<JsonSchema>>;
}

/** Empty when the reader takes everything that the writer may send. */
export function schemaDifferences(reader: JsonSchema, writer: JsonSchema): readonly Difference[] {
  return compare({ reader, writer }, "", { reader, writer, seen: new Map() });
}

function compare(pair: Pair, path: string, roots: Roots): readonly Difference[] {
  const reader = resolve(pair.reader, roots.reader), writer = resolve(pair.writer, roots.writer);
  const against = roots.seen.get(reader) ?? new Set();
  if (against.has(writer)) return [];
  roots.seen.set(reader, against.add(writer));
  try {
    const readers = alternativesOf(reader, roots.reader);
    return alternativesOf(writer, roots.writer).flatMap((one) => readByAny(readers, one, path, roots));
  } finally {
    against.delete(writer);
  }
}

/** Nothing when one alternative of the reader takes all of the writer's; else what is wrong with the nearest. */
function readByAny(readers: readonly JsonSchema[], writer: JsonSchema, path: string, roots: Roots): readonly Difference[] {
  if (writer.not !== undefined && canonicalJson(writer.not) === "{}") return []; // nothing can be sent
  const answers = readers.map((reader) => compareOne(reader, writer, path, roots));
  const best = answers.find((found) => found.length === 0);
  if (best !== undefined) return best;
  if (answers.length === 1) return answers[0]!;
  const near = answers.find((found) => !found.some((difference) => difference.path === path && (difference.rule === "TYPE_NARROWED" || difference.rule === "VALUES_NARROWED")));
  return near ?? [{ path, rule: "TYPE_NARROWED", clause: `{writer} allows ${describe(writer)} and {reader} takes only ${readers.map(describe).join(" or ")}` }];
}

function compareOne(reader: JsonSchema, writer: JsonSchema, path: string, roots: Roots): readonly Difference[] {
  if (isAnything(reader)) return [];
  const find = (rule: SchemaRule, clause: string): Difference => ({ path, rule, clause });
  if (reader.not !== undefined && canonicalJson(reader.not) !== canonicalJson(writer.not)) return [find("TYPE_NARROWED", "{reader} refuses values that {writer} allows")];
  const wanted = valuesOf(reader), sent = valuesOf(writer);
  if (wanted !== undefined && sent === undefined) return [find("VALUES_NARROWED", `{writer} allows any ${describe(writer)} and {reader} takes only ${list(wanted)}`)];
  if (sent !== undefined) {
    const refused = sent.filter((value) => !takes(reader, wanted, value));
    return refused.length === 0 ? [] : [find("VALUES_NARROWED", `{writer} allows ${list(refused)} and {reader} does not`)];
  }
  if (!takesType(reader.type, writer.type)) return [find("TYPE_NARROWED", `{writer} allows ${describe(writer)} and {reader} takes only ${describe(reader)}`)];
  return [...compareNumbers(reader, writer, find), ...compareTexts(reader, writer, find), ...compareArrays({ reader, writer }, path, roots), ...compareObjects({ reader, writer }, path, roots)];
}

function isAnything(schema: JsonSchema): boolean {
  return Object.keys(schema).every((key) => key === "$schema" || key === "$defs" || key === "description" || key === "title" || key === "default" || key === "examples");
}

function valuesOf({ const: only, enum: several }: JsonSchema): readonly unknown[] | undefined {
  return only === undefined ? several : [only];
}

function takes(reader: JsonSchema, wanted: readonly unknown[] | undefined, value: unknown): boolean {
  if (wanted !== undefined) return wanted.some((one) => canonicalJson(one) === canonicalJson(value));
  if (!takesType(reader.type, typeOf(value))) return false;
  if (typeof value === "number") return compareNumbers(reader, { minimum: value, maximum: value, ...(Number.isInteger(value) ? { type: "integer" } : {}) }, nothing).length === 0 && (reader.multipleOf === undefined || value % reader.multipleOf === 0);
  if (typeof value !== "string") return true;
  const { length } = value; // as zod counts
  return length >= (reader.minLength ?? 0) && length <= (reader.maxLength ?? Infinity) && (reader.pattern === undefined || new RegExp(reader.pattern, "u").test(value)) && (reader.format === undefined || reader.pattern !== undefined);
}

const nothing = (): Difference => ({ path: "", rule: "RANGE_NARROWED", clause: "" });

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return typeof value === "number" && Number.isInteger(value) ? "integer" : typeof value;
}

function takesType(reader: JsonSchema["type"], writer: JsonSchema["type"]): boolean {
  if (reader === undefined) return true;
  return writer === reader || (writer === "integer" && reader === "number");
}

type Find = (rule: SchemaRule, clause: string) => Difference;

function compareNumbers(reader: JsonSchema, writer: JsonSchema, find: Find): readonly Difference[] {
  const low = lowest(reader), writerLow = lowest(writer), high = highest(reader), writerHigh = highest(writer);
  const step = reader.multipleOf, sentStep = writer.multipleOf ?? (writer.type === "integer" ? 1 : undefined);
  return [
    ...(isTighter(low, writerLow) ? [find("RANGE_NARROWED", `{reader} takes numbers from ${boundText(low)} on and {writer} allows them from ${boundText(writerLow)} on`)] : []),
    ...(isTighter(high, writerHigh) ? [find("RANGE_NARROWED", `{reader} takes numbers up to ${boundText(high)} and {writer} allows them up to ${boundText(writerHigh)}`)] : []),
    ...(step !== undefined && (sentStep === undefined || sentStep % step !== 0) ? [find("RANGE_NARROWED", `{reader} takes only multiples of ${step}`)] : []),
  ];
}

/** A bound with its sign turned so that a larger value is tighter. */
interface Bound {
  readonly tightness: number;
  readonly isExclusive: boolean;
  readonly value: number;
}

const bound = (value: number, sign: 1 | -1, isExclusive: boolean): Bound => ({ tightness: sign * value, isExclusive, value });
const tighter = (a: Bound, b: Bound): Bound => (isTighter(a, b) ? a : b);
const isTighter = (a: Bound, b: Bound): boolean => a.tightness > b.tightness || (a.tightness === b.tightness && a.isExclusive && !b.isExclusive);
const lowest = ({ minimum = -Infinity, exclusiveMinimum = -Infinity }: JsonSchema): Bound => tighter(bound(minimum, 1, false), bound(exclusiveMinimum, 1, exclusiveMinimum !== -Infinity));
const highest = ({ maximum = Infinity, exclusiveMaximum = Infinity }: JsonSchema): Bound => tighter(bound(maximum, -1, false), bound(exclusiveMaximum, -1, exclusiveMaximum !== Infinity));

function boundText({ value, isExclusive }: Bound): string {
  if (!Number.isFinite(value)) return "any";
  return isExclusive ? `beyond ${value}` : String(value);
}

function compareTexts(reader: JsonSchema, writer: JsonSchema, find: Find): readonly Difference[] {
  const { minLength = 0, maxLength = Infinity, pattern, format } = reader;
  return [
    ...(minLength > (writer.minLength ?? 0) ? [find("LENGTH_NARROWED", `{reader} takes texts of at least ${minLength} characters and {writer} allows ${writer.minLength ?? 0}`)] : []),
    ...(maxLength < (writer.maxLength ?? Infinity) ? [find("LENGTH_NARROWED", `{reader} takes texts of at most ${maxLength} characters and {writer} allows ${writer.maxLength ?? "any number"}`)] : []),
    ...(pattern !== undefined && pattern !== writer.pattern ? [find("PATTERN_CHANGED", `{reader} takes texts of the form ${format ?? pattern} and {writer} allows ${writer.format ?? writer.pattern ?? "any"}, which cannot be compared`)] : []),
    ...(pattern === undefined && format !== undefined && format !== writer.format ? [find("PATTERN_CHANGED", `{reader} takes texts of the form ${format} and {writer} allows ${writer.format ?? "any"}`)] : []),
  ];
}

function compareArrays({ reader, writer }: { readonly reader: JsonSchema; readonly writer: JsonSchema }, path: string, roots: Roots): readonly Difference[] {
  if (reader.type !== "array") return [];
  const find = (clause: string): Difference => ({ path, rule: "ITEMS_NARROWED", clause });
  const itemOf = (schema: JsonSchema, at: number): SchemaNode => schema.prefixItems?.[at] ?? schema.items ?? true;
  const places = Math.max(reader.prefixItems?.length ?? 0, writer.prefixItems?.length ?? 0);
  const isOpen = (writer.maxItems ?? Infinity) > places && !isClosed(writer);
  return [
    ...((reader.minItems ?? 0) > (writer.minItems ?? 0) ? [find(`{reader} takes at least ${reader.minItems} items and {writer} allows ${writer.minItems ?? 0}`)] : []),
    ...((reader.maxItems ?? Infinity) < (writer.maxItems ?? (isClosed(writer) ? places : Infinity)) ? [find(`{reader} takes at most ${reader.maxItems} items and {writer} allows ${writer.maxItems ?? "any number"}`)] : []),
    ...Array.from({ length: Math.min(places, writer.maxItems ?? Infinity) }, (_, at) => at).flatMap((at) => compare({ reader: itemOf(reader, at), writer: itemOf(writer, at) }, `${path}[${at}]`, roots)),
    ...(isOpen ? compare({ reader: reader.items ?? true, writer: writer.items ?? true }, `${path}[]`, roots) : []),
  ];
}

function isClosed({ items }: JsonSchema): boolean {
  return items === false || (typeof items === "object" && items.not !== undefined && canonicalJson(items.not) === "{}");
}

function compareObjects({ reader, writer }: { readonly reader: JsonSchema; readonly writer: JsonSchema }, path: string, roots: Roots): readonly Difference[] {
  if (reader.type !== "object") return [];
  const { properties = {}, required = [], additionalProperties } = reader;
  const sent = writer.properties ?? {}, always = writer.required ?? [];
  const at = (field: string): string => (path === "" ? field : `${path}.${field}`);
  const others = writer.additionalProperties;

  const named = Object.entries(properties).flatMap(([field, schema]): readonly Difference[] => {
    const missing = required.includes(field) && !always.includes(field)
      ? [{ path: at(field), rule: "FIELD_REQUIRED" as const, clause: `{reader} requires it and {writer} ${field in sent ? "may leave it out" : "does not have it"}` }] : [];
    const written = sent[field] ?? (typeof others === "object" ? others : undefined);
    return [...missing, ...(written === undefined ? [] : compare({ reader: schema, writer: written }, at(field), roots))];
  });
  const unnamed = Object.entries(sent).filter(([field]) => !(field in properties)).flatMap(([field, schema]): readonly Difference[] => {
    if (isNothing(additionalProperties)) return [{ path: at(field), rule: "FIELD_REFUSED", clause: "{writer} has it and {reader}, which is strict, refuses it" }];
    return typeof additionalProperties === "object" ? compare({ reader: additionalProperties, writer: schema }, at(field), roots) : [];
  });
  return [...named, ...unnamed, ...compareOthers({ reader, writer }, path, roots)];
}

/** Members that neither schema names. */
function compareOthers({ reader, writer }: { readonly reader: JsonSchema; readonly writer: JsonSchema }, path: string, roots: Roots): readonly Difference[] {
  const wanted = reader.additionalProperties, sent = writer.additionalProperties;
  if (isNothing(sent) || wanted === undefined || wanted === true) return compareNames(reader, writer, path);
  if (isNothing(wanted)) return [{ path, rule: "OBJECT_CLOSED", clause: "{reader} is strict and refuses members that {writer} lets pass" }];
  return [...compareNames(reader, writer, path), ...(sent === undefined ? [] : compare({ reader: wanted, writer: sent }, path === "" ? "*" : `${path}.*`, roots))];
}

function compareNames({ propertyNames: wanted }: JsonSchema, { propertyNames: sent, properties = {} }: JsonSchema, path: string): readonly Difference[] {
  if (wanted === undefined || typeof wanted === "boolean" || canonicalJson(wanted) === canonicalJson(sent ?? null)) return [];
  const names = wanted.enum ?? (wanted.pattern === undefined && wanted.minLength === undefined && wanted.maxLength === undefined && wanted.format === undefined ? undefined : []);
  if (names === undefined || (sent === undefined && Object.keys(properties).every((name) => names.includes(name)))) return [];
  if (typeof sent === "object" && sent.enum !== undefined && sent.enum.every((name) => names.includes(name))) return [];
  return [{ path, rule: "VALUES_NARROWED", clause: "{reader} takes fewer member names than {writer} allows" }];
}

function isNothing(schema: SchemaNode | undefined): boolean {
  return schema === false || (typeof schema === "object" && canonicalJson(schema) === canonicalJson(NOTHING));
}

function describe({ type, const: only, enum: several }: JsonSchema): string {
  if (only !== undefined) return list([only]);
  if (several !== undefined) return list(several);
  return typeof type === "string" ? type : "any value";
}

const MOST_VALUES = 8;

function list(values: readonly unknown[]): string {
  const shown = values.slice(0, MOST_VALUES).map((value) => JSON.stringify(value)).join(", ");
  return values.length > MOST_VALUES ? `${shown}, …` : shown;
}
