/** What a balancer keeps of one replica between calls. Changed only by the fleet; decisions get views of it. */
import type { BreakerState } from "./circuit-breaker.ts";
import { breakerAdmits, closedBreaker } from "./circuit-breaker.ts";
import type { LatencyAverage } from "./latency-average.ts";
import { NO_LATENCY } from "./latency-average.ts";
import type { CallOutcome } from "./call-outcome.ts";

export interface Replica<T> {
  /** Unique in its set. */
  readonly name: string;
  readonly target: T;
  /** Share of calls beside the others of its priority. Default 1. */
  readonly weight?: number;
  /** Lower ones are asked first; others only when none of those can take a call. Default 0. */
  readonly priority?: number;
}

export interface ReplicaRecord<T> {
  replica: Replica<T>;
  inFlight: number;
  latency: LatencyAverage;
  slowness: number;
  breaker: BreakerState;
  /** It said when to come back. */
  busyUntilMs: number;
  ejectedUntilMs: number;
  ejections: number;
  ejectionReason: string;
  /** Beginning of slow start; undefined for one of the first. */
  startedSlowlyAtMs: number | undefined;
  /** In good standing since; ejections are forgiven with time. */
  standingSinceMs: number;
  /** Since the last look for outliers. */
  recentOk: number;
  recentFailed: number;
  lastPickedMs: number;
  /** The fleet's count of picks when it was last picked. */
  lastPick: number;
  readonly totals: Record<CallOutcome, number>;
}

export function newRecord<T>(replica: Replica<T>, nowMs: number, startsSlowly: boolean): ReplicaRecord<T> {
  return {
    replica, inFlight: 0, latency: NO_LATENCY, slowness: 1, breaker: closedBreaker(nowMs), busyUntilMs: 0,
    ejectedUntilMs: 0, ejections: 0, ejectionReason: "", startedSlowlyAtMs: startsSlowly ? nowMs : undefined, standingSinceMs: nowMs,
    recentOk: 0, recentFailed: 0, lastPickedMs: nowMs, lastPick: 0,
    totals: { ok: 0, refused: 0, busy: 0, faulty: 0, failed: 0, cancelled: 0 },
  };
}

export type ReplicaState = "ready" | "starting slowly" | "slow" | "ejected" | "busy" | "open" | "half-open";

export function stateOf(record: ReplicaRecord<unknown>, nowMs: number, rampMs: number): ReplicaState {
  if (record.breaker.phase !== "closed") return record.breaker.phase;
  if (nowMs < record.ejectedUntilMs) return "ejected";
  if (nowMs < record.busyUntilMs) return "busy";
  if (record.startedSlowlyAtMs !== undefined && nowMs - record.startedSlowlyAtMs < rampMs) return "starting slowly";
  return record.slowness > 1 ? "slow" : "ready";
}

/** Neither broken nor asking for a pause. */
export function canTake(record: ReplicaRecord<unknown>, nowMs: number): boolean {
  return nowMs >= record.busyUntilMs && breakerAdmits(record.breaker, nowMs);
}

/** When it may take a call again; the past when it can now. */
export function backAtMs({ breaker, busyUntilMs }: ReplicaRecord<unknown>): number {
  return Math.max(busyUntilMs, breaker.phase === "open" ? breaker.openUntilMs : 0);
}
