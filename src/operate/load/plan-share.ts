/** Divides a plan among generator processes: connections, rate and number of requests; seeds differ. Pure. */
import type { ArrivalPlan, LoadPlan } from "./load-plan.ts";

/** As many plans as processes, or fewer when there are not enough connections to go round. */
export function planShares(plan: LoadPlan, processes: number): readonly LoadPlan[] {
  const number = Math.max(1, Math.min(processes, plan.connections));
  return Array.from({ length: number }, (_, index): LoadPlan => ({
    ...plan,
    connections: share(plan.connections, number, index), arrivals: arrivalsOf(plan.arrivals, number, index),
    ...(plan.maxRequests === undefined ? {} : { maxRequests: share(plan.maxRequests, number, index) }),
  }));
}

/** Poisson arrivals at a share of the rate, from several seeds, are Poisson arrivals again. */
function arrivalsOf(arrivals: ArrivalPlan, number: number, index: number): ArrivalPlan {
  return arrivals.kind === "closed" ? arrivals : { ...arrivals, perSecond: arrivals.perSecond / number, seed: arrivals.seed + index * 7_919 };
}

const share = (whole: number, number: number, index: number): number => Math.floor(whole / number) + (index < whole % number ? 1 : 0);
