/** Exact distinct counts over the pieces of a window. */
import { hasHistory } from "./evicted-history.ts";
import { createLastSeen, startRound } from "./last-seen.ts";
import type { LastSeen } from "./last-seen.ts";
import { LEAF_ROWS } from "./window-columns.ts";
import type { WindowColumns } from "./window-columns.ts";
import { RAW_PARTLY_KNOWN } from "./window-cover.ts";
import type { WindowCover } from "./window-cover.ts";
import type { Evaluation, SlotContext, SlotReader } from "./window-evaluation.ts";
import { stepsOf } from "./window-steps.ts";

export function distinctReader({ plan, columns, slot, history, index }: SlotContext): SlotReader {
  const { column } = slot;
  const marks: DistinctMarks = { seen: createLastSeen(), count: 0 };
  const steps = stepsOf(plan, slot.distincts);

  const countMarked = ({ query, cover, pieceStarts, pieceEnds, out }: Evaluation): void => {
    let from = 0;
    for (const { window, outputs, isFirst, isLifetime } of steps) {
      if (isFirst) {
        clearMarks(marks, columns.dictionaries[column]!.values.length);
        from = pieceStarts[window]!;
      }
      markPieces(marks, columns, column, { cover, from, to: pieceEnds[window]!, knownLimit: query.knownLimit });
      from = pieceEnds[window]!;
      if (isLifetime && hasHistory(history, query.entity)) markHistory(marks, history!.slots[index]!.distincts.get(query.entity) ?? []);
      for (const { at } of outputs) out[at] = marks.count;
    }
  };

  return (evaluation) => {
    const { query, cover, firstRows, pieceStarts, pieceEnds, out } = evaluation;
    if (cover.isPartlyKnown || hasHistory(history, query.entity)) return countMarked(evaluation);
    for (const { window, outputs } of steps) {
      const count = countFirsts(columns, column, cover, { from: pieceStarts[window]!, to: pieceEnds[window]!, firstRow: firstRows[window]! });
      for (const { at } of outputs) out[at] = count;
    }
  };
}

/**
 * Counts the rows whose value did not occur before within the window that begins at `firstRow`. Only for windows in
 * which every row is known: the previous occurrence of a row must be one that counts.
 */
function countFirsts(columns: WindowColumns, column: number, cover: WindowCover, window: { readonly from: number; readonly to: number; readonly firstRow: number }): number {
  let count = 0;
  for (let piece = window.from; piece < window.to; piece++) {
    const kind = cover.kinds[piece]!;
    const from = cover.froms[piece]!;
    count += kind < 0 ? countRawFirsts(columns.gaps[column]!, from, cover.tos[piece]!, window.firstRow)
      : countTileFirsts(columns, column, { level: kind, tile: from, firstRow: window.firstRow });
  }
  return count;
}

function countRawFirsts(gaps: Int32Array, from: number, to: number, firstRow: number): number {
  let count = 0;
  for (let row = from; row < to; row++) if (gaps[row]! > row - firstRow) count++;
  return count;
}

/** A tile counts in full when all its previous occurrences lie before the window, and not at all when none does. */
function countTileFirsts(columns: WindowColumns, column: number, at: { readonly level: number; readonly tile: number; readonly firstRow: number }): number {
  const { level, tile, firstRow } = at;
  const { previousMin, previousMax, codeCounts, shift } = columns.levels[level]!;
  if (previousMax[column]![tile]! < firstRow) return codeCounts[column]![tile]!;
  if (previousMin[column]![tile]! >= firstRow) return 0;
  if (level === 0) return countRawFirsts(columns.gaps[column]!, tile * LEAF_ROWS, (tile + 1) * LEAF_ROWS, firstRow);
  const fanOut = shift - columns.levels[level - 1]!.shift;
  let count = 0;
  for (let child = tile << fanOut; child < (tile + 1) << fanOut; child++) count += countTileFirsts(columns, column, { level: level - 1, tile: child, firstRow });
  return count;
}

/** Counts by marking each value once: for windows that leave out rows, or join the evicted history. */
interface DistinctMarks {
  readonly seen: LastSeen;
  count: number;
}

function clearMarks(marks: DistinctMarks, dictionarySize: number): void {
  startRound(marks.seen, dictionarySize);
  marks.count = 0;
}

/** Marks the values of the pieces `[from, to)` of the cover. */
function markPieces(marks: DistinctMarks, columns: WindowColumns, column: number, { cover, from, to, knownLimit }: {
  readonly cover: WindowCover; readonly from: number; readonly to: number; readonly knownLimit: number;
}): void {
  const codes = columns.codes[column]!;
  for (let piece = from; piece < to; piece++) {
    const kind = cover.kinds[piece]!;
    const first = cover.froms[piece]!;
    const shift = kind >= 0 ? columns.levels[kind]!.shift : 0;
    const end = kind >= 0 ? (first + 1) << shift : cover.tos[piece]!;
    for (let row = kind >= 0 ? first << shift : first; row < end; row++) {
      if (kind !== RAW_PARTLY_KNOWN || columns.known[row]! <= knownLimit) mark(marks, codes[row]!);
    }
  }
}

/** Marks the values of an entity's evicted events. */
function markHistory(marks: DistinctMarks, codes: Iterable<number>): void {
  for (const code of codes) mark(marks, code);
}

function mark(marks: DistinctMarks, code: number): void {
  const { seen } = marks;
  if (code < 0 || seen.rounds[code] === seen.round) return;
  seen.rounds[code] = seen.round;
  marks.count++;
}
