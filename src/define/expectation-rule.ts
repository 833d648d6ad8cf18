/**
 * Rules of data quality: what an event, or many events together, must look like, how much of it may fail, over what
 * window that is judged, and what happens then. Plain data, so that a rule travels in the definition's document, in a
 * contract for producers, and means the same in the stream, over the lake and over a file.
 *
 * A value that is missing fails only `notNull` and `holds`: other rules judge the values that are there.
 */
import { durationMs } from "../kernel/duration.ts";
import type { Duration } from "../kernel/duration.ts";
import { eventExpressions } from "./expression.ts";
import type { EventExpressions, Expression, ExpressionNode, Scalar } from "./expression.ts";
import type { Stream } from "./stream.ts";

/** warn: counted and told. quarantine: the event becomes a dead letter. stop: the stream takes nothing more until a person resumes it. */
export type RuleAction = "warn" | "quarantine" | "stop";
export type Severity = "info" | "warning" | "critical";

/** What a rule looks at, as plain data. */
export type RuleTest =
  | { readonly kind: "not-null"; readonly value: ExpressionNode }
  | { readonly kind: "between"; readonly value: ExpressionNode; readonly min?: number; readonly max?: number }
  | { readonly kind: "one-of"; readonly value: ExpressionNode; readonly values: readonly Scalar[] }
  | { readonly kind: "matches"; readonly value: ExpressionNode; readonly source: string; readonly flags: string }
  | { readonly kind: "holds"; readonly value: ExpressionNode }
  | { readonly kind: "unique"; readonly key: readonly ExpressionNode[]; readonly withinMs: number; readonly keys: number }
  | { readonly kind: "refers-to"; readonly value: ExpressionNode; readonly stream: string; readonly by: ExpressionNode }
  | { readonly kind: "fresh"; readonly withinMs: number }
  | ({ readonly kind: "same-distribution"; readonly value: ExpressionNode } & DistributionTerms)
  | { readonly kind: "sql"; readonly query: string };

export type RuleKind = RuleTest["kind"];

export interface DistributionTerms {
  /** Effect from which on each test calls it drift. */
  readonly effects: { readonly psi?: number; readonly ks?: number; readonly chi_square?: number; readonly missing_share?: number };
  /** Events that make the reference. */
  readonly reference: number;
  /** Events compared with it each time. */
  readonly window: number;
  /** The stream's first events, for good, or the window before. */
  readonly against: "first" | "previous";
}

/** A rule as it is stored. */
export interface RuleNode {
  readonly test: RuleTest;
  readonly action: RuleAction;
  /** The share of judged events that must be good, 0 to 1. */
  readonly atLeast: number;
  /** Undefined: the window of the expectations. */
  readonly windowMs: number | undefined;
  /** Fewer events than this in the window are not judged. */
  readonly minimumEvents: number;
  readonly severity: Severity;
  readonly because: string;
}

export interface Rule {
  readonly node: RuleNode;
  /** The stream a reference looks into. */
  readonly refersTo?: Stream;
}

interface Described<Self> extends Rule {
  /** How bad it is when it fails; default: critical for stop, else warning. */
  severity(severity: Severity): Self;
  /** Why the rule is there, for whoever reads its failure. */
  because(reason: string): Self;
}

interface Shared<Self> extends Described<Self> {
  /** The share of judged events that must be good; default 1. */
  atLeast(share: number): Self;
  /** The sliding window in which the share is judged, by the time an event became known. Default: that of the expectations. */
  over(window: Duration): Self;
  /** Judge only windows with so many events. Default 1 where all must be good, else 100. */
  minimumEvents(count: number): Self;
  /** Count and tell (the default). */
  warn(): Self;
  /** Close the stream when the rule fails, until it is resumed; training refuses the data, too. */
  stop(): Self;
}

/** Judged event by event, before it is stored. */
export interface EventRule extends Shared<EventRule> {
  /** Offending events become dead letters; nothing is lost, and they can be mended and replayed. */
  quarantine(): EventRule;
}

/** Judged over the stream's events together, after they are stored. */
export interface StreamRule extends Shared<StreamRule> {}

/** Judged by the clock; closing a stream because nothing comes would help nobody, so it only warns. */
export interface FreshnessRule extends Described<FreshnessRule> {}

export interface DistributionRule extends Described<DistributionRule> {
  warn(): DistributionRule;
  stop(): DistributionRule;
}

/** Judged over the lake only: a check, or before a training. */
export interface SqlRule extends Described<SqlRule> {
  atLeast(share: number): SqlRule;
  warn(): SqlRule;
  stop(): SqlRule;
}

type Value = { readonly node: ExpressionNode } | Expression<Scalar>;

/** The value is there: neither missing nor null. */
export function notNull(value: Value | { present(): Expression<boolean> }): EventRule {
  const node = "node" in value ? value.node : operandOf(value.present().node);
  return rule({ kind: "not-null", value: node });
}

/** The number lies between the bounds, both included; one may be left out. */
export function between(value: Expression<number>, bounds: { readonly min?: number; readonly max?: number }): EventRule {
  return rule({ kind: "between", value: value.node, ...bounds });
}

