/**
 * What one user did: items bought and how often, the latest items touched in any way, and the latest looks. Every part
 * is bounded. The last two keep the greatest of a total order (time, then item), so that what remains does not depend
 * on the order in which the events of different streams arrived; purchases come from one stream and keep its order.
 */
import type { Names } from "./names.ts";
import { compareText } from "./names.ts";

/** Different items bought that are remembered; the one bought again longest ago is forgotten first. */
const MOST_BOUGHT_ITEMS = 2_048;
/** Looks that are remembered: with a half-life of a day, older ones hardly count. */
const MOST_LOOKS = 256;

/** Looks, oldest first; ties by the item's name, the greater first. */
export interface Looks {
  readonly timesMs: readonly number[];
  readonly items: readonly number[];
}

export interface UserHistoryState {
  /** Item and times bought, the one bought again longest ago first. */
  readonly bought: readonly (readonly [number, number])[];
  /** In the order of `latest`, reversed. */
  readonly touched: Looks;
  readonly looks: Looks;
}

export class UserHistory {
  readonly #bought: Map<number, number>;
  readonly #touched: TimedItems;
  readonly #looks: TimedItems;

  constructor(state?: UserHistoryState) {
    this.#bought = new Map(state?.bought);
    this.#touched = timedItems(state?.touched);
    this.#looks = timedItems(state?.looks);
  }

  /** Times bought by item number. */
  get bought(): ReadonlyMap<number, number> { return this.#bought; }
  get looks(): Looks { return this.#looks; }

  buy(item: number): void {
    const times = this.#bought.get(item) ?? 0;
    this.#bought.delete(item); // moves it to the end of the order
    this.#bought.set(item, times + 1);
    if (this.#bought.size > MOST_BOUGHT_ITEMS) {
      const [oldest] = this.#bought.keys();
      this.#bought.delete(oldest!);
    }
  }

  look(item: number, timeMs: number, names: Names): void {
    insert(this.#looks, { item, timeMs }, names);
    if (this.#looks.items.length > MOST_LOOKS) removeAt(this.#looks, 0);
  }

  /** Notes that the item was touched; the `most` latest different items stay. */
  touch(item: number, timeMs: number, options: { readonly names: Names; readonly most: number }): void {
    const known = this.#touched.items.indexOf(item);
    if (known >= 0) {
      if (this.#touched.timesMs[known]! >= timeMs) return;
      removeAt(this.#touched, known);
    }
    insert(this.#touched, { item, timeMs }, options.names);
    if (this.#touched.items.length > options.most) removeAt(this.#touched, 0);
  }

  /** The latest different items, latest first; ties by name, the smaller first. */
  latest(): readonly number[] {
    return this.#touched.items.toReversed();
  }

  state(): UserHistoryState {
    return { bought: [...this.#bought], touched: this.#touched, looks: this.#looks };
  }
}

interface TimedItems extends Looks {
  readonly timesMs: number[];
  readonly items: number[];
}

function timedItems(state: Looks | undefined): TimedItems {
  return { timesMs: [...state?.timesMs ?? []], items: [...state?.items ?? []] };
}

/** Keeps the order: ascending times, and at the same time descending names. Most inserts are at the end. */
function insert({ timesMs, items }: TimedItems, added: { readonly item: number; readonly timeMs: number }, names: Names): void {
  let at = items.length;
  while (at > 0 && isAfter(timesMs[at - 1]!, items[at - 1]!)) at--;
  timesMs.splice(at, 0, added.timeMs);
  items.splice(at, 0, added.item);

  function isAfter(timeMs: number, item: number): boolean {
    return timeMs > added.timeMs || (timeMs === added.timeMs && compareText(names.name(item), names.name(added.item)) < 0);
  }
}

function removeAt({ timesMs, items }: TimedItems, index: number): void {
  timesMs.splice(index, 1);
  items.splice(index, 1);
}
