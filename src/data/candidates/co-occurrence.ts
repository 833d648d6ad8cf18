/**
 * Which items are bought together. An item that joins a basket of k others strengthens each of these k pairs by 1 / k,
 * so a basket of n items adds n - 1 in all and a wholesale order does not drown the rest. Scores are normalised by
 * the cosine of the items' basket counts. Weights are whole numbers (1 = 4,096), so that sums are exact.
 *
 * Bounds: the first 32 different items of a basket are paired (128 find no more of
 * the next order on the Online Retail data, and cost three times as much); 8,192 baskets are open at once, and the one that
 * was added to longest ago is closed first; neighbours per item see neighbour-table.ts.
 */
import { NeighbourTable } from "./neighbour-table.ts";
import type { Neighbours } from "./neighbour-table.ts";
import type { Names } from "./names.ts";
import { grown } from "./popularity.ts";

const WEIGHT_ONE = 4_096;
const MOST_BASKET_ITEMS = 32;
const MOST_OPEN_BASKETS = 8_192;

export interface CoOccurrenceState {
  /** Baskets with the item, by item number. */
  readonly baskets: Int32Array;
  readonly neighbours: readonly (Neighbours | undefined)[];
  /** Open baskets, the one added to longest ago first. */
  readonly open: readonly { readonly basket: string; readonly items: readonly number[] }[];
}

export class CoOccurrence {
  #baskets: Int32Array;
  /** 1 / sqrt(baskets), by item number. */
  #factors: Float64Array;
  readonly #neighbours: (NeighbourTable | undefined)[];
  readonly #open: Map<string, number[]>;

  constructor(state?: CoOccurrenceState) {
    this.#baskets = state?.baskets.slice() ?? new Int32Array(0);
    this.#factors = Float64Array.from(this.#baskets, factorOf);
    this.#neighbours = state?.neighbours.map((neighbours) => neighbours && new NeighbourTable(neighbours)) ?? [];
    this.#open = new Map(state?.open.map(({ basket, items }) => [basket, [...items]]));
  }

  /** Puts an item into a basket; a second time has no effect. */
  add(basket: string, item: number, names: Names): void {
    const items = this.#openBasket(basket);
    if (items.length >= MOST_BASKET_ITEMS || items.includes(item)) return;
    const weight = Math.round(WEIGHT_ONE / items.length);
    for (const other of items) {
      this.#tableOf(item).add(other, weight, names);
      this.#tableOf(other).add(item, weight, names);
    }
    items.push(item);
    this.#countBasket(item);
  }

  /** Adds the item's neighbours to the scores and lists those that had none; scores must have room for every item. */
  addScores(item: number, scores: Float64Array, found: number[]): void {
    this.#neighbours[item]?.addScores(this.#factors[item]! / WEIGHT_ONE, this.#factors, scores, found);
  }

  state(items: number): CoOccurrenceState {
    return {
      baskets: Int32Array.from({ length: items }, (_, item) => this.#baskets[item] ?? 0),
      neighbours: Array.from({ length: items }, (_, item) => this.#neighbours[item]?.entries()),
      open: [...this.#open].map(([basket, members]) => ({ basket, items: members })),
    };
  }

  #openBasket(basket: string): number[] {
    const items = this.#open.get(basket) ?? [];
    this.#open.delete(basket); // moves it to the end of the order
    this.#open.set(basket, items);
    if (this.#open.size > MOST_OPEN_BASKETS) {
      const [oldest] = this.#open.keys();
      this.#open.delete(oldest!);
    }
    return items;
  }

  #tableOf(item: number): NeighbourTable {
    return this.#neighbours[item] ??= new NeighbourTable();
  }

  #countBasket(item: number): void {
    if (item >= this.#baskets.length) {
      this.#baskets = grown(this.#baskets, item + 1);
      this.#factors = grown(this.#factors, item + 1);
    }
    this.#baskets[item] = this.#baskets[item]! + 1;
    this.#factors[item] = factorOf(this.#baskets[item]);
  }
}

function factorOf(baskets: number): number {
  return baskets === 0 ? 0 : 1 / Math.sqrt(baskets);
}
