/** The ways to choose among replicas that can take a call. */
import type { Draw, ReplicaView } from "./replica-view.ts";
import { pickLeastInFlight } from "./least-in-flight.ts";
import { pickPowerOfTwo } from "./power-of-two.ts";
import { pickPrefixLessLoad } from "./prefix-affinity.ts";
import { pickWeighted } from "./weighted.ts";

/**
 * - least-in-flight: fewest calls, counted heavier where calls take longer. The default.
 * - latency: two choices by peak-sensitive latency and calls in flight, for many gateways before one fleet.
 * - weighted: in proportion to the weights, whatever the load.
 * - prefix: where the prompt's beginning was seen before, unless too many calls wait there.
 */
export type RoutingPolicy = "least-in-flight" | "latency" | "weighted" | "prefix";

export interface PickContext {
  readonly draw: Draw;
  /** Share of the prompt that each view's replica has seen; only asked by "prefix". */
  readonly matched: () => readonly number[];
  readonly prefixWorth: number;
}

/** The index of the chosen view; -1 when there is none. */
export function pickReplica(policy: RoutingPolicy, views: readonly ReplicaView[], context: PickContext): number {
  switch (policy) {
    case "least-in-flight": return pickLeastInFlight(views, context.draw);
    case "latency": return pickPowerOfTwo(views, context.draw);
    case "weighted": return pickWeighted(views, context.draw);
    case "prefix": return pickPrefixLessLoad(views, { matched: context.matched(), worth: context.prefixWorth }, context.draw);
  }
}
