/**
 * Dictionaries only grow while events come in; values whose events have left memory are swept out when most of a
 * dictionary is dead, at checkpoints, so that a stream of unique ids does not fill the memory.
 */
import { compactDictionary } from "./dictionary.ts";
import type { EntityStore } from "./entity-store.ts";
import type { SlotHistory } from "./evicted-history.ts";
import type { TileLevel } from "./window-columns.ts";
import type { WindowPlan } from "./window-plan.ts";

/** Below this size a dictionary is not worth sweeping. */
const SMALLEST_SWEEP = 1_024;

/** Sweeps every dictionary of which less than half is in use. */
export function compactDictionaries(store: EntityStore, plan: WindowPlan): void {
  plan.slots.forEach((slot, index) => {
    if (slot.storage === "code") compactColumn(store, slot.column, store.history?.slots[index]);
  });
}

function compactColumn(store: EntityStore, column: number, history: SlotHistory | undefined): void {
  const dictionary = store.columns.dictionaries[column]!;
  const size = dictionary.values.length;
  if (size < SMALLEST_SWEEP) return;
  const codes = store.columns.codes[column]!;
  const ranges = [...store.entities()];
  const used = new Uint8Array(size);
  for (const { start, count } of ranges) for (let row = start; row < start + count; row++) if (codes[row]! >= 0) used[codes[row]!] = 1;
  if (history !== undefined) markHistory(history, used);
  if (used.reduce((sum, flag) => sum + flag, 0) * 2 > size) return;
  const { dictionary: kept, newCodes } = compactDictionary(dictionary, used);
  store.columns.dictionaries[column] = kept;
  for (const { start, count } of ranges) for (let row = start; row < start + count; row++) if (codes[row]! >= 0) codes[row] = newCodes[codes[row]!]!;
  renameTallies(store.columns.levels, column, newCodes);
  if (history !== undefined) renameHistory(history, newCodes);
}

function markHistory({ firsts, lasts, distincts, tallies }: SlotHistory, used: Uint8Array): void {
  for (let at = 0; at < firsts.length; at += 2) if (firsts[at]! < Number.POSITIVE_INFINITY) used[firsts[at + 1]!] = 1;
  for (const { values } of lasts.values()) for (const code of values) used[code] = 1;
  for (const codes of distincts.values()) for (const code of codes) used[code] = 1;
  for (const tally of tallies.values()) for (const code of tally.keys()) used[code] = 1;
}

function renameHistory({ firsts, lasts, distincts, tallies }: SlotHistory, newCodes: Int32Array): void {
  for (let at = 0; at < firsts.length; at += 2) if (firsts[at]! < Number.POSITIVE_INFINITY) firsts[at + 1] = newCodes[firsts[at + 1]!]!;
  for (const { values } of lasts.values()) values.forEach((code, place) => { values[place] = newCodes[code]!; });
  for (const [entity, codes] of distincts) distincts.set(entity, new Set([...codes].map((code) => newCodes[code]!)));
  for (const [entity, tally] of tallies) tallies.set(entity, new Map([...tally].map(([code, times]) => [newCodes[code]!, times])));
}

/** Tiles keep tallies by code, so they are written anew. */
function renameTallies(levels: readonly TileLevel[], column: number, newCodes: Int32Array): void {
  for (const { tallies } of levels) {
    tallies[column]!.forEach((tally, tile) => {
      if (tally === undefined) return;
      const entries = [...tally.codes].map((code, index) => ({ code: newCodes[code]!, count: tally.counts[index]! })).filter(({ code }) => code >= 0).toSorted((a, b) => a.code - b.code);
      tallies[column]![tile] = { codes: Int32Array.from(entries, ({ code }) => code), counts: Int32Array.from(entries, ({ count }) => count) };
    });
  }
}
