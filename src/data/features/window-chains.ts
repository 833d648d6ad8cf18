/**
 * Where the windows of a view begin and end among an entity's rows. Windows that end together form a chain: all
 * sliding ones end at the time of the read, hopping ones with the last window that has ended, sessions with the latest
 * event. Within a chain a longer window holds the shorter ones.
 */
import type { AggregationNode, WindowNode } from "../../define/index.ts";
import { canonicalJson } from "../../kernel/hash.ts";
import { createCalendarDays } from "./calendar-days.ts";
import { rowsBefore, rowsUpTo } from "./row-search.ts";
import type { WindowColumns } from "./window-columns.ts";
import { latestRow } from "./window-latest.ts";
import type { WindowQuery, WindowRows } from "./window-evaluation.ts";

export interface PlannedWindow {
  /** Index of its chain. */
  readonly chain: number;
  /** How far it reaches back from the chain's end, in ms, or in days of a calendar. */
  readonly length: number;
  readonly isLifetime: boolean;
}

export type PlannedChain = {
  /** Its windows: `[from, to)` of the plan's. */
  readonly from: number;
  readonly to: number;
} & (
  | { readonly kind: "sliding" }
  | { readonly kind: "hopping"; readonly everyMs: number; readonly offsetMs: number }
  | { readonly kind: "calendar"; readonly everyDays: number; readonly offsetDays: number; readonly timeZone: string }
  | { readonly kind: "session"; readonly gapMs: number }
);

export interface ChainPlan {
  readonly chains: readonly PlannedChain[];
  readonly windows: readonly PlannedWindow[];
  windowOf(node: AggregationNode): number;
  /** How far before the time of a read any window but the entity's life reaches. */
  readonly keepMs: number;
}

const DAY_MS = 86_400_000;
/** What a calendar day may be longer than 24 hours; zones that crossed the date line had one of 48. */
const LONGEST_DAY_MS = 2 * DAY_MS;

/** Chains in the order in which their first window appears; the sliding one first. */
export function planChains(nodes: readonly AggregationNode[]): ChainPlan {
  const lengthsByChain = new Map<string, { readonly node: AggregationNode; readonly lengths: Set<number> }>();
  for (const node of nodes.toSorted((a, b) => Number(a.window !== undefined) - Number(b.window !== undefined))) {
    const key = chainKey(node.window);
    const chain = lengthsByChain.get(key) ?? { node, lengths: new Set<number>() };
    lengthsByChain.set(key, chain);
    chain.lengths.add(lengthOf(node));
  }
  const windows: PlannedWindow[] = [];
  const places = new Map<string, number>();
  const chains = [...lengthsByChain].map(([key, { node, lengths }], chain): PlannedChain => {
    const from = windows.length;
    for (const length of [...lengths].toSorted((a, b) => a - b)) {
      places.set(`${key} ${length}`, windows.length);
      windows.push({ chain, length, isLifetime: length === Number.POSITIVE_INFINITY });
    }
    return { from, to: windows.length, ...endOf(node.window) };
  });
  return {
    chains, windows,
    windowOf: (node) => places.get(`${chainKey(node.window)} ${lengthOf(node)}`)!, // every node was placed above
    keepMs: Math.max(0, ...nodes.map(reachOf).filter(Number.isFinite)),
  };
}

type ChainEnd = { [Kind in PlannedChain["kind"]]: Omit<Extract<PlannedChain, { readonly kind: Kind }>, "from" | "to"> }[PlannedChain["kind"]];

function endOf(window: WindowNode | undefined): ChainEnd {
  switch (window?.kind) {
    case undefined: return { kind: "sliding" };
    case "hopping": return { kind: "hopping", everyMs: window.everyMs, offsetMs: window.sizeMs % window.everyMs };
    case "calendar": return { kind: "calendar", everyDays: window.everyDays, offsetDays: window.days % window.everyDays, timeZone: window.timeZone };
    case "session": return { kind: "session", gapMs: window.gapMs };
  }
}

const chainKey = (window: WindowNode | undefined): string => canonicalJson(endOf(window));

function lengthOf({ windowMs, window }: AggregationNode): number {
  switch (window?.kind) {
    case undefined: return windowMs ?? Number.POSITIVE_INFINITY;
    case "hopping": return window.sizeMs;
    case "calendar": return window.days;
    case "session": return window.atMostMs;
  }
}

/** The oldest event a window can hold, in ms before the read. */
function reachOf({ windowMs, window }: AggregationNode): number {
  switch (window?.kind) {
    case undefined: return windowMs ?? Number.POSITIVE_INFINITY;
    case "hopping": return window.sizeMs + window.everyMs;
    case "calendar": return (window.days + window.everyDays) * DAY_MS + LONGEST_DAY_MS;
    case "session": return window.atMostMs;
  }
}

