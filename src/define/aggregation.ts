/**
 * What a feature computes over a sliding window of an entity's events:
 * `sum(e.quantity.times(e.price)).where(e.country.equals("France")).over("30d")`.
 * A window of length W read at time t covers (t - W, t].
 */
import { durationMs } from "../kernel/duration.ts";
import type { Duration } from "../kernel/duration.ts";
import type { Expression, ExpressionNode, Scalar } from "./expression.ts";

export type AggregationKind = "count" | "sum" | "mean" | "min" | "max" | "last" | "distinct";
export type FeatureType = "number" | "string" | "boolean";

/** The serialisable form of one windowed feature. */
export interface AggregationNode {
  readonly aggregation: AggregationKind;
  readonly of: ExpressionNode | undefined;
  readonly where: ExpressionNode | undefined;
  /** undefined = the entity's whole life. */
  readonly windowMs: number | undefined;
}

/** A windowed feature whose value has type `T`; null where no event falls into the window. */
export interface Aggregation<T> {
  readonly node: AggregationNode;
  /** Only events for which the condition is true take part. */
  where(condition: Expression<boolean>): Aggregation<T>;
  /** The window's length. Without it the feature covers the entity's whole life. */
  over(window: Duration): Aggregation<T>;
  /** Only for the type checker; never present at run time. */
  readonly __value?: T;
}

/** Number of events; 0 when there are none. */
export const count = (): Aggregation<number> => build({ aggregation: "count", of: undefined, where: undefined, windowMs: undefined });
/** Sum; 0 when there are none. Exact and independent of arrival order to 2^-56 while the sum stays below 2^53. */
export const sum = (of: Expression<number>): Aggregation<number> => aggregate("sum", of);
/** Arithmetic mean; null when there are none. */
export const mean = (of: Expression<number>): Aggregation<number | null> => aggregate("mean", of);
/** Smallest value; null when there are none. */
export const min = (of: Expression<number>): Aggregation<number | null> => aggregate("min", of);
/** Largest value; null when there are none. */
export const max = (of: Expression<number>): Aggregation<number | null> => aggregate("max", of);
/** Value of the latest event (by event time, then by offset); null when there are none. */
export const last = <T extends Scalar>(of: Expression<T>): Aggregation<T | null> => aggregate("last", of);
/** Exact number of different values. */
export const distinct = (of: Expression<Scalar>): Aggregation<number> => aggregate("distinct", of);

function aggregate<T>(aggregation: AggregationKind, of: Expression<Scalar>): Aggregation<T> {
  return build({ aggregation, of: of.node, where: undefined, windowMs: undefined });
}

function build<T>(node: AggregationNode): Aggregation<T> {
  return Object.freeze({
    node,
    where: (condition: Expression<boolean>) =>
      build<T>({ ...node, where: node.where ? { op: "and", left: node.where, right: condition.node } : condition.node }),
    over: (window: Duration) => build<T>({ ...node, windowMs: durationMs(window) }),
  });
}
