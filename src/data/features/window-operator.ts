/**
 * The one window operator: it reads every feature of a view for one entity at one time, from the columns. The
 * online engine, the backfill and the point-in-time join all call it, so they cannot disagree.
 *
 * A window of length W at time t covers the events with time in (t - W, t] that were known by the limit; equal times
 * are ordered by offset. Events without a value take no part in a feature, so `last` is the latest value there is.
 * When the latest event is older than the view's ttl, every feature is missing. Without events, counts, sums and
 * distinct counts are 0 and the others are missing.
 */
import type { EvictedHistory } from "./evicted-history.ts";
import { exactTotal } from "./exact-sum.ts";
import { createLastSeen } from "./last-seen.ts";
import { COUNT, MAX, MIN, PARTIAL, SUM, addValue, addValues, mergePartial, resetPartial } from "./partial-aggregate.ts";
import { rowsUpTo } from "./row-search.ts";
import type { WindowColumns } from "./window-columns.ts";
import { RAW, clearCover, coverRows, createWindowCover } from "./window-cover.ts";
import type { WindowCover } from "./window-cover.ts";
import { clearMarks, countFirsts, markHistory, markPieces } from "./window-distinct.ts";
import { latestRow } from "./window-latest.ts";
import type { Slot, SlotOutput, WindowPlan } from "./window-plan.ts";

/** One entity at one time; callers may reuse the object. */
export interface WindowQuery {
  /** The entity's rows `[start, end)`. */
  start: number;
  end: number;
  /** The entity's number in the evicted history. */
  entity: number;
  timeMs: number;
  /** Events that became known later are invisible; Infinity sees all. */
  knownLimit: number;
}

export interface WindowOperator {
  /**
   * Writes one number per feature, in the plan's order: NaN for missing, truths as 1 and 0, text as its code in the
   * feature's dictionary.
   */
  evaluate(query: WindowQuery, out: Float64Array): void;
}

/** What the slots of one evaluation share. */
interface Evaluation {
  query: WindowQuery;
  /** One past the last row at or before the query's time. */
  end: number;
  /** First row of each window. */
  readonly firstRows: Int32Array;
  readonly cover: WindowCover;
  /** Pieces of the cover that belong to each window. */
  readonly pieces: Int32Array;
  out: Float64Array;
}

type SlotReader = (evaluation: Evaluation) => void;

/** An operator over the columns, which may grow and change between calls. */
export function createWindowOperator(plan: WindowPlan, columns: WindowColumns, history?: EvictedHistory): WindowOperator {
  const { windowsMs, slots, ttlMs } = plan;
  const readers = slots.flatMap((slot, index) => readersOf({ plan, columns, slot, history, index }));
  const covered = coveredWindows(plan);
  const windows = windowsMs.length;
  const evaluation: Evaluation = {
    query: { start: 0, end: 0, entity: -1, timeMs: 0, knownLimit: Number.POSITIVE_INFINITY },
    end: 0, firstRows: new Int32Array(windows), cover: createWindowCover(), pieces: new Int32Array(windows), out: new Float64Array(0),
  };

  const isExpired = ({ start, timeMs, knownLimit }: WindowQuery, end: number): boolean => {
    if (ttlMs === undefined) return false;
    const latest = latestRow(columns, ANY_ROW, { from: start, to: end, knownLimit });
    return latest < 0 || timeMs - columns.times[latest]! > ttlMs;
  };

  const findWindows = ({ start, timeMs, knownLimit }: WindowQuery, end: number): void => {
    clearCover(evaluation.cover);
    let to = end;
    for (let window = 0; window < windows; window++) {
      const from = rowsUpTo(columns.times, { from: start, to, timeMs: timeMs - windowsMs[window]! });
      if (window < covered) coverRows(evaluation.cover, columns, { from, to, knownLimit });
      evaluation.firstRows[window] = from;
      evaluation.pieces[window] = evaluation.cover.pieces;
      to = from;
    }
  };

  return {
    evaluate: (query, out) => {
      const end = rowsUpTo(columns.times, { from: query.start, to: query.end, timeMs: query.timeMs });
      if (isExpired(query, end)) {
        out.fill(Number.NaN, 0, plan.features.length);
        return;
      }
      findWindows(query, end);
      evaluation.query = query;
      evaluation.end = end;
      evaluation.out = out;
      for (let reader = 0; reader < readers.length; reader++) readers[reader]!(evaluation);
    },
  };
}

