/**
 * What a feature computes over a window of an entity's events:
 * `sum(e.quantity.times(e.price)).where(e.country.equals("France")).over("30d")`.
 */
import { durationMs } from "../kernel/duration.ts";
import type { Duration } from "../kernel/duration.ts";
import { StrataError } from "../kernel/errors.ts";
import type { Expression, ExpressionNode, Scalar } from "./expression.ts";
import { hoppingWindow, sessionWindow } from "./window.ts";
import type { HoppingOptions, SessionOptions, TumblingOptions, WindowNode } from "./window.ts";

export type AggregationKind =
  | "count" | "sum" | "mean" | "variance" | "standardDeviation" | "min" | "max" | "first" | "last" | "lastN" | "topK"
  | "distinct" | "approximateDistinct" | "quantile" | "quantiles" | "histogram";

/** The serialisable form of one windowed feature. */
export interface AggregationNode {
  readonly aggregation: AggregationKind;
  readonly of: ExpressionNode | undefined;
  readonly where: ExpressionNode | undefined;
  /** Length of a sliding window; undefined = the entity's whole life, or what `window` says. */
  readonly windowMs: number | undefined;
  readonly window?: WindowNode;
  /** The n of lastN and the k of topK. */
  readonly size?: number;
  /** Of a quantile: shares between 0 and 1. */
  readonly quantiles?: readonly number[];
  /** Of a histogram: where one bucket ends and the next begins, ascending. */
  readonly edges?: readonly number[];
}

/** A windowed feature whose value has type `T`; null where no event falls into the window. */
export interface Aggregation<T> {
  readonly node: AggregationNode;
  /** Only events for which the condition is true take part. */
  where(condition: Expression<boolean>): Aggregation<T>;
  /** A sliding window: (t - window, t] when read at t. Without a window the feature covers the entity's whole life. */
  over(window: Duration): Aggregation<T>;
  /** The last whole window of this length that has ended, in UTC or a time zone's days. AGGREGATION_INVALID. */
  tumbling(size: Duration, options?: TumblingOptions): Aggregation<T>;
  /** The last window of this length that has ended, where windows begin every so often. AGGREGATION_INVALID. */
  hopping(size: Duration, options: HoppingOptions): Aggregation<T>;
  /** The session of the latest event while it is open: no gap above `gap`. AGGREGATION_INVALID. */
  session(gap: Duration, options?: SessionOptions): Aggregation<T>;
  /** Only for the type checker; never present at run time. */
  readonly __value?: T;
}

/** Number of events; 0 when there are none. */
export const count = (): Aggregation<number> => build({ aggregation: "count", of: undefined, where: undefined, windowMs: undefined });
/** Sum; 0 when there are none. Exact and independent of arrival order to 2^-56 while the sum stays below 2^53. */
export const sum = (of: Expression<number>): Aggregation<number> => aggregate("sum", of);
/** Arithmetic mean; null when there are none. */
export const mean = (of: Expression<number>): Aggregation<number | null> => aggregate("mean", of);
/**
 * Population variance: the mean squared distance from the mean, correctly rounded whatever the mean and the order;
 * null when there are none, or when a value lies beyond ±2^81.
 */
export const variance = (of: Expression<number>): Aggregation<number | null> => aggregate("variance", of);
/** Square root of the population variance. */
export const standardDeviation = (of: Expression<number>): Aggregation<number | null> => aggregate("standardDeviation", of);
/** Smallest value; null when there are none. */
export const min = (of: Expression<number>): Aggregation<number | null> => aggregate("min", of);
/** Largest value; null when there are none. */
export const max = (of: Expression<number>): Aggregation<number | null> => aggregate("max", of);
/** Value of the earliest event (by event time, then by offset); null when there are none. */
export const first = <T extends Scalar>(of: Expression<T>): Aggregation<T | null> => aggregate("first", of);
/** Value of the latest event (by event time, then by offset); null when there are none. */
export const last = <T extends Scalar>(of: Expression<T>): Aggregation<T | null> => aggregate("last", of);
/** The latest `n` values, latest first; null in the places of those that are not there, and as a whole when there are none. */
export const lastN = <T extends Scalar>(of: Expression<T>, n: number): Aggregation<readonly (T | null)[] | null> => aggregate("lastN", of, { size: checkSize("lastN", n) });
/** The `k` most frequent values, the most frequent first and of equally frequent ones the smaller; null in the places of those that are not there, and as a whole when there are none. */
export const topK = <T extends Scalar>(of: Expression<T>, k: number): Aggregation<readonly (T | null)[] | null> => aggregate("topK", of, { size: checkSize("topK", k) });
/** Exact number of different values. */
export const distinct = (of: Expression<Scalar>): Aggregation<number> => aggregate("distinct", of);
/** Number of different values from a HyperLogLog of 4,096 registers: standard error 1.6 %; an entity's whole life needs at most 4,096 small numbers. */
export const approximateDistinct = (of: Expression<Scalar>): Aggregation<number> => aggregate("approximateDistinct", of);

