/**
 * Power of two choices (Mitzenmacher 2001) over a peak-sensitive latency average times calls in flight: of two
 * replicas drawn at random the cheaper one. For many gateways before one fleet, where counts are partial and everybody
 * choosing the one best replica would flood it.
 */
import type { Draw, ReplicaView } from "./replica-view.ts";

/** The index of the chosen replica; -1 when there is none. */
export function pickPowerOfTwo(views: readonly ReplicaView[], draw: Draw): number {
  if (views.length < 2) return views.length - 1;
  const first = Math.floor(draw() * views.length);
  const second = (first + 1 + Math.floor(draw() * (views.length - 1))) % views.length;
  const [a, b] = [costOf(views[first]!), costOf(views[second]!)];
  return a <= b ? first : second;
}

/** Unknown latency counts as none: a new replica is tried, and its calls in flight keep it from being flooded. */
function costOf({ inFlight, peakMs, weight }: ReplicaView): number {
  return ((inFlight + 1) * (peakMs + 1e-3)) / weight;
}