const ANY_ROW = { storage: "rows", column: 0 } as const;

/** Windows that are folded, and so must be covered; `last` finds its row without. */
function coveredWindows({ slots }: WindowPlan): number {
  return 1 + Math.max(-1, ...slots.flatMap((slot) => [...slot.folds, ...slot.distincts].map((output) => output.window)));
}

interface SlotContext {
  readonly plan: WindowPlan;
  readonly columns: WindowColumns;
  readonly slot: Slot;
  readonly history: EvictedHistory | undefined;
  /** The slot's index in the plan. */
  readonly index: number;
}

function readersOf(context: SlotContext): readonly SlotReader[] {
  const { folds, lasts, distincts } = context.slot;
  return [
    ...(folds.length > 0 ? [foldReader(context)] : []),
    ...(lasts.length > 0 ? [lastReader(context)] : []),
    ...(distincts.length > 0 ? [distinctReader(context)] : []),
  ];
}

/** count, sum, mean, min, max: windows ascend, so each continues the fold of the one before. */
function foldReader({ plan, columns, slot, history, index }: SlotContext): SlotReader {
  const partial = new Float64Array(PARTIAL);
  const fold = FOLDS[slot.storage];
  const byWindow = Map.groupBy(slot.folds, (output) => output.window);
  const steps = [...byWindow].map(([window, outputs]) => ({ window, outputs, isLifetime: plan.windowsMs[window] === Number.POSITIVE_INFINITY }));
  return ({ query, cover, pieces, out }) => {
    resetPartial(partial, 0);
    let from = 0;
    for (const { window, outputs, isLifetime } of steps) {
      fold(partial, { columns, column: slot.column, cover, from, to: pieces[window]!, knownLimit: query.knownLimit });
      from = pieces[window]!;
      if (isLifetime && hasHistory(history, query.entity)) mergePartial(partial, 0, history!.slots[index]!.partials, query.entity * PARTIAL);
      for (const output of outputs) out[output.feature] = finish(partial, output.aggregation);
    }
  };
}

const hasHistory = (history: EvictedHistory | undefined, entity: number): boolean => history !== undefined && history.entities[entity] === 1;

interface FoldRange {
  readonly columns: WindowColumns;
  readonly column: number;
  readonly cover: WindowCover;
  /** Pieces of the cover. */
  readonly from: number;
  readonly to: number;
  readonly knownLimit: number;
}

const FOLDS: Readonly<Record<Slot["storage"], (partial: Float64Array, range: FoldRange) => void>> = {
  rows: foldRows, flag: foldFlags, number: foldNumbers,
  code: () => undefined, // codes are never added up
};

function foldNumbers(partial: Float64Array, { columns, column, cover, from, to, knownLimit }: FoldRange): void {
  const values = columns.numbers[column]!;
  for (let piece = from; piece < to; piece++) {
    const kind = cover.kinds[piece]!;
    const first = cover.froms[piece]!;
    if (kind >= 0) mergePartial(partial, 0, columns.levels[kind]!.numbers[column]!, first * PARTIAL);
    else if (kind === RAW) addValues(partial, 0, values, first, cover.tos[piece]!);
    else for (let row = first; row < cover.tos[piece]!; row++) if (columns.known[row]! <= knownLimit) addValue(partial, 0, values[row]!);
  }
}

