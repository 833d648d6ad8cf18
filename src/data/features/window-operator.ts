/**
 * The one window operator: it reads every feature of a view for one entity at one time, from the columns. The
 * online engine, the backfill and the point-in-time join all call it, so they cannot disagree.
 *
 * Windows cover events that were known by the limit, at times that define/window.ts says; equal times are ordered by
 * offset. Events without a value take no part in a feature, so `last` is the latest value there is. When the latest
 * event is older than the view's ttl, every feature is missing. Without events, counts (those of a histogram too),
 * sums and distinct counts are 0 and the others are missing.
 */
import type { EvictedHistory } from "./evicted-history.ts";
import { rowsUpTo } from "./row-search.ts";
import { createWindowLocator } from "./window-chains.ts";
import type { WindowColumns } from "./window-columns.ts";
import { clearCover, coverRows, createWindowCover } from "./window-cover.ts";
import { distinctReader } from "./window-distinct.ts";
import type { Evaluation, SlotContext, SlotReader, WindowQuery } from "./window-evaluation.ts";
import { foldReader, momentReader } from "./window-folds.ts";
import { latestRow } from "./window-latest.ts";
import type { WindowPlan } from "./window-plan.ts";
import { tallyReader } from "./window-tallies.ts";
import { firstReader, lastReader } from "./window-values.ts";

export interface WindowOperator {
  /**
   * Writes each feature's numbers where the plan says: NaN for missing, truths as 1 and 0, text as its code in the
   * feature's dictionary.
   */
  evaluate(query: WindowQuery, out: Float64Array): void;
}

/** An operator over the columns, which may grow and change between calls. */
export function createWindowOperator(plan: WindowPlan, columns: WindowColumns, history?: EvictedHistory): WindowOperator {
  const { windows, chains, slots, ttlMs } = plan;
  const readers = slots.flatMap((slot, index) => readersOf({ plan, columns, slot, history, index }));
  const locator = createWindowLocator(chains, windows, columns);
  const covered = coveredWindows(plan);
  const evaluation: Evaluation = {
    ...locator.rows,
    query: { start: 0, end: 0, entity: -1, timeMs: 0, knownLimit: Number.POSITIVE_INFINITY },
    cover: createWindowCover(), pieceStarts: new Int32Array(windows.length), pieceEnds: new Int32Array(windows.length), out: new Float64Array(0),
  };
  const { cover, pieceStarts, pieceEnds, firstRows, chainEnds } = evaluation;

  const isExpired = ({ start, timeMs, knownLimit }: WindowQuery, end: number): boolean => {
    if (ttlMs === undefined) return false;
    const latest = latestRow(columns, ANY_ROW, { from: start, to: end, knownLimit });
    return latest < 0 || timeMs - columns.times[latest]! > ttlMs;
  };

  const coverWindows = (knownLimit: number): void => {
    clearCover(cover);
    for (let chain = 0; chain < chains.length; chain++) {
      const first = cover.pieces;
      let to = chainEnds[chain]!;
      for (let window = chains[chain]!.from; window < chains[chain]!.to; window++) {
        const from = firstRows[window]!;
        if (window < covered[chain]!) coverRows(cover, columns, { from, to, knownLimit });
        pieceStarts[window] = first;
        pieceEnds[window] = cover.pieces;
        to = Math.min(to, from);
      }
    }
  };

  return {
    evaluate: (query, out) => {
      out.fill(Number.NaN, 0, plan.width);
      const end = rowsUpTo(columns.times, { from: query.start, to: query.end, timeMs: query.timeMs });
      if (isExpired(query, end)) return;
      locator.locate(query, end);
      coverWindows(query.knownLimit);
      evaluation.query = query;
      evaluation.out = out;
      for (let reader = 0; reader < readers.length; reader++) readers[reader]!(evaluation);
    },
  };
}

const ANY_ROW = { storage: "rows", column: 0 } as const;

/** By chain: one past the last window that is folded, and so must be covered; first and last values are found without. */
function coveredWindows({ slots, chains }: WindowPlan): readonly number[] {
  const folded = slots.flatMap(({ folds, moments, distincts, tallies }) => [...folds, ...moments, ...distincts, ...tallies]).map(({ window }) => window);
  return chains.map(({ from, to }) => 1 + Math.max(-1, ...folded.filter((window) => window >= from && window < to)));
}

const READERS = { folds: foldReader, moments: momentReader, firsts: firstReader, lasts: lastReader, distincts: distinctReader, tallies: tallyReader } as const;

function readersOf(context: SlotContext): readonly SlotReader[] {
  return Object.entries(READERS).flatMap(([family, reader]) => (context.slot[family as keyof typeof READERS].length > 0 ? [reader(context)] : []));
}
