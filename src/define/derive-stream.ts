/**
 * A stream made of another, event by event: filtered, given other fields, enriched with features. It is a stream like
 * any other: views, models and further derivations may be made from it.
 */
import type { z } from "zod";
import { nodesOf, type Enrichment, type MakersOf, type MapDerivation } from "./derivation.ts";
import { eventExpressions, scopedExpressions } from "./expression.ts";
import type { EventExpressions, Expression, ExpressionOf } from "./expression.ts";
import type { FeatureView } from "./feature-view.ts";
import { policiesOf, type Stream, type StreamPolicies } from "./stream.ts";

type Views = readonly FeatureView[];
type ValuesOfView<View> = View extends FeatureView<string, string, infer Values> ? Values : never;

/** The features of the named views, as expressions: `f.customer_activity.orders_7d`. */
export type FeatureExpressions<Enrich extends Views> = {
  readonly [View in Enrich[number] as View["name"]]: { readonly [Feature in keyof ValuesOfView<View>]: ExpressionOf<ValuesOfView<View>[Feature]> };
};
type FeatureRow<Enrich extends Views> = { readonly [View in Enrich[number] as View["name"]]: ValuesOfView<View> };

interface DerivedOptions<Row, Enrich extends Views> extends StreamPolicies {
  readonly description?: string;
  readonly owner?: string;
  readonly tags?: readonly string[];
  readonly from: Stream<string, Row>;
  /** Views whose features of the event's entities, as they were just before the event, conditions and fields may use. */
  readonly enrich?: Enrich;
  /** The entity keys of an event. Default: the views' own key expressions, read on this stream's events. */
  readonly enrichBy?: (e: EventExpressions<Row>) => Readonly<Record<string, Expression<string> | Expression<number>>>;
  /** Only these events are passed on. */
  readonly where?: (e: EventExpressions<Row>, f: FeatureExpressions<Enrich>) => Expression<boolean>;
}

export interface FilterOptions<Row, Enrich extends Views> extends DerivedOptions<Row, Enrich> {
  readonly schema?: undefined;
  readonly map?: undefined;
  readonly transform?: undefined;
}

export interface DeriveOptions<Row, Enrich extends Views, Schema extends z.ZodObject> extends DerivedOptions<Row, Enrich> {
  readonly schema: Schema;
  /** Field of the new event that holds its time. Default: the time of the event it is made of. */
  readonly time?: keyof z.output<Schema> & string;
  /** The new event's fields as expressions; a missing value leaves the field out. */
  readonly map?: (e: EventExpressions<Row>, f: FeatureExpressions<Enrich>) => MakersOf<Schema>;
  /** Instead of `map`: any pure function of the event and its features; undefined drops the event. It must not read clocks, chance or anything outside. */
  readonly transform?: (event: Row, features: FeatureRow<Enrich>) => z.input<Schema> | undefined;
}

/**
 * Declares a derived stream. Without `schema` the events pass through as they were sent.
 *
 * ```ts
 * const bigPurchases = deriveStream("big_purchases", {
 *   from: purchases, enrich: [customerActivity],
 *   schema: z.object({ customer: z.string(), total: z.number(), orders_before: z.number().optional() }),
 *   where: (e) => e.price.times(e.quantity).atLeast(100),
 *   map: (e, f) => ({ customer: e.customer, total: e.price.times(e.quantity), orders_before: f.customer_activity.orders_7d }),
 * });
 * ```
 */
export function deriveStream<const Name extends string, Row, const Enrich extends Views = readonly []>(name: Name, options: FilterOptions<Row, Enrich>): Stream<Name, Row>;
export function deriveStream<const Name extends string, Row, Schema extends z.ZodObject, const Enrich extends Views = readonly []>(
  name: Name, options: DeriveOptions<Row, Enrich, Schema>,
): Stream<Name, z.output<Schema>>;
export function deriveStream(name: string, options: FilterOptions<unknown, Views> | DeriveOptions<unknown, Views, z.ZodObject>): Stream {
  const from = options.from as Stream; // the row type has done its work
  const e = eventExpressions<unknown>();
  const views = options.enrich ?? [];
  const f = Object.fromEntries(views.map((view) => [view.name, scopedExpressions(view.name)])) as FeatureExpressions<Views>; // the proxy answers every feature, the type names those that exist
  const keys = options.enrichBy && nodesOf(options.enrichBy(e));
  const enrich = views.map((view): Enrichment => ({ view, by: keys ?? view.by }));
  const derivation: MapDerivation = {
    operator: "map", from, enrich,
    sources: [...new Map([from, ...views.map((view) => view.from)].map((stream) => [stream.name, stream])).values()],
    where: options.where?.(e, f).node,
    map: options.map && nodesOf(options.map(e, f)),
    transform: options.transform,
  };
  return Object.freeze({
    kind: "stream" as const, name, description: options.description ?? "", owner: options.owner, tags: [...options.tags ?? []],
    schema: options.schema ?? from.schema,
    time: options.schema === undefined ? from.time : options.time,
    id: undefined, latenessMs: from.latenessMs, ...policiesOf(options, from.watermark.delayMs), quota: undefined, derivation,
  });
}
