/** A stream of sessions: one event for each run of a key's events without a long pause, told when it is over. */
import type { z } from "zod";
import { durationMs, type Duration } from "../kernel/duration.ts";
import { nodesOf, type SessionAggregate, type SessionDerivation } from "./derivation.ts";
import { eventExpressions } from "./expression.ts";
import type { EventExpressions, Expression, Scalar } from "./expression.ts";
import { policiesOf, type Stream, type StreamPolicies } from "./stream.ts";

/** A value of a whole session; missing where no event of the session has one. */
export interface SessionValue<T extends Scalar> {
  readonly node: SessionAggregate;
  /** Only for the type checker; never present at run time. */
  readonly __value?: T;
}

/** What can be said of a session's events. Sums are exact, so the order of arrival changes no bit; first and last go by event time, then by offset. */
export interface SessionAggregations {
  count(): SessionValue<number>;
  sum(of: Expression<number>): SessionValue<number>;
  mean(of: Expression<number>): SessionValue<number>;
  min(of: Expression<number>): SessionValue<number>;
  max(of: Expression<number>): SessionValue<number>;
  first<T extends Scalar>(of: Expression<T>): SessionValue<T>;
  last<T extends Scalar>(of: Expression<T>): SessionValue<T>;
  /** Number of different values. */
  distinct(of: Expression<Scalar>): SessionValue<number>;
}

export interface SessionOptions<Row, Schema extends z.ZodObject> extends StreamPolicies {
  readonly description?: string;
  readonly owner?: string;
  readonly tags?: readonly string[];
  readonly from: Stream<string, Row>;
  /** Whose session it is; each key is a field of the session's event. Events without a key belong to none. */
  readonly by: (e: EventExpressions<Row>) => Readonly<Record<string, Expression<string> | Expression<number>>>;
  /** A longer pause ends the session. */
  readonly gap: Duration;
  readonly values: (e: EventExpressions<Row>, s: SessionAggregations) => Readonly<Record<string, SessionValue<Scalar>>>;
  /** Takes the keys, the values, and `started_at` and `ended_at` (ISO 8601 text: the times of the first and the last event). */
  readonly schema: Schema;
}

/**
 * Declares a stream of closed sessions. A session is told when the watermark of `from` has passed its last event by
 * more than `gap`: give `from` a `watermark.delay` that fits how late its events really are, or sessions wait for the lateness.
 *
 * ```ts
 * const visits = sessionStream("visits", {
 *   from: clicks, gap: "30m", by: (e) => ({ customer: e.customer }),
 *   values: (e, s) => ({ clicks: s.count(), first_page: s.first(e.page) }),
 *   schema: z.object({ customer: z.string(), started_at: z.string(), ended_at: z.string(), clicks: z.number(), first_page: z.string().optional() }),
 * });
 * ```
 */
export function sessionStream<const Name extends string, Row, Schema extends z.ZodObject>(name: Name, options: SessionOptions<Row, Schema>): Stream<Name, z.output<Schema>> {
  const from = options.from as Stream; // the row type has done its work
  const e = eventExpressions<Row>();
  const derivation: SessionDerivation = {
    operator: "session", sources: [from], from, by: nodesOf(options.by(e)), gapMs: durationMs(options.gap),
    values: Object.fromEntries(Object.entries(options.values(e, AGGREGATIONS)).map(([field, value]) => [field, value.node])),
  };
  return Object.freeze({
    kind: "stream" as const, name, description: options.description ?? "", owner: options.owner, tags: [...options.tags ?? []],
    schema: options.schema, time: undefined, id: undefined, latenessMs: from.latenessMs,
    ...policiesOf(options, from.watermark.delayMs), quota: undefined, derivation,
  });
}

const of = (aggregate: SessionAggregate["aggregate"]) => (expression: Expression<Scalar>) => ({ node: { aggregate, of: expression.node } });

const AGGREGATIONS = {
  count: () => ({ node: { aggregate: "count", of: undefined } }),
  sum: of("sum"), mean: of("mean"), min: of("min"), max: of("max"), first: of("first"), last: of("last"), distinct: of("distinct"),
} as SessionAggregations; // the values' types exist for the checker only
