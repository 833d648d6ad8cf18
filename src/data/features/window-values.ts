/** first, last and the latest n values: found row by row from the window's ends, never folded. */
import { hasHistory } from "./evicted-history.ts";
import type { ValueList } from "./evicted-history.ts";
import type { WindowColumns } from "./window-columns.ts";
import { earliestRow, latestRow } from "./window-latest.ts";
import type { SlotContext, SlotReader } from "./window-evaluation.ts";
import type { Slot } from "./window-plan.ts";
import { stepsOf } from "./window-steps.ts";

function valueAt(columns: WindowColumns, { storage, column }: Slot, row: number): number {
  return storage === "code" ? columns.codes[column]![row]! : columns.numbers[column]![row]!;
}

/** The latest values of a window, found once for the longest window and the most values of its chain. */
export function lastReader({ plan, columns, slot, history, index }: SlotContext): SlotReader {
  const groups = [...Map.groupBy(stepsOf(plan, slot.lasts), ({ window }) => plan.windows[window]!.chain)].map(([chain, steps]) => ({
    chain, steps, longest: steps.at(-1)!.window, most: Math.max(...steps.flatMap(({ outputs }) => outputs.map(({ width }) => width))),
  }));
  const rows = new Int32Array(Math.max(...groups.map(({ most }) => most)));

  return ({ query, firstRows, chainEnds, out }) => {
    const { knownLimit, entity } = query;
    for (const { chain, steps, longest, most } of groups) {
      let found = 0;
      for (let to = chainEnds[chain]!; found < most; found++) {
        const row = latestRow(columns, slot, { from: firstRows[longest]!, to, knownLimit });
        if (row < 0) break;
        rows[found] = row;
        to = row;
      }
      for (const { window, outputs, isLifetime } of steps) {
        const kept = isLifetime && hasHistory(history, entity) ? history!.slots[index]!.lasts.get(entity) : undefined;
        for (const { at, width } of outputs) {
          if (kept !== undefined) writeMerged(kept, { columns, slot, rows, found, out, at, width });
          else for (let place = 0; place < width && place < found && rows[place]! >= firstRows[window]!; place++) out[at + place] = valueAt(columns, slot, rows[place]!);
        }
      }
    }
  };
}

interface Merge {
  readonly columns: WindowColumns;
  readonly slot: Slot;
  readonly rows: Int32Array;
  readonly found: number;
  readonly out: Float64Array;
  readonly at: number;
  readonly width: number;
}

/** Latest first, of kept rows and remembered values; a kept row with the time of a remembered one arrived later. */
function writeMerged(kept: ValueList, { columns, slot, rows, found, out, at, width }: Merge): void {
  let row = 0;
  let remembered = 0;
  for (let place = 0; place < width; place++) {
    const isRow = row < found && (remembered === kept.times.length || columns.times[rows[row]!]! >= kept.times[remembered]!);
    if (isRow) out[at + place] = valueAt(columns, slot, rows[row++]!);
    else if (remembered < kept.times.length) out[at + place] = kept.values[remembered++]!;
    else return;
  }
}

/** The earliest value of each window. */
export function firstReader({ plan, columns, slot, history, index }: SlotContext): SlotReader {
  const steps = stepsOf(plan, slot.firsts).map((step) => ({ ...step, chain: plan.windows[step.window]!.chain }));
  return ({ query, firstRows, chainEnds, out }) => {
    for (const { window, chain, outputs, isLifetime } of steps) {
      const row = earliestRow(columns, slot, { from: firstRows[window]!, to: chainEnds[chain]!, knownLimit: query.knownLimit });
      let value = row < 0 ? Number.NaN : valueAt(columns, slot, row);
      if (isLifetime && hasHistory(history, query.entity)) {
        const { firsts } = history!.slots[index]!;
        const at = query.entity * 2;
        // A remembered value with the time of a kept row arrived before it.
        if (firsts[at]! <= (row < 0 ? Number.MAX_VALUE : columns.times[row]!)) value = firsts[at + 1]!;
      }
      for (const { at } of outputs) out[at] = value;
    }
  };
}