/**
 * The value below which a share of the values lies (of n sorted values the one at place floor(share × (n - 1))), each
 * rounded to 8 significant bits: off by at most 0.4 %, and exact for whole numbers up to 256. One share gives a
 * number, a list of shares a list; null when there are no values.
 */
export function quantile(of: Expression<number>, share: number): Aggregation<number | null>;
export function quantile(of: Expression<number>, shares: readonly number[]): Aggregation<readonly number[] | null>;
export function quantile(of: Expression<number>, share: number | readonly number[]): Aggregation<never> {
  return typeof share === "number" ? aggregate("quantile", of, { quantiles: checkShares([share]) }) : aggregate("quantiles", of, { quantiles: checkShares(share) });
}

/** Number of values in each bucket: below the first edge, from each edge (included) to the next, and from the last on. */
export const histogram = (of: Expression<number>, edges: readonly number[]): Aggregation<readonly number[]> => aggregate("histogram", of, { edges: checkEdges(edges) });

/** The most numbers one feature may have: each becomes a column of a training set. */
const MOST_VALUES = 1_000;

function checkSize(aggregation: AggregationKind, size: number): number {
  if (!Number.isInteger(size) || size < 1 || size > MOST_VALUES) throw invalid(`${aggregation} takes a whole number from 1 to ${MOST_VALUES}, not ${size}`);
  return size;
}

function checkShares(shares: readonly number[]): readonly number[] {
  if (shares.length === 0 || shares.length > MOST_VALUES || !shares.every((share) => share >= 0 && share <= 1)) throw invalid(`quantile takes shares between 0 and 1, not [${shares.join(", ")}]`);
  return [...shares];
}

function checkEdges(edges: readonly number[]): readonly number[] {
  const isAscending = edges.every((edge, index) => Number.isFinite(edge) && (index === 0 || edge > edges[index - 1]!));
  if (edges.length === 0 || edges.length >= MOST_VALUES || !isAscending) throw invalid(`histogram takes ascending finite edges, fewer than ${MOST_VALUES}, not [${edges.slice(0, 8).join(", ")}]`);
  return [...edges];
}

const invalid = (reason: string): StrataError => new StrataError("AGGREGATION_INVALID", { reason });

/** Whether the feature's value is a list, and how many values it has. */
export function shapeOf(node: AggregationNode): { readonly isList: boolean; readonly width: number } {
  switch (node.aggregation) {
    case "lastN": case "topK": return { isList: true, width: node.size! };
    case "quantiles": return { isList: true, width: node.quantiles!.length };
    case "histogram": return { isList: true, width: node.edges!.length + 1 };
    default: return { isList: false, width: 1 };
  }
}

/** The columns a feature has in models and training sets: its own name, or one per place of a list, `name_1` and following. */
export function columnNames(name: string, node: AggregationNode): readonly string[] {
  const { isList, width } = shapeOf(node);
  return isList ? Array.from({ length: width }, (_, place) => `${name}_${place + 1}`) : [name];
}

function aggregate<T>(aggregation: AggregationKind, of: Expression<Scalar>, parameters: Partial<AggregationNode> = {}): Aggregation<T> {
  return build({ aggregation, of: of.node, where: undefined, windowMs: undefined, ...parameters });
}

function build<T>(node: AggregationNode): Aggregation<T> {
  const { window: _, ...plain } = node;
  const within = (window: WindowNode): Aggregation<T> => build<T>({ ...plain, windowMs: undefined, window });
  return Object.freeze({
    node,
    where: (condition: Expression<boolean>) =>
      build<T>({ ...node, where: node.where ? { op: "and", left: node.where, right: condition.node } : condition.node }),
    over: (window: Duration) => build<T>({ ...plain, windowMs: durationMs(window) }),
    tumbling: (size: Duration, options: TumblingOptions = {}) => within(hoppingWindow(size, { ...options, every: size })),
    hopping: (size: Duration, options: HoppingOptions) => within(hoppingWindow(size, options)),
    session: (gap: Duration, options: SessionOptions = {}) => within(sessionWindow(gap, options)),
  });
}
