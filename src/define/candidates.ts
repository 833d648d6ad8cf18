/**
 * Candidate generation for recommenders: which items are worth scoring for a user right now.
 * Three sources are merged: items bought together with what the user touched lately (co-occurrence),
 * items popular lately, and items the user bought before. Each candidate carries its source scores,
 * which models may use as features; the same replayable index answers online and builds training sets.
 * An endpoint may add neighbours by embedding (`similar`): they carry the same scores, from the same index.
 */
import { durationMs } from "../kernel/duration.ts";
import type { Duration } from "../kernel/duration.ts";
import type { Entity } from "./entity.ts";
import { eventExpressions } from "./expression.ts";
import type { EventExpressions, Expression, ExpressionNode } from "./expression.ts";
import type { Stream } from "./stream.ts";
import type { VectorIndex } from "./vector-index.ts";

/** Features every candidate carries. */
export const CANDIDATE_FEATURES = ["together", "popularity", "repeats", "interest"] as const;
export type CandidateFeature = (typeof CANDIDATE_FEATURES)[number];

export interface Interaction {
  readonly from: Stream;
  readonly user: ExpressionNode;
  readonly item: ExpressionNode;
  /** Events with the same basket key count as bought together; without it the events only express interest. */
  readonly basket: ExpressionNode | undefined;
}

export interface InteractionOptions<Row> {
  readonly user: (e: EventExpressions<Row>) => Expression<string>;
  readonly item: (e: EventExpressions<Row>) => Expression<string>;
  readonly basket?: (e: EventExpressions<Row>) => Expression<string>;
}

/** How events of a stream tell who touched what. */
export function interaction<Row>(from: Stream<string, Row>, options: InteractionOptions<Row>): Interaction {
  const e = eventExpressions<Row>();
  return Object.freeze({
    from: from as Stream, // the row type has done its work
    user: options.user(e).node, item: options.item(e).node, basket: options.basket?.(e).node,
  });
}

/** Neighbours by embedding, which an endpoint scores beside the candidates of the three sources. */
export interface SimilarSource {
  readonly index: VectorIndex;
  /** Most items added. */
  readonly limit: number;
  /** The neighbours of how many of the user's latest items are looked at. */
  readonly seeds: number;
}

export interface CandidatesOptions<User extends string, Item extends string> {
  readonly description?: string;
  readonly user: Entity<User>;
  readonly item: Entity<Item>;
  /** The first one with a basket is the purchase: it feeds co-occurrence, popularity and repeats. */
  readonly interactions: readonly Interaction[];
  /** Most candidates per request. Default 100. */
  readonly limit?: number;
  /** Popularity counts purchases in this window. Default "14d". */
  readonly popularityWindow?: Duration;
  /** How many of the user's latest distinct items seed the co-occurrence lookup. Default 20. */
  readonly seeds?: number;
  /**
   * Adds items near the user's latest ones in a vector index whose points are items (`learned`, or `points` keyed by the
   * item), beyond `limit`. Only endpoints ask it: training sets and features stay what events alone make them. Default:
   * none; its `limit` 20, its `seeds` 5.
   */
  readonly similar?: { readonly index: VectorIndex; readonly limit?: number; readonly seeds?: number } | undefined;
}

export interface Candidates<Name extends string = string, User extends string = string, Item extends string = string> {
  readonly kind: "candidates";
  readonly name: Name;
  readonly description: string;
  readonly user: Entity<User>;
  readonly item: Entity<Item>;
  readonly interactions: readonly Interaction[];
  readonly limit: number;
  readonly popularityWindowMs: number;
  readonly seeds: number;
  readonly similar: SimilarSource | undefined;
  readonly entities: readonly Entity<User | Item>[];
  readonly selected: readonly CandidateFeature[];
}

/** Declares a candidate source over a user and an item entity. */
export function defineCandidates<const Name extends string, User extends string, Item extends string>(
  name: Name, options: CandidatesOptions<User, Item>,
): Candidates<Name, User, Item> {
  return Object.freeze({
    kind: "candidates" as const, name, description: options.description ?? "",
    user: options.user, item: options.item,
    interactions: [...options.interactions],
    limit: options.limit ?? 100,
    popularityWindowMs: durationMs(options.popularityWindow ?? "14d"),
    seeds: options.seeds ?? 20,
    similar: options.similar && { index: options.similar.index, limit: options.similar.limit ?? 20, seeds: options.similar.seeds ?? 5 },
    entities: [options.user, options.item],
    selected: CANDIDATE_FEATURES,
  });
}
