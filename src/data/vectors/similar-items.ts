/**
 * Candidates by embedding: the nearest neighbours of items a user touched, taken in turn from one after another, the
 * latest first, so that one item's neighbourhood does not fill the list. A synchronous read of one moment; an index that
 * is not there, was not trained yet or does not know the items adds none.
 */
import type { SimilarSource } from "../../define/index.ts";
import { pointIdOf } from "./point-key.ts";
import type { VectorIndexes } from "./vector-indexes.ts";

export interface SimilarQuestion {
  /** Items whose neighbours are wanted, the most important first. */
  readonly seeds: readonly string[];
  /** Items that are candidates already, or must not be. */
  readonly exclude: ReadonlySet<string>;
}

export type FindSimilarItems = (source: SimilarSource, question: SimilarQuestion) => readonly string[];

export function createSimilarItems(indexes: Pick<VectorIndexes, "has" | "index" | "query">): FindSimilarItems {
  return ({ index, limit, seeds: mostSeeds }, { seeds, exclude }) => {
    if (!indexes.has(index.name)) return [];
    const { points } = indexes.index(index.name);
    const field = index.learned?.item ?? index.points!.key; // the definition was checked
    const hasVector = (slot: number | undefined): boolean => slot !== undefined && points.hasVector(slot, "");
    const known = seeds.slice(0, mostSeeds).map(pointIdOf).filter((id) => hasVector(points.slotOf(id)));
    const lists = known.map((id) => indexes.query(index.name, { query: { kind: "nearest", vector: id }, limit: limit + exclude.size }).hits
      .map(({ slot }) => points.payload(slot)[field]).filter((item) => typeof item === "string" || typeof item === "number").map(String).filter((item) => !exclude.has(item)));
    return inTurn(lists, limit);
  };
}

/** At most `limit` different items: the first of each list, then the second of each. */
function inTurn(lists: readonly (readonly string[])[], limit: number): readonly string[] {
  const chosen = new Set<string>();
  const longest = Math.max(0, ...lists.map(({ length }) => length));
  for (let rank = 0; rank < longest; rank++) {
    for (const list of lists) {
      if (chosen.size === limit) return [...chosen];
      const item = list[rank];
      if (item !== undefined) chosen.add(item);
    }
  }
  return [...chosen];
}
