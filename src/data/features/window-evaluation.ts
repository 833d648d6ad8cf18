/** One evaluation of a view's features: what is asked, and what the readers of its slots share while they answer. */
import type { EvictedHistory } from "./evicted-history.ts";
import type { WindowColumns } from "./window-columns.ts";
import type { WindowCover } from "./window-cover.ts";
import type { Slot, WindowPlan } from "./window-plan.ts";

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

/** Rows of the windows of one query. */
export interface WindowRows {
  /** First row of each window. */
  readonly firstRows: Int32Array;
  /** One past the last row, by chain. */
  readonly chainEnds: Int32Array;
}

/** What the slots of one evaluation share. */
export interface Evaluation extends WindowRows {
  query: WindowQuery;
  readonly cover: WindowCover;
  /** Where each window's part of the cover begins, which is where its chain's does, and where it ends. */
  readonly pieceStarts: Int32Array;
  readonly pieceEnds: Int32Array;
  out: Float64Array;
}

export type SlotReader = (evaluation: Evaluation) => void;

export interface SlotContext {
  readonly plan: WindowPlan;
  readonly columns: WindowColumns;
  readonly slot: Slot;
  readonly history: EvictedHistory | undefined;
  /** The slot's index in the plan. */
  readonly index: number;
}
