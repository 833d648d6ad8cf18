/** Counts how often each code occurs in a window, for the features that need no more than that. */
import { eachTallied, hasHistory } from "./evicted-history.ts";
import { createTallyReader } from "./tally-values.ts";
import { addTally, addToTally, createTallyTable, startTally } from "./tallies.ts";
import type { TallyTable } from "./tallies.ts";
import { FIRST_TALLY_LEVEL, codeLimit } from "./window-columns.ts";
import type { WindowColumns } from "./window-columns.ts";
import { RAW_PARTLY_KNOWN } from "./window-cover.ts";
import type { WindowCover } from "./window-cover.ts";
import type { SlotContext, SlotReader } from "./window-evaluation.ts";
import { stepsOf } from "./window-steps.ts";

export function tallyReader({ plan, columns, slot, history, index }: SlotContext): SlotReader {
  const { column } = slot;
  const table = createTallyTable();
  const steps = stepsOf(plan, slot.tallies).map((step) => ({ ...step, readers: step.outputs.map((output) => createTallyReader(output, slot.type === "text")) }));
  return ({ query, cover, pieceStarts, pieceEnds, out }) => {
    let from = 0;
    for (const { window, readers, isFirst, isLifetime } of steps) {
      if (isFirst) {
        startTally(table, codeLimit(columns, column));
        from = pieceStarts[window]!;
      }
      tallyPieces(table, columns, column, { cover, from, to: pieceEnds[window]!, knownLimit: query.knownLimit });
      from = pieceEnds[window]!;
      if (isLifetime && hasHistory(history, query.entity)) {
        eachTallied(history!.slots[index]!, query.entity, (code, times) => addToTally(table, code, times));
      }
      for (const read of readers) read(table, columns.dictionaries[column]!, out);
    }
  };
}

function tallyPieces(table: TallyTable, columns: WindowColumns, column: number, { cover, from, to, knownLimit }: {
  readonly cover: WindowCover; readonly from: number; readonly to: number; readonly knownLimit: number;
}): void {
  const codes = columns.codes[column]!;
  for (let piece = from; piece < to; piece++) {
    const kind = cover.kinds[piece]!;
    const first = cover.froms[piece]!;
    if (kind >= FIRST_TALLY_LEVEL) addTally(table, columns.levels[kind]!.tallies[column]![first]!);
    else {
      const shift = kind >= 0 ? columns.levels[kind]!.shift : 0;
      const end = kind >= 0 ? (first + 1) << shift : cover.tos[piece]!;
      for (let row = first << shift; row < end; row++) if (kind !== RAW_PARTLY_KNOWN || columns.known[row]! <= knownLimit) addToTally(table, codes[row]!, 1);
    }
  }
}
