/**
 * From a label set to its series, without allocating: a walk over label names and values. The same labels in
 * another order reach the same series. The number of series is bounded; what does not fit is still counted,
 * in one series labelled overflow="true", so that an adversarial label cannot exhaust memory or vanish.
 */
import type { Labels } from "../../ports/telemetry.ts";

export const OVERFLOW_LABELS: Labels = Object.freeze({ overflow: "true" });

const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const MAXIMUM_LABELS = 16;
const MAXIMUM_VALUE_LENGTH = 256;
/** Each order in which a caller writes its labels is a path of its own; more orders than this take the slow way. */
const PATHS_PER_SERIES = 4;

export interface SeriesIndexOptions<S> {
  readonly maximumSeries: number;
  /** Label names the exposition format keeps for itself, e.g. `quantile`. */
  readonly reservedLabels: readonly string[];
  create(labels: Labels): S;
}

interface Node<S> {
  series: S | undefined;
  readonly children: Map<string, Map<string, Node<S>>>;
}

const emptyNode = <S>(): Node<S> => ({ series: undefined, children: new Map() });

export class SeriesIndex<S> {
  readonly #options: SeriesIndexOptions<S>;
  readonly #root: Node<S> = emptyNode();
  readonly #byKey = new Map<string, { readonly labels: Labels; readonly series: S }>();
  #paths = 0;
  #overflow: S | undefined;
  #overflowedRecords = 0;
  #lastLabels: Labels | undefined;
  #lastSeries: S | undefined;

  constructor(options: SeriesIndexOptions<S>) {
    this.#options = options;
  }

  find(labels?: Labels): S {
    if (labels === undefined) return this.#root.series ?? this.#resolve({});
    if (labels === this.#lastLabels) return this.#lastSeries!;
    let node = this.#root;
    for (const name in labels) {
      const next = node.children.get(name)?.get(labels[name]!);
      if (next === undefined) return this.#resolve(labels);
      node = next;
    }
    return node.series ?? this.#resolve(labels);
  }

  /** All series in the order of their labels; the overflow series last, if any record reached it. */
  entries(): { readonly labels: Labels; readonly series: S }[] {
    const sorted = [...this.#byKey.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry);
    return this.#overflow === undefined ? sorted : [...sorted, { labels: OVERFLOW_LABELS, series: this.#overflow }];
  }

  get overflowedRecords(): number {
    return this.#overflowedRecords;
  }

  #resolve(labels: Labels): S {
    const entries = Object.entries(labels).filter(([, value]) => value !== "").toSorted(([a], [b]) => (a < b ? -1 : 1));
    const series = this.#admissible(entries) ? this.#seriesOf(entries) : undefined;
    if (series === undefined) {
      this.#overflowedRecords++;
      return (this.#overflow ??= this.#options.create(OVERFLOW_LABELS));
    }
    this.#remember(labels, series);
    return series;
  }

  #seriesOf(entries: readonly (readonly [string, string])[]): S | undefined {
    const key = JSON.stringify(entries);
    const known = this.#byKey.get(key);
    if (known !== undefined) return known.series;
    if (this.#byKey.size >= this.#options.maximumSeries) return undefined;
    const labels = Object.freeze(Object.fromEntries(entries));
    const series = this.#options.create(labels);
    this.#byKey.set(key, { labels, series });
    return series;
  }

  #remember(labels: Labels, series: S): void {
    if (Object.isFrozen(labels)) {
      this.#lastLabels = labels; // only what cannot change may be recognised by identity
      this.#lastSeries = series;
    }
    if (this.#paths >= this.#options.maximumSeries * PATHS_PER_SERIES) return;
    this.#paths++;
    let node = this.#root;
    for (const [name, value] of Object.entries(labels)) node = childOf(node, name, value);
    node.series = series;
  }

  #admissible(entries: readonly (readonly [string, string])[]): boolean {
    return entries.length <= MAXIMUM_LABELS && entries.every(([name, value]) =>
      value.length <= MAXIMUM_VALUE_LENGTH && LABEL_NAME.test(name) && !name.startsWith("__") && !this.#options.reservedLabels.includes(name));
  }
}

function childOf<S>(node: Node<S>, name: string, value: string): Node<S> {
  const values = node.children.get(name) ?? new Map<string, Node<S>>();
  node.children.set(name, values);
  const child = values.get(value) ?? emptyNode<S>();
  values.set(value, child);
  return child;
}