/** The value is one of a set. */
export function oneOf<T extends Scalar>(value: Expression<T>, values: readonly T[]): EventRule {
  return rule({ kind: "one-of", value: value.node, values: [...values] });
}

/** The text matches a pattern; `g` and `y` have no meaning here and are dropped. */
export function matches(value: Expression<string>, pattern: RegExp): EventRule {
  return rule({ kind: "matches", value: value.node, source: pattern.source, flags: pattern.flags.replaceAll(/[gy]/g, "") });
}

/** A condition over the fields of the event, such as `e.shipped.atLeast(e.ordered)`. */
export function holds(condition: Expression<boolean>): EventRule {
  return rule({ kind: "holds", value: condition.node });
}

/**
 * No two events within the span have the same value (or the same values together). Events are compared by event time.
 * At most `keys` different ones are remembered, the latest (default 500,000: some 30 MB).
 */
export function unique(key: Expression<Scalar> | readonly Expression<Scalar>[], options: { readonly within: Duration; readonly keys?: number }): StreamRule {
  const parts: readonly Expression<Scalar>[] = "node" in key ? [key] : key;
  return rule({ kind: "unique", key: parts.map(({ node }) => node), withinMs: durationMs(options.within), keys: options.keys ?? 500_000 });
}

/** The value occurs in another stream: in an event that was acknowledged before this one is judged. */
export function refersTo<Row>(value: Expression<Scalar>, stream: Stream<string, Row>, by: (e: EventExpressions<Row>) => Expression<Scalar>): StreamRule {
  return rule({ kind: "refers-to", value: value.node, stream: stream.name, by: by(eventExpressions<Row>()).node }, stream as Stream); // the row type has done its work
}

/** The newest event is not older than this, by event time. */
export function freshWithin(span: Duration): FreshnessRule {
  return rule({ kind: "fresh", withinMs: durationMs(span) });
}

export interface SameDistributionOptions {
  /** Population stability index from which on it is drift; default 0.2. */
  readonly psi?: number;
  /** Kolmogorov-Smirnov distance, for numbers; default 0.1. */
  readonly ks?: number;
  /** Shift of shares w, for everything else; default 0.3. */
  readonly shares?: number;
  /** Difference of the missing share; default 0.05. */
  readonly missing?: number;
  /** Events that make the reference; default 5,000. */
  readonly reference?: number;
  /** Events compared with it each time; default 2,000: chance alone gives a PSI of about 0.01 then. */
  readonly window?: number;
  /** The stream's first events, for good (default), or the window before. */
  readonly against?: "first" | "previous";
}

/** The values are distributed as in the reference; drift is a difference that is both significant and large. */
export function sameDistribution(value: Expression<Scalar>, options: SameDistributionOptions = {}): DistributionRule {
  const { psi, ks, shares, missing, reference = 5_000, window = 2_000, against = "first" } = options;
  const effects = { ...(psi === undefined ? {} : { psi }), ...(ks === undefined ? {} : { ks }), ...(shares === undefined ? {} : { chi_square: shares }), ...(missing === undefined ? {} : { missing_share: missing }) };
  return rule({ kind: "same-distribution", value: value.node, effects, reference, window, against });
}

/**
 * A query over the stream's events in the lake, as table `events` with a column per field besides `strata_offset` and
 * `strata_time_ms`; each row it gives is an offending one. Judged with every check of the lake and before a training.
 */
export function sql(query: string): SqlRule {
  return rule({ kind: "sql", query: query.trim().replace(/;$/, "") });
}

type AnyRule = EventRule & StreamRule & FreshnessRule & DistributionRule & SqlRule;

/** Fewer events say little about a share; where all must be good, one is enough. */
const MINIMUM_EVENTS = 100;

function rule(test: RuleTest, refersTo?: Stream): AnyRule {
  return build({ test, action: "warn", atLeast: 1, windowMs: undefined, minimumEvents: 1, severity: "warning", because: "" }, { refersTo, hasMinimum: false });
}

interface Beside {
  readonly refersTo: Stream | undefined;
  /** The definition gave minimumEvents itself. */
  readonly hasMinimum: boolean;
}

function build(node: RuleNode, beside: Beside): AnyRule {
  const { refersTo, hasMinimum } = beside;
  const change = (part: Partial<RuleNode>): AnyRule => build({ ...node, ...part }, beside);
  const built = {
    node, ...(refersTo === undefined ? {} : { refersTo }),
    severity: (severity: Severity) => change({ severity }),
    because: (because: string) => change({ because }),
    atLeast: (atLeast: number) => change({ atLeast, ...(hasMinimum ? {} : { minimumEvents: atLeast < 1 ? MINIMUM_EVENTS : 1 }) }),
    over: (window: Duration) => change({ windowMs: durationMs(window) }),
    minimumEvents: (minimumEvents: number) => build({ ...node, minimumEvents }, { ...beside, hasMinimum: true }),
    warn: () => change({ action: "warn" }),
    quarantine: () => change({ action: "quarantine" }),
    stop: () => change({ action: "stop", ...(node.severity === "warning" ? { severity: "critical" } : {}) }),
  };
  return Object.freeze(built); // every method exists; the public types expose those that make sense
}

function operandOf(node: ExpressionNode): ExpressionNode {
  return node.op === "present" ? node.operand : node;
}
