/** What a stream's events must look like, and what happens to those that do not. */
import { durationMs, formatDuration } from "../kernel/duration.ts";
import type { Duration } from "../kernel/duration.ts";
import type { Problem } from "../kernel/errors.ts";
import type { Rule, RuleNode } from "./expectation-rule.ts";
import { eventExpressions, fieldsOf } from "./expression.ts";
import type { EventExpressions, ExpressionNode } from "./expression.ts";
import type { Stream } from "./stream.ts";

export interface ExpectationsOptions<Row, Rules extends Readonly<Record<string, Rule>>> {
  readonly description?: string;
  /** Team or person who answers for it. */
  readonly owner?: string;
  readonly of: Stream<string, Row>;
  /** The sliding window in which shares are judged unless a rule says otherwise. Default "1h". */
  readonly window?: Duration;
  readonly expect: (e: EventExpressions<Row>) => Rules;
}

export interface Expectations<Name extends string = string, RuleName extends string = string> {
  readonly kind: "expectations";
  readonly name: Name;
  readonly description: string;
  readonly owner: string | undefined;
  readonly of: Stream;
  readonly windowMs: number;
  readonly rules: Readonly<Record<RuleName, RuleNode>>;
  /** Streams that rules look into. */
  readonly references: readonly Stream[];
}

/**
 * Declares the expectations of a stream.
 *
 * ```ts
 * const purchasesQuality = defineExpectations("purchases_quality", {
 *   of: purchases, window: "1h",
 *   expect: (e) => ({
 *     has_country: notNull(e.country).atLeast(0.95),
 *     sane_price: between(e.price, { min: 0.01, max: 10_000 }).quarantine(),
 *     stable_price: sameDistribution(e.price, { psi: 0.2 }),
 *   }),
 * });
 * ```
 */
export function defineExpectations<const Name extends string, Row, Rules extends Readonly<Record<string, Rule>>>(
  name: Name, options: ExpectationsOptions<Row, Rules>,
): Expectations<Name, keyof Rules & string> {
  const rules: Readonly<Record<string, Rule>> = options.expect(eventExpressions<Row>());
  const references = new Map(Object.values(rules).flatMap(({ refersTo }) => (refersTo === undefined ? [] : [[refersTo.name, refersTo] as const])));
  return Object.freeze({
    kind: "expectations" as const, name, description: options.description ?? "", owner: options.owner,
    of: options.of as Stream, // the row type has done its work
    windowMs: durationMs(options.window ?? "1h"),
    rules: Object.fromEntries(Object.entries(rules).map(([rule, { node }]) => [rule, node])) as Record<keyof Rules & string, RuleNode>, // the same keys
    references: [...references.values()],
  });
}

export function describeExpectations({ description, owner, of, windowMs, rules }: Expectations): object {
  return { description, owner, of: of.name, windowMs, rules };
}

/** The fields of the event that a rule reads. */
export function ruleFields({ test }: RuleNode): readonly string[] {
  if (test.kind === "unique") return [...new Set(test.key.flatMap((node) => [...fieldsOf(node)]))];
  return "value" in test ? [...fieldsOf(test.value)] : [];
}

const RULE_NAME = /^[a-z][a-z0-9_]{0,62}$/;
const LONGEST_WINDOW_MS = 366 * 86_400_000;

export function checkExpectations(expectations: Expectations): readonly Problem[] {
  const path = `expectations.${expectations.name}`;
  const rules = Object.entries(expectations.rules);
  return [
    ...(rules.length > 0 ? [] : [{ path: `${path}.expect`, message: "names no rule", code: "empty" }]),
    ...rules.flatMap(([name, rule]) => checkRule(`${path}.${name}`, name, rule, expectations)),
  ];
}

function checkRule(path: string, name: string, rule: RuleNode, { of, references }: Expectations): Problem[] {
  const { test, atLeast, minimumEvents, windowMs } = rule;
  const problem = (message: string, code: string): Problem => ({ path, message, code });
  const unless = (holds: boolean, message: string, code: string): Problem[] => (holds ? [] : [problem(message, code)]);
  return [
    ...unless(RULE_NAME.test(name), `"${name}" is not a name: use a lower-case letter, then up to 62 of a-z, 0-9 and _`, "bad-name"),
    ...ruleFields(rule).filter((field) => !(field in of.schema.shape)).map((field) => problem(`stream "${of.name}" has no field "${field}"; it has ${Object.keys(of.schema.shape).join(", ")}`, "unknown-field")),
    ...unless(atLeast > 0 && atLeast <= 1, `atLeast is a share above 0 and up to 1, not ${atLeast}`, "out-of-range"),
    ...unless(Number.isInteger(minimumEvents) && minimumEvents >= 1, `minimumEvents is a whole number from 1, not ${minimumEvents}`, "out-of-range"),
    ...unless(windowMs === undefined || windowMs <= LONGEST_WINDOW_MS, `a window of ${formatDuration(windowMs ?? 0)} is longer than a year`, "out-of-range"),
    ...checkTest(test, (holds, message, code) => unless(holds, message, code)),
    ...(test.kind === "refers-to" ? unknownFields(test.by, references.find(({ name: known }) => known === test.stream)).map((field) => problem(`stream "${test.stream}" has no field "${field}"`, "unknown-field")) : []),
  ];
}

function checkTest(test: RuleNode["test"], unless: (holds: boolean, message: string, code: string) => Problem[]): Problem[] {
  switch (test.kind) {
    case "between": return [
      ...unless(test.min !== undefined || test.max !== undefined, "between needs min, max or both", "empty"),
      ...unless((test.min ?? -Infinity) <= (test.max ?? Infinity), `min ${test.min} is above max ${test.max}`, "out-of-range"),
    ];
    case "one-of": return unless(test.values.length > 0, "oneOf needs a value", "empty");
    case "unique": return [
      ...unless(test.key.length > 0, "unique needs a key", "empty"),
      ...unless(Number.isInteger(test.keys) && test.keys >= 1 && test.keys <= 10_000_000, `keys is a whole number from 1 to 10,000,000, not ${test.keys}`, "out-of-range"),
    ];
    case "same-distribution": return [
      ...unless(inRange(test.reference), `reference is a whole number from 200 to 1,000,000 events, not ${test.reference}`, "out-of-range"),
      ...unless(inRange(test.window), `window is a whole number from 200 to 1,000,000 events, not ${test.window}`, "out-of-range"),
      ...unless(Object.values(test.effects).every((effect) => effect > 0), "thresholds are above 0", "out-of-range"),
    ];
    case "sql": return unless(/^\s*(?:select|with|from)\b/i.test(test.query), "the query must begin with SELECT, WITH or FROM", "bad-query");
    default: return [];
  }
}

/** Fewer values are not judged by the drift tests; more would be held in memory. */
function inRange(events: number): boolean {
  return Number.isInteger(events) && events >= 200 && events <= 1_000_000;
}

function unknownFields(node: ExpressionNode, stream: Stream | undefined): readonly string[] {
  return stream === undefined ? [] : [...fieldsOf(node)].filter((field) => !(field in stream.schema.shape));
}