/** Finds a chain's rows; `end` is one past the last row at or before the query's time. */
export type ChainLocator = (query: WindowQuery, end: number, rows: WindowRows) => void;

export function createChainLocator(chain: PlannedChain, place: { readonly index: number; readonly windows: readonly PlannedWindow[] }, columns: WindowColumns): ChainLocator {
  const lengths = place.windows.slice(chain.from, chain.to).map(({ length }) => length);
  const put = { index: place.index, from: chain.from, lengths, columns };
  switch (chain.kind) {
    case "sliding": return slidingLocator(put);
    case "hopping": {
      const { everyMs, offsetMs } = chain;
      return endedLocator(put, (timeMs) => latestStep(timeMs, everyMs, offsetMs), (endMs, sizeMs) => endMs - sizeMs);
    }
    case "calendar": {
      const { everyDays, offsetDays } = chain;
      const days = createCalendarDays(chain.timeZone);
      return endedLocator(put, (timeMs) => days.startOf(latestStep(days.dayAt(timeMs), everyDays, offsetDays)), (endMs, size) => days.startOf(days.dayAt(endMs) - size));
    }
    case "session": return sessionLocator(put, chain.gapMs);
  }
}

/** The latest `k × every + offset` that is not after `at`. */
const latestStep = (at: number, every: number, offset: number): number => Math.floor((at - offset) / every) * every + offset;

interface Put {
  readonly index: number;
  readonly from: number;
  readonly lengths: readonly number[];
  readonly columns: WindowColumns;
}

/** (t - length, t] */
function slidingLocator({ index, from, lengths, columns }: Put): ChainLocator {
  return ({ start, timeMs }, end, { firstRows, chainEnds }) => {
    chainEnds[index] = end;
    let to = end;
    for (let window = 0; window < lengths.length; window++) {
      to = rowsUpTo(columns.times, { from: start, to, timeMs: timeMs - lengths[window]! });
      firstRows[from + window] = to;
    }
  };
}

/** [start, end) of the last windows that have ended. */
function endedLocator({ index, from, lengths, columns }: Put, endAt: (timeMs: number) => number, startAt: (endMs: number, length: number) => number): ChainLocator {
  return ({ start, timeMs }, end, { firstRows, chainEnds }) => {
    const endMs = endAt(timeMs);
    let to = rowsBefore(columns.times, { from: start, to: end, timeMs: endMs });
    chainEnds[index] = to;
    for (let window = 0; window < lengths.length; window++) {
      to = rowsBefore(columns.times, { from: start, to, timeMs: startAt(endMs, lengths[window]!) });
      firstRows[from + window] = to;
    }
  };
}

const ANY_ROW = { storage: "rows", column: 0 } as const;

/** From the latest known event back to the first gap above `gapMs`, no further than (t - length, t]. */
function sessionLocator({ index, from, lengths, columns }: Put, gapMs: number): ChainLocator {
  const longest = lengths.at(-1)!;
  return ({ start, timeMs, knownLimit }, end, { firstRows, chainEnds }) => {
    const { times, known } = columns;
    const limit = rowsUpTo(times, { from: start, to: end, timeMs: timeMs - longest });
    const latest = latestRow(columns, ANY_ROW, { from: limit, to: end, knownLimit });
    const isOpen = latest >= 0 && timeMs - times[latest]! <= gapMs;
    let first = isOpen ? latest : end;
    for (let row = first - 1; isOpen && row >= limit; row--) {
      if (known.length > 0 && known[row]! > knownLimit) continue;
      if (times[first]! - times[row]! > gapMs) break;
      first = row;
    }
    chainEnds[index] = isOpen ? latest + 1 : end;
    for (let window = 0; window < lengths.length; window++) {
      firstRows[from + window] = Math.max(first, rowsUpTo(times, { from: limit, to: end, timeMs: timeMs - lengths[window]! }));
    }
  };
}

/** Finds all windows of a query. */
export function createWindowLocator(chains: readonly PlannedChain[], windows: readonly PlannedWindow[], columns: WindowColumns): { readonly rows: WindowRows; locate(query: WindowQuery, end: number): void } {
  const locators = chains.map((chain, index) => createChainLocator(chain, { index, windows }, columns));
  const rows = { firstRows: new Int32Array(windows.length), chainEnds: new Int32Array(chains.length) };
  return {
    rows,
    locate: (query, end) => {
      for (let chain = 0; chain < locators.length; chain++) locators[chain]!(query, end, rows);
    },
  };
}
