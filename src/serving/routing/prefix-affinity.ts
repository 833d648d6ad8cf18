/**
 * Prefix less load: the replica that has most of the prompt in its cache, unless too many calls wait there. Each
 * request weighs both for itself; affinity alone makes hot spots, and one gate for the whole fleet switches affinity
 * off for everybody.
 */
import { cheapest } from "./replica-view.ts";
import type { Draw, ReplicaView } from "./replica-view.ts";
import { expectedWait } from "./least-in-flight.ts";

/** A full match is worth so many calls waiting: about the price of computing the prefix against that of a hit. */
export const DEFAULT_PREFIX_WORTH = 4;

export interface PrefixPick {
  /** 0 to 1 for each view: the share of the prompt's blocks that the replica has. */
  readonly matched: readonly number[];
  readonly worth: number;
}

/** The index of the chosen replica; -1 when there is none. */
export function pickPrefixLessLoad(views: readonly ReplicaView[], { matched, worth }: PrefixPick, draw: Draw): number {
  return cheapest(views.map((view, index) => expectedWait(view) - worth * (matched[index] ?? 0)), draw);
}
