/**
 * What fills a derived stream, as plain data. An event of the stream is named after the events it was made of, so a
 * derivation that is run again makes the same events with the same ids.
 */
import type { z } from "zod";
import type { Expression, ExpressionNode } from "./expression.ts";
import type { FeatureView } from "./feature-view.ts";
import type { Stream, StreamDerivation } from "./stream.ts";

/** The fields of an event to make, each an expression over the events it is made of. */
export type FieldMap = Readonly<Record<string, ExpressionNode>>;

/** One event makes at most one. */
export interface MapDerivation extends StreamDerivation {
  readonly operator: "map";
  readonly from: Stream;
  /** Features of the event's entities as they were just before it; fields "view.feature". */
  readonly enrich: readonly Enrichment[];
  readonly where: ExpressionNode | undefined;
  /** Without it and `transform` the event passes through as it was sent. */
  readonly map: FieldMap | undefined;
  readonly transform: Transform | undefined;
}

export interface Enrichment {
  readonly view: FeatureView;
  /** The entity keys of an event, by entity. */
  readonly by: FieldMap;
}

/** A pure function; undefined drops the event. `features` by view and feature. */
export type Transform = (event: Readonly<Record<string, unknown>>, features: Readonly<Record<string, Readonly<Record<string, unknown>>>>) => Readonly<Record<string, unknown>> | undefined;

/** Pairs of events with equal keys whose times are near enough; fields "left.x" and "right.x". */
export interface JoinDerivation extends StreamDerivation {
  readonly operator: "join";
  readonly left: JoinSide;
  readonly right: JoinSide;
  /** A right event at most this long before or after a left one matches it. */
  readonly beforeMs: number;
  readonly afterMs: number;
  /** "left": a left event without a match is told, too, when the right watermark has passed its window. */
  readonly kind: "inner" | "left";
  readonly map: FieldMap;
}

export interface JoinSide {
  readonly stream: Stream;
  readonly by: ExpressionNode;
}

export const SESSION_AGGREGATES = ["count", "sum", "mean", "min", "max", "first", "last", "distinct"] as const;

export interface SessionAggregate {
  readonly aggregate: (typeof SESSION_AGGREGATES)[number];
  readonly of: ExpressionNode | undefined;
}

/** One event per session: the events of a key with no gap longer than `gapMs` between them. */
export interface SessionDerivation extends StreamDerivation {
  readonly operator: "session";
  readonly from: Stream;
  readonly by: FieldMap;
  readonly gapMs: number;
  readonly values: Readonly<Record<string, SessionAggregate>>;
}

export type Derivation = MapDerivation | JoinDerivation | SessionDerivation;

/** What fills the stream; undefined when producers do. */
export function derivationOf(stream: Stream): Derivation | undefined {
  return stream.derivation as Derivation | undefined; // only the functions of this folder make one
}

/** The expression a field of type `T` may be made by. */
type MakerOf<T> = [NonNullable<T>] extends [number] ? Expression<number>
  : [NonNullable<T>] extends [string] ? Expression<string>
  : [NonNullable<T>] extends [boolean] ? Expression<boolean>
  : Expression<never>;

/** An expression for each field the schema takes. */
export type MakersOf<Schema extends z.ZodObject> = { readonly [Field in keyof z.input<Schema>]: MakerOf<z.input<Schema>[Field]> };

export function nodesOf(makers: Readonly<Record<string, { readonly node: ExpressionNode } | undefined>>): FieldMap {
  return Object.fromEntries(Object.entries(makers).flatMap(([field, maker]) => (maker === undefined ? [] : [[field, maker.node]])));
}

/** The derivation as plain JSON, for documents and hashes. */
export function describeDerivation(stream: Stream): object | undefined {
  const derivation = derivationOf(stream);
  switch (derivation?.operator) {
    case undefined: return undefined;
    case "map": {
      const { from, where, map, transform, enrich } = derivation;
      return { operator: "map", from: from.name, where, map, transform: transform?.toString(), enrich: enrich.map(({ view, by }) => ({ view: view.name, features: view.selected, by })) };
    }
    case "join": {
      const { left, right, beforeMs, afterMs, kind, map } = derivation;
      return { operator: "join", left: { from: left.stream.name, by: left.by }, right: { from: right.stream.name, by: right.by }, beforeMs, afterMs, kind, map };
    }
    case "session": {
      const { from, by, gapMs, values } = derivation;
      return { operator: "session", from: from.name, by, gapMs, values };
    }
  }
}
