/**
 * What a routing decision sees of a replica: plain numbers of one moment. The balancer makes these; the policies
 * only read them, so every decision can be replayed.
 */
export interface ReplicaView {
  readonly name: string;
  /** Calls picked and not ended. */
  readonly inFlight: number;
  /** Share of calls it should get beside the others, above 0; falls while it starts slowly. */
  readonly weight: number;
  /** How many times slower than the fleet it answers; 1 when it is like the others or not known yet. */
  readonly slowness: number;
  /** Peak-sensitive average latency; 0 when not known yet. */
  readonly peakMs: number;
}

/** Uniform in [0, 1). */
export type Draw = () => number;

/** Index of the smallest cost; equal ones share by chance, so that the first of the list is not always first. */
export function cheapest(costs: readonly number[], draw: Draw): number {
  let best = -1;
  let least = Number.POSITIVE_INFINITY;
  let ties = 0;
  for (let index = 0; index < costs.length; index++) {
    const cost = costs[index]!;
    if (cost < least) {
      [best, least, ties] = [index, cost, 1];
    } else if (cost === least && draw() * ++ties < 1) best = index;
  }
  return best;
}