function foldFlags(partial: Float64Array, { columns, column, cover, from, to, knownLimit }: FoldRange): void {
  const flags = columns.flags[column]!;
  let count = 0;
  for (let piece = from; piece < to; piece++) {
    const kind = cover.kinds[piece]!;
    const first = cover.froms[piece]!;
    if (kind >= 0) count += columns.levels[kind]!.flagCounts[column]![first]!;
    else for (let row = first; row < cover.tos[piece]!; row++) if (kind === RAW || columns.known[row]! <= knownLimit) count += flags[row]!;
  }
  partial[COUNT]! += count;
}

function foldRows(partial: Float64Array, { columns, cover, from, to, knownLimit }: FoldRange): void {
  let count = 0;
  for (let piece = from; piece < to; piece++) {
    const kind = cover.kinds[piece]!;
    const first = cover.froms[piece]!;
    if (kind >= 0) count += 1 << columns.levels[kind]!.shift;
    else if (kind === RAW) count += cover.tos[piece]! - first;
    else for (let row = first; row < cover.tos[piece]!; row++) if (columns.known[row]! <= knownLimit) count++;
  }
  partial[COUNT]! += count;
}

/** The feature's value; NaN when it is missing or beyond what a double can hold. */
function finish(partial: Float64Array, aggregation: SlotOutput["aggregation"]): number {
  const count = partial[COUNT]!;
  switch (aggregation) {
    case "count": return count;
    case "sum": return finite(exactTotal(partial, SUM));
    case "mean": return finite(exactTotal(partial, SUM) / count);
    case "min": return finite(partial[MIN]!);
    default: return finite(partial[MAX]!);
  }
}

const finite = (value: number): number => (Number.isFinite(value) ? value : Number.NaN);

/** All windows of a slot share the latest row with a value; each has it when the row is not before its first. */
function lastReader({ plan, columns, slot, history, index }: SlotContext): SlotReader {
  const longest = Math.max(...slot.lasts.map((output) => output.window));
  return ({ query, end, firstRows, out }) => {
    const row = latestRow(columns, slot, { from: firstRows[longest]!, to: end, knownLimit: query.knownLimit });
    const value = row < 0 ? Number.NaN : slot.storage === "code" ? columns.codes[slot.column]![row]! : columns.numbers[slot.column]![row]!;
    for (const { window, feature } of slot.lasts) {
      out[feature] = row >= firstRows[window]! ? value : Number.NaN;
      if (plan.windowsMs[window] === Number.POSITIVE_INFINITY && hasHistory(history, query.entity)) {
        const { lasts } = history!.slots[index]!;
        const at = query.entity * 2;
        // A kept row with the time of an evicted one arrived after it was evicted, so the row is the later of the two.
        if (lasts[at]! > (row < 0 ? Number.NEGATIVE_INFINITY : columns.times[row]!)) out[feature] = lasts[at + 1]!;
      }
    }
  };
}

function distinctReader({ plan, columns, slot, history, index }: SlotContext): SlotReader {
  const { column } = slot;
  const marks = { seen: createLastSeen(), count: 0 };

  const countMarked = ({ query, cover, pieces, out }: Evaluation): void => {
    clearMarks(marks, columns.dictionaries[column]!.values.length);
    let from = 0;
    for (const { window, feature } of slot.distincts) {
      markPieces(marks, columns, column, { cover, from, to: pieces[window]!, knownLimit: query.knownLimit });
      from = pieces[window]!;
      if (plan.windowsMs[window] === Number.POSITIVE_INFINITY && hasHistory(history, query.entity)) {
        markHistory(marks, history!.slots[index]!.distincts.get(query.entity) ?? []);
      }
      out[feature] = marks.count;
    }
  };

  return (evaluation) => {
    const { query, cover, firstRows, pieces, out } = evaluation;
    if (cover.isPartlyKnown || hasHistory(history, query.entity)) return countMarked(evaluation);
    for (const { window, feature } of slot.distincts) out[feature] = countFirsts(columns, column, cover, { pieces: pieces[window]!, firstRow: firstRows[window]! });
  };
}
