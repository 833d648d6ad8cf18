/**
 * Keeps the rows in memory within a bound: when a chunk would not fit, entities that were not asked for of late leave
 * for the spill store, a clock's hand going round (second chance, Corbató 1968). When the spill store refuses, the rows
 * stay in memory, which then grows beyond the bound, and the reason is told.
 */
import { reasonOf } from "../../kernel/errors.ts";
import type { SpillStore } from "../../ports/spill-store.ts";
import { NO_CHUNK } from "./entity-table.ts";
import type { EntityTable } from "./entity-table.ts";
import { SMALLEST_CHUNK } from "./row-chunks.ts";
import type { RowChunks } from "./row-chunks.ts";
import { FIRST_TALLY_LEVEL, TILE_SHIFTS } from "./window-columns.ts";
import { MOMENTS } from "./moments.ts";
import { PARTIAL } from "./partial-aggregate.ts";
import type { WindowPlan } from "./window-plan.ts";

export interface SpillOptions {
  /** Opens the spill store; called when the first entity leaves. */
  readonly open: () => SpillStore;
  /** The most bytes that rows and their tiles take in memory. */
  readonly residentBytes: number;
  /** Told when the spill store refuses, once per stretch of refusals. */
  readonly onFailure?: (reason: string) => void;
}

export interface SpillBound {
  /** The most rows; columns need not have room for more. */
  readonly rows: number;
  /** Makes room for a chunk; the entity `kept` stays. */
  makeRoom(size: number, kept: number): void;
}

/** Room that is made at once, so that the hand does not move for every event. */
const SHARE_FREED = 1 / 16;
/** Chunks that are handed out between two tries after a refusal. */
const PAUSE = 64;

export interface SpillBoundOptions extends Omit<SpillOptions, "open"> {
  readonly plan: WindowPlan;
  readonly table: EntityTable;
  readonly chunks: RowChunks;
  /** One more than the highest number of an entity. */
  readonly end: () => number;
  /** Moves an entity's rows to the spill store. */
  readonly spill: (entity: number) => void;
}

export function createSpillBound({ plan, residentBytes, table, chunks, end, spill, onFailure = () => undefined }: SpillBoundOptions): SpillBound {
  const rows = Math.max(2 ** SMALLEST_CHUNK, Math.floor(residentBytes / rowBytes(plan)));
  let hand = 0;
  let pause = 0;
  let isRefused = false;

  const spillNext = (kept: number): boolean => {
    for (let visits = 2 * end(); visits > 0; visits--) {
      hand = hand + 1 < end() ? hand + 1 : 0;
      if (hand === kept || table.sizes[hand] === NO_CHUNK) continue;
      if (table.touched[hand] === 1) {
        table.touched[hand] = 0;
        continue;
      }
      spill(hand);
      return true;
    }
    return false; // the entity that wants room is all there is
  };

  return {
    rows,
    makeRoom: (size, kept) => {
      if (pause > 0) pause--;
      if (pause > 0 || chunks.fits(size, rows)) return;
      try {
        const target = Math.max(0, Math.min(rows * (1 - SHARE_FREED), rows - 2 ** size));
        while ((chunks.taken > target || !chunks.fits(size, rows)) && spillNext(kept));
        isRefused = false;
      } catch (thrown) {
        pause = PAUSE;
        if (!isRefused) onFailure(reasonOf(thrown));
        isRefused = true;
      }
    },
  };
}

/** Bytes of one row with its share of the tiles; tallies of large tiles are counted as half the codes they hold. */
export function rowBytes(plan: WindowPlan): number {
  const tiles = TILE_SHIFTS.reduce((sum, shift) => sum + 2 ** -shift, 0);
  const tallyLevels = TILE_SHIFTS.length - FIRST_TALLY_LEVEL;
  const count = (columns: readonly boolean[]): number => columns.filter(Boolean).length;
  return 8 + plan.numberColumns * (8 + PARTIAL * 8 * tiles) + count(plan.momentColumns) * MOMENTS * 8 * tiles
    + plan.codeColumns * (4 + 4 * tiles) + count(plan.distinctColumns) * (4 + 8 * tiles) + count(plan.tallyColumns) * 4 * tallyLevels * 0.5
    + plan.flagColumns * (1 + 4 * tiles);
}
