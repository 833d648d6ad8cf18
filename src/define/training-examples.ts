/**
 * Where a model's training rows come from, and what they should have predicted.
 * An example's time is 1 ms before the event it stems from, so its features can never see that event.
 */
import { durationMs } from "../kernel/duration.ts";
import type { Duration } from "../kernel/duration.ts";
import type { Candidates } from "./candidates.ts";
import { eventExpressions } from "./expression.ts";
import type { EventExpressions, Expression, ExpressionNode, Scalar } from "./expression.ts";
import type { Stream } from "./stream.ts";

export type Examples<EntityNames extends string = string> =
  | { readonly kind: "each-event"; readonly from: Stream; readonly keys: Readonly<Record<EntityNames, ExpressionNode>>; readonly entities: readonly string[]; readonly where: ExpressionNode | undefined }
  | { readonly kind: "each-candidate"; readonly candidates: Candidates; readonly entities: readonly string[]; readonly maxGroups: number };

/** One row per event of a stream, for models that judge events (fraud, price, demand). */
export function eachEvent<Row, const Keys extends Readonly<Record<string, Expression<string> | Expression<number>>>>(
  from: Stream<string, Row>, options: { readonly keys: (e: EventExpressions<Row>) => Keys; readonly where?: (e: EventExpressions<Row>) => Expression<boolean> },
): Examples<keyof Keys & string> {
  const e = eventExpressions<Row>();
  const keys = Object.fromEntries(Object.entries(options.keys(e)).map(([name, key]) => [name, key.node]));
  return Object.freeze({
    kind: "each-event" as const, from: from as Stream,
    keys: keys as Record<keyof Keys & string, ExpressionNode>, // the same names
    entities: Object.keys(keys), where: options.where?.(e).node,
  });
}

/**
 * One row per candidate that the source would have offered at the time of each past basket, for rankers.
 * The rows of one basket form a query group. `maxGroups` keeps the latest baskets only. Default 4,000.
 */
export function eachCandidate<User extends string, Item extends string>(
  candidates: Candidates<string, User, Item>, options: { readonly maxGroups?: number } = {},
): Examples<User | Item> {
  return Object.freeze({
    kind: "each-candidate" as const, candidates,
    entities: [candidates.user.name, candidates.item.name], maxGroups: options.maxGroups ?? 4_000,
  });
}

export type Label =
  /** 1 when an event with the same keys follows within the window, else 0. */
  | { readonly kind: "happens-within"; readonly from: Stream; readonly windowMs: number; readonly keys: Readonly<Record<string, ExpressionNode>> }
  /** A value of the example's own event. */
  | { readonly kind: "value"; readonly of: ExpressionNode };

/** The label is 1 when an event with the example's keys happens in (t, t + window]. Examples younger than the window wait. */
export function happensWithin<Row>(
  from: Stream<string, Row>, window: Duration, keys: (e: EventExpressions<Row>) => Readonly<Record<string, Expression<string> | Expression<number>>>,
): Label {
  const nodes = Object.entries(keys(eventExpressions<Row>())).map(([name, key]) => [name, key.node] as const);
  return Object.freeze({ kind: "happens-within" as const, from: from as Stream, windowMs: durationMs(window), keys: Object.fromEntries(nodes) });
}

/** The label is a value of the event itself, for `eachEvent` examples. */
export function labelValue<Row>(from: Stream<string, Row>, value: (e: EventExpressions<Row>) => Expression<Scalar>): Label {
  void from; // only its row type matters
  return Object.freeze({ kind: "value" as const, of: value(eventExpressions<Row>()).node });
}

