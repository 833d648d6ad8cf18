/** Where the windows of a view (chain-plan.ts) begin and end among an entity's rows, at the time of a read. */
import { createCalendarDays } from "./calendar-days.ts";
import type { PlannedChain, PlannedWindow } from "./chain-plan.ts";
import { rowsBefore, rowsUpTo } from "./row-search.ts";
import type { WindowColumns } from "./window-columns.ts";
import type { WindowQuery, WindowRows } from "./window-evaluation.ts";
import { latestRow } from "./window-latest.ts";

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
