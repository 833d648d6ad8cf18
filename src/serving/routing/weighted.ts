/** Weighted: each replica gets calls in proportion to its weight, whatever it is doing. For splits by price or contract. */
import type { Draw, ReplicaView } from "./replica-view.ts";

/** The index of the chosen replica; -1 when there is none. */
export function pickWeighted(views: readonly ReplicaView[], draw: Draw): number {
  const total = views.reduce((sum, { weight }) => sum + weight, 0);
  let rest = draw() * total;
  for (let index = 0; index < views.length; index++) {
    rest -= views[index]!.weight;
    if (rest < 0) return index;
  }
  return views.length - 1; // rounding left a crumb
}
