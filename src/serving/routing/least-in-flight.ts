/**
 * Least in flight: the replica with the fewest calls, counted heavier where calls take longer. Right when this process
 * sees all of a replica's calls; with counts that are stale or partial, two choices are safer.
 */
import { cheapest } from "./replica-view.ts";
import type { Draw, ReplicaView } from "./replica-view.ts";

/** The index of the chosen replica; -1 when there is none. */
export function pickLeastInFlight(views: readonly ReplicaView[], draw: Draw): number {
  return cheapest(views.map(expectedWait), draw);
}

/** The call's own turn counts too: an idle replica that is four times slower costs as much as four calls on another. */
export function expectedWait({ inFlight, slowness, weight }: ReplicaView): number {
  return ((inFlight + 1) * slowness) / weight;
}
