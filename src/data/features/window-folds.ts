/** count, sum, mean, min, max and variance: windows of a chain ascend, so each continues the fold of the one before. */
import { hasHistory } from "./evicted-history.ts";
import { exactTotal } from "./exact-sum.ts";
import { MOMENTS, addMoments, mergeMoments, resetMoments, varianceOf } from "./moments.ts";
import { COUNT, MAX, MIN, PARTIAL, SUM, addValue, addValues, mergePartial, resetPartial } from "./partial-aggregate.ts";
import type { WindowColumns } from "./window-columns.ts";
import { RAW, RAW_PARTLY_KNOWN } from "./window-cover.ts";
import type { WindowCover } from "./window-cover.ts";
import type { SlotContext, SlotReader } from "./window-evaluation.ts";
import type { Slot, SlotOutput } from "./window-plan.ts";
import { stepsOf } from "./window-steps.ts";

export function foldReader({ plan, columns, slot, history, index }: SlotContext): SlotReader {
  const partial = new Float64Array(PARTIAL);
  const fold = FOLDS[slot.storage];
  const steps = stepsOf(plan, slot.folds);
  return ({ query, cover, pieceStarts, pieceEnds, out }) => {
    let from = 0;
    for (const { window, outputs, isFirst, isLifetime } of steps) {
      if (isFirst) {
        resetPartial(partial, 0);
        from = pieceStarts[window]!;
      }
      fold(partial, { columns, column: slot.column, cover, from, to: pieceEnds[window]!, knownLimit: query.knownLimit });
      from = pieceEnds[window]!;
      if (isLifetime && hasHistory(history, query.entity)) mergePartial(partial, 0, history!.slots[index]!.partials, query.entity * PARTIAL);
      for (const { at, node } of outputs) out[at] = finish(partial, node.aggregation);
    }
  };
}

export function momentReader({ plan, columns, slot, history, index }: SlotContext): SlotReader {
  const moments = new Float64Array(MOMENTS);
  const steps = stepsOf(plan, slot.moments);
  return ({ query, cover, pieceStarts, pieceEnds, out }) => {
    let from = 0;
    for (const { window, outputs, isFirst, isLifetime } of steps) {
      if (isFirst) {
        resetMoments(moments, 0);
        from = pieceStarts[window]!;
      }
      foldMoments(moments, { columns, column: slot.column, cover, from, to: pieceEnds[window]!, knownLimit: query.knownLimit });
      from = pieceEnds[window]!;
      if (isLifetime && hasHistory(history, query.entity)) mergeMoments(moments, 0, history!.slots[index]!.moments, query.entity * MOMENTS);
      const variance = varianceOf(moments, 0);
      for (const { at, node } of outputs) out[at] = node.aggregation === "variance" ? variance : Math.sqrt(variance);
    }
  };
}

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
  code: () => undefined, bucket: () => undefined, // codes are never added up
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

function foldMoments(moments: Float64Array, { columns, column, cover, from, to, knownLimit }: FoldRange): void {
  const values = columns.numbers[column]!;
  for (let piece = from; piece < to; piece++) {
    const kind = cover.kinds[piece]!;
    const first = cover.froms[piece]!;
    if (kind >= 0) mergeMoments(moments, 0, columns.levels[kind]!.moments[column]!, first * MOMENTS);
    else for (let row = first; row < cover.tos[piece]!; row++) if (kind !== RAW_PARTLY_KNOWN || columns.known[row]! <= knownLimit) addMoments(moments, 0, values[row]!);
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
function finish(partial: Float64Array, aggregation: SlotOutput["node"]["aggregation"]): number {
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
