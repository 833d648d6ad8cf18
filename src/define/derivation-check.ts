/** The rules of derived streams and of what streams promise about themselves; pure, every problem told. */
import type { Problem } from "../kernel/errors.ts";
import { derivationOf, type FieldMap, type JoinDerivation, type MapDerivation, type SessionDerivation } from "./derivation.ts";
import { fieldsOf, type ExpressionNode } from "./expression.ts";
import { COMPATIBILITY_MODES, type Stream } from "./stream.ts";

export function checkStreamRules(stream: Stream): Problem[] {
  return [...checkPolicies(stream), ...checkDerivation(stream)];
}

function checkPolicies({ name, compatibility, quota = {} }: Stream): Problem[] {
  const path = `streams.${name}`;
  return [
    ...(COMPATIBILITY_MODES.includes(compatibility) ? [] : [problem(`${path}.compatibility`, `"${compatibility}" is none of ${COMPATIBILITY_MODES.join(", ")}`, "bad-mode")]),
    ...Object.entries(quota).filter(([, limit]) => !(Number.isSafeInteger(limit) && limit > 0 && limit <= MOST_PER_MINUTE)).map(([kind, limit]) =>
      problem(`${path}.quota.${kind}`, `${String(limit)} is not a whole number between 1 and ${MOST_PER_MINUTE}`, "out-of-range")),
  ];
}

/** Beyond it a bucket's level would not be exact. */
const MOST_PER_MINUTE = 1_000_000_000;

function checkDerivation(stream: Stream): Problem[] {
  const derivation = derivationOf(stream);
  switch (derivation?.operator) {
    case undefined: return [];
    case "map": return checkMap(stream, derivation);
    case "join": return checkJoin(stream, derivation);
    case "session": return checkSession(stream, derivation);
  }
}

function checkMap(stream: Stream, { from, enrich, where, map, transform }: MapDerivation): Problem[] {
  const path = `streams.${stream.name}`;
  const known = new Set([...fieldNames(from), ...enrich.flatMap(({ view }) => Object.keys(view.features).map((feature) => `${view.name}.${feature}`))]);
  const source = enrich.length === 0 ? `stream "${from.name}"` : `stream "${from.name}" with its features`;
  return [
    ...(map !== undefined && transform !== undefined ? [problem(path, "has both map and transform; keep one", "two-makers")] : []),
    ...(map === undefined && transform === undefined && stream.schema !== from.schema ? [problem(path, "has a schema of its own and neither map nor transform that makes its fields", "no-maker")] : []),
    ...(where === undefined ? [] : unknownFields(`${path}.where`, where, { known, source })),
    ...(map === undefined ? [] : checkFieldMap(stream, map, { known, source })),
    ...enrich.flatMap(({ view, by }) => view.entities.flatMap((entity) => {
      const node = by[entity.name];
      if (node === undefined) return [problem(`${path}.enrichBy`, `gives no key for entity "${entity.name}" of view "${view.name}"`, "missing-key")];
      return unknownFields(`${path}.enrichBy.${entity.name}`, node, { known: new Set(fieldNames(from)), source: `stream "${from.name}"` });
    })),
  ];
}

function checkJoin(stream: Stream, { left, right, beforeMs, afterMs, map }: JoinDerivation): Problem[] {
  const path = `streams.${stream.name}`;
  const known = new Set([...fieldNames(left.stream).map((field) => `left.${field}`), ...fieldNames(right.stream).map((field) => `right.${field}`), "left.$time", "right.$time"]);
  return [
    ...(beforeMs + afterMs > 0 ? [] : [problem(`${path}.within`, "is empty: give before, after or both", "empty")]),
    ...unknownFields(`${path}.by`, left.by, { known: new Set(fieldNames(left.stream)), source: `stream "${left.stream.name}"` }),
    ...unknownFields(`${path}.by`, right.by, { known: new Set(fieldNames(right.stream)), source: `stream "${right.stream.name}"` }),
    ...checkFieldMap(stream, map, { known, source: "the pair" }),
  ];
}

/** Fields that every session has. */
export const SESSION_TIMES = ["started_at", "ended_at"] as const;

function checkSession(stream: Stream, { from, by, values }: SessionDerivation): Problem[] {
  const path = `streams.${stream.name}`;
  const made = [...Object.keys(by), ...Object.keys(values)];
  const scope = { known: new Set(fieldNames(from)), source: `stream "${from.name}"` };
  return [
    ...(Object.keys(by).length > 0 ? [] : [problem(`${path}.by`, "names no key", "empty")]),
    ...made.filter((field, at) => made.indexOf(field) < at || SESSION_TIMES.some((time) => time === field)).map((field) => problem(`${path}.values.${field}`, "is made twice", "duplicate-name")),
    ...Object.values(by).flatMap((node) => unknownFields(`${path}.by`, node, scope)),
    ...Object.entries(values).flatMap(([field, { of }]) => (of === undefined ? [] : unknownFields(`${path}.values.${field}`, of, scope))),
    ...made.filter((field) => !(field in stream.schema.shape)).map((field) => problem(`${path}.schema`, `has no field "${field}", which the session makes`, "unknown-field")),
  ];
}

interface Scope {
  readonly known: ReadonlySet<string>;
  /** In words, for the message. */
  readonly source: string;
}

function checkFieldMap(stream: Stream, map: FieldMap, scope: Scope): Problem[] {
  const path = `streams.${stream.name}.map`;
  return Object.entries(map).flatMap(([field, node]) => [
    ...(field in stream.schema.shape ? [] : [problem(`${path}.${field}`, `the schema has no field "${field}"`, "unknown-field")]),
    ...unknownFields(`${path}.${field}`, node, scope),
  ]);
}

function unknownFields(path: string, node: ExpressionNode, { known, source }: Scope): Problem[] {
  return [...fieldsOf(node)].filter((field) => !known.has(field)).map((field) => problem(path, `${source} has no field "${field}"; it has ${[...known].join(", ")}`, "unknown-field"));
}

function fieldNames(stream: Stream): readonly string[] {
  return Object.keys(stream.schema.shape);
}

function problem(path: string, message: string, code: string): Problem {
  return { path, message, code };
}
