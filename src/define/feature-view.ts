/**
 * A feature view: windowed features of one or more entities, derived from one stream.
 */
import { durationMs } from "../kernel/duration.ts";
import type { Duration } from "../kernel/duration.ts";
import type { Aggregation, AggregationNode } from "./aggregation.ts";
import type { Entity } from "./entity.ts";
import { eventExpressions } from "./expression.ts";
import type { EventExpressions, Expression, ExpressionNode } from "./expression.ts";
import type { Stream } from "./stream.ts";

type Aggregations = Readonly<Record<string, Aggregation<unknown>>>;
/** The values of a set of aggregations. */
export type ValuesOf<Features> = { readonly [Name in keyof Features]: Features[Name] extends Aggregation<infer T> ? T : never };

export interface FeatureViewOptions<Entities extends readonly Entity[], Row, Features extends Aggregations> {
  readonly description?: string;
  /** Team or person who answers for it. */
  readonly owner?: string;
  readonly tags?: readonly string[];
  /** What the features describe: one entity, or several for a crossed view (customer × item). */
  readonly entities: Entities;
  readonly from: Stream<string, Row>;
  /** The entity key(s) of an event. */
  readonly by: (e: EventExpressions<Row>) => { readonly [Name in Entities[number]["name"]]: Expression<string> | Expression<number> };
  /** Only these events take part in any feature of the view. */
  readonly where?: (e: EventExpressions<Row>) => Expression<boolean>;
  readonly features: (e: EventExpressions<Row>) => Features;
  /** Features of an entity whose last event is older than this are served and trained as missing. Default: never. */
  readonly ttl?: Duration;
}

export interface FeatureView<Name extends string = string, EntityNames extends string = string, Values = Readonly<Record<string, unknown>>> {
  readonly kind: "feature-view";
  readonly name: Name;
  readonly description: string;
  readonly owner: string | undefined;
  readonly tags: readonly string[];
  readonly entities: readonly Entity<EntityNames>[];
  readonly from: Stream;
  readonly by: Readonly<Record<string, ExpressionNode>>;
  readonly where: ExpressionNode | undefined;
  readonly features: Readonly<Record<string, AggregationNode>>;
  readonly ttlMs: number | undefined;
  /** The features a model takes from this view; all unless `pick` was called. */
  readonly selected: readonly string[];
  /** The same view with fewer features, for a model that does not want them all. */
  pick<Feature extends keyof Values & string>(...names: readonly Feature[]): FeatureView<Name, EntityNames, Pick<Values, Feature>>;
  /** Only for the type checker; never present at run time. */
  readonly __values?: Values;
}

/**
 * Declares a feature view.
 *
 * ```ts
 * const customerActivity = defineFeatureView("customer_activity", {
 *   entities: [customer], from: purchases, by: (e) => ({ customer: e.customer }),
 *   features: (e) => ({ orders_7d: count().over("7d"), spend_30d: sum(e.price).over("30d") }),
 * });
 * ```
 */
export function defineFeatureView<const Name extends string, const Entities extends readonly Entity[], Row, Features extends Aggregations>(
  name: Name, options: FeatureViewOptions<Entities, Row, Features>,
): FeatureView<Name, Entities[number]["name"], ValuesOf<Features>> {
  const e = eventExpressions<Row>();
  const by: Readonly<Record<string, Expression<string> | Expression<number>>> = options.by(e);
  const features = mapValues(options.features(e) as Aggregations, (feature) => feature.node);
  return view({
    name, description: options.description ?? "", owner: options.owner, tags: [...options.tags ?? []],
    entities: options.entities,
    from: options.from as Stream, // the row type has done its work
    by: mapValues(by, (key) => key.node),
    where: options.where?.(e).node,
    features,
    ttlMs: options.ttl === undefined ? undefined : durationMs(options.ttl),
    selected: Object.keys(features),
  });
}

type ViewData<Name extends string, EntityNames extends string> = Omit<FeatureView<Name, EntityNames>, "kind" | "pick" | "__values">;

function view<Name extends string, EntityNames extends string, Values>(data: ViewData<Name, EntityNames>): FeatureView<Name, EntityNames, Values> {
  return Object.freeze({
    ...data,
    kind: "feature-view" as const,
    pick: <Feature extends keyof Values & string>(...names: readonly Feature[]) =>
      view<Name, EntityNames, Pick<Values, Feature>>({ ...data, selected: [...names] }),
  });
}

function mapValues<T, U>(record: Readonly<Record<string, T>>, map: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}
