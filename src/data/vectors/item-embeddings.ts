/**
 * Embeddings of items from what was bought together: the strongest dimensions of the shifted positive pointwise mutual
 * information of items in baskets (Levy & Goldberg 2014), found by randomised subspace iteration (Halko, Martinsson &
 * Tropp 2011). Deterministic: the same baskets give the same bits. Items near each other appear beside the same items.
 */
import { StrataError } from "../../kernel/errors.ts";
import { createRandom } from "../../kernel/random.ts";
import { topSubspace } from "./subspace.ts";
import type { SparseMatrix } from "./subspace.ts";

export interface BasketRows {
  /** Basket and item of each row, as codes; negative ones are left out. */
  readonly baskets: Int32Array;
  readonly items: Int32Array;
  readonly itemCount: number;
}

export interface EmbeddingOptions {
  readonly dimensions: number;
  /** Items in fewer baskets get no vector: nothing is known of them. Default 3. */
  readonly minimumBaskets?: number;
  readonly seed?: number;
}

export interface ItemEmbeddings {
  /** Items that got a vector, ascending. */
  readonly items: Int32Array;
  /** Their vectors, row by row. */
  readonly vectors: Float32Array;
  readonly baskets: number;
  /** Pairs of items that were ever bought together. */
  readonly pairs: number;
}

/** Larger baskets are wholesalers' lists: each of their pairs says little, and there are many. */
const MAX_BASKET = 60;
const POWER_ITERATIONS = 6;

/** TRAINING_DATA_INSUFFICIENT when fewer items than dimensions were bought together with others. */
export function trainItemEmbeddings({ baskets, items, itemCount }: BasketRows, { dimensions, minimumBaskets = 3, seed = 1 }: EmbeddingOptions): ItemEmbeddings {
  const byBasket = new Map<number, Set<number>>();
  for (let row = 0; row < baskets.length; row++) {
    if (baskets[row]! < 0 || items[row]! < 0) continue;
    const basket = byBasket.get(baskets[row]!) ?? new Set();
    byBasket.set(baskets[row]!, basket.add(items[row]!));
  }
  const inBaskets = new Int32Array(itemCount);
  for (const basket of byBasket.values()) for (const item of basket) inBaskets[item]!++;
  const pairs = countPairs(byBasket.values(), (item) => inBaskets[item]! >= minimumBaskets, itemCount);
  const totals = new Float64Array(itemCount);
  let total = 0;
  for (const [key, weight] of pairs) {
    totals[Math.floor(key / itemCount)]! += weight;
    totals[key % itemCount]! += weight;
    total += 2 * weight;
  }
  const known = Int32Array.from([...totals.keys()].filter((item) => totals[item]! > 0));
  if (known.length < dimensions) throw new StrataError("TRAINING_DATA_INSUFFICIENT", { model: "item embeddings", reason: `${known.length} items were bought together with others; ${dimensions} dimensions need at least as many` });
  const place = new Int32Array(itemCount).fill(-1);
  known.forEach((item, at) => { place[item] = at; });
  const matrix = informationOf(pairs, { totals, total, place, itemCount, size: known.length });
  return { items: known, vectors: topSubspace(matrix, { dimensions, iterations: POWER_ITERATIONS, random: createRandom(seed) }), baskets: byBasket.size, pairs: pairs.size };
}

/** By smaller × count + larger item; a basket of n items gives each of its pairs 1 / (n - 1), so that every item counts once per basket. */
function countPairs(baskets: Iterable<ReadonlySet<number>>, isKnown: (item: number) => boolean, itemCount: number): Map<number, number> {
  const pairs = new Map<number, number>();
  for (const basket of baskets) {
    const members = [...basket].filter(isKnown).toSorted((a, b) => a - b);
    if (members.length < 2 || members.length > MAX_BASKET) continue;
    const weight = 1 / (members.length - 1);
    for (let i = 0; i < members.length; i++) {
      for (let j = i + 1; j < members.length; j++) {
        const key = members[i]! * itemCount + members[j]!;
        pairs.set(key, (pairs.get(key) ?? 0) + weight);
      }
    }
  }
  return pairs;
}

/** max(0, log(p(a, b) / (p(a) p(b)))) with the context smoothed to the power 0.75, which keeps rare items from shouting. */
function informationOf(pairs: ReadonlyMap<number, number>, { totals, total, place, itemCount, size }: { readonly totals: Float64Array; readonly total: number; readonly place: Int32Array; readonly itemCount: number; readonly size: number }): SparseMatrix {
  const smoothed = totals.map((count) => count ** 0.75);
  const smoothedTotal = smoothed.reduce((sum, count) => sum + count, 0);
  const rows: number[] = [], columns: number[] = [], values: number[] = [];
  const keys = Float64Array.from(pairs.keys()).toSorted();
  for (const key of keys) {
    const a = Math.floor(key / itemCount), b = key % itemCount, weight = pairs.get(key)!;
    const information = (one: number, other: number): number => Math.log((weight / total) / ((totals[one]! / total) * (smoothed[other]! / smoothedTotal)));
    const value = Math.max(0, (information(a, b) + information(b, a)) / 2);
    if (value === 0) continue;
    rows.push(place[a]!, place[b]!);
    columns.push(place[b]!, place[a]!);
    values.push(value, value);
  }
  return { size, rows: Int32Array.from(rows), columns: Int32Array.from(columns), values: Float64Array.from(values) };
}
