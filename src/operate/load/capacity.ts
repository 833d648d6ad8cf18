/** What a search says about capacity: curves, replicas for a wanted rate, concurrency per replica. Pure. */
import { fitQueueCurve, fitScalabilityLaw, latencyAt } from "./capacity-curve.ts";
import type { QueueCurve, ScalabilityLaw } from "./capacity-curve.ts";
import { failuresOf, requestsOf, throughputOf } from "./load-outcome.ts";
import type { LoadSearch, MeasuredStep } from "./load-search.ts";

export interface CapacityQuestion {
  /** Requests per second that are wanted in all. */
  readonly wantedPerSecond?: number | undefined;
  /** Share of a replica's highest rate that is left free for bursts and for replicas that are gone. */
  readonly headroom: number;
}

export interface Capacity {
  /** Mean latency over throughput; undefined with too few points. */
  readonly latencyCurve: QueueCurve | undefined;
  /** The same for p99. */
  readonly p99Curve: QueueCurve | undefined;
  readonly scalability: ScalabilityLaw | undefined;
  readonly advice: ReplicaAdvice | undefined;
}

export interface ReplicaAdvice {
  /** The rate a replica should carry: the confirmed one less the headroom. */
  readonly perReplicaPerSecond: number;
  /** Requests at once in a replica at that rate (Little's law: rate × mean latency): the target for an autoscaler. */
  readonly concurrencyTarget: number;
  /** Mean latency at that rate: from the curve if it is good, else between the nearest points. */
  readonly meanLatencyMs: number;
  readonly meanFrom: "the fitted curve" | "the nearest points";
  readonly wantedPerSecond?: number;
  readonly replicas?: number;
}

export function capacityOf(search: LoadSearch, { wantedPerSecond, headroom }: CapacityQuestion): Capacity {
  const following = search.steps.filter(hasFollowed);
  const latencyCurve = fitQueueCurve(following.map((step) => ({ perSecond: throughputOf(step.outcome), latencyMs: step.outcome.latency.meanMs })));
  const p99Curve = fitQueueCurve(following.map((step) => ({ perSecond: throughputOf(step.outcome), latencyMs: step.outcome.latency.p99Ms })));
  const scalability = fitScalabilityLaw(search.steps.filter((step) => step.outcome.answered > 0).map((step) => ({ concurrency: concurrencyOf(step), perSecond: throughputOf(step.outcome) })));
  if (search.heldPerSecond === undefined) return { latencyCurve, p99Curve, scalability, advice: undefined };
  const perReplicaPerSecond = search.heldPerSecond * (1 - headroom);
  const isFromCurve = latencyCurve !== undefined && latencyCurve.isGood;
  const meanLatencyMs = isFromCurve ? latencyAt(latencyCurve, perReplicaPerSecond) : between(search.steps.filter((step) => step.isHeld), perReplicaPerSecond);
  return {
    latencyCurve, p99Curve, scalability,
    advice: {
      perReplicaPerSecond, meanLatencyMs, meanFrom: isFromCurve ? "the fitted curve" : "the nearest points",
      concurrencyTarget: (perReplicaPerSecond * meanLatencyMs) / 1000,
      ...(wantedPerSecond === undefined ? {} : { wantedPerSecond, replicas: Math.ceil(wantedPerSecond / perReplicaPerSecond) }),
    },
  };
}

/** Requests under way on average (Little's law). */
export function concurrencyOf({ outcome }: Pick<MeasuredStep, "outcome">): number {
  return (throughputOf(outcome) * outcome.latency.meanMs) / 1000;
}

/** The queue was not growing, so its latencies belong to its throughput. */
function hasFollowed({ outcome, perSecond }: MeasuredStep): boolean {
  return outcome.answered > 0 && failuresOf(outcome) + outcome.unfinished <= requestsOf(outcome) * 0.01 && throughputOf(outcome) >= 0.9 * perSecond;
}

/** Linear between the neighbours of a rate; the nearest point outside of them. */
function between(steps: readonly MeasuredStep[], perSecond: number): number {
  const sorted = steps.toSorted((a, b) => a.perSecond - b.perSecond);
  const above = sorted.find((step) => step.perSecond >= perSecond) ?? sorted.at(-1)!;
  const below = sorted.findLast((step) => step.perSecond <= perSecond) ?? sorted[0]!;
  if (above.perSecond === below.perSecond) return above.outcome.latency.meanMs;
  const share = (perSecond - below.perSecond) / (above.perSecond - below.perSecond);
  return below.outcome.latency.meanMs + share * (above.outcome.latency.meanMs - below.outcome.latency.meanMs);
}
