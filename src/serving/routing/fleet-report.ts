/** The state of a fleet as people and GET routes read it. */
import type { CallOutcome } from "./call-outcome.ts";
import { stateOf } from "./replica-record.ts";
import type { ReplicaRecord, ReplicaState } from "./replica-record.ts";
import type { RoutingPolicy } from "./routing-policy.ts";

export interface ReplicaReport {
  readonly name: string;
  readonly state: ReplicaState;
  /** Why it is not simply ready; "" when it is. */
  readonly reason: string;
  readonly inFlight: number;
  readonly meanMs: number;
  /** Times slower than the fleet; 1 when like it. */
  readonly slowness: number;
  readonly calls: Readonly<Record<CallOutcome, number>>;
}

export interface FleetReport {
  readonly name: string;
  readonly policy: RoutingPolicy;
  readonly replicas: readonly ReplicaReport[];
}

interface ReportInput {
  readonly name: string;
  readonly policy: RoutingPolicy;
  readonly records: readonly ReplicaRecord<unknown>[];
  readonly nowMs: number;
  readonly rampMs: number;
}

export function reportFleet({ name, policy, records, nowMs, rampMs }: ReportInput): FleetReport {
  return { name, policy, replicas: records.map((record) => {
    const state = stateOf(record, nowMs, rampMs);
    return {
      name: record.replica.name, state, reason: reasonOf(record, state, nowMs), inFlight: record.inFlight,
      meanMs: record.latency.meanMs, slowness: record.slowness, calls: { ...record.totals },
    };
  }) };
}

function reasonOf(record: ReplicaRecord<unknown>, state: ReplicaState, nowMs: number): string {
  const inSeconds = (untilMs: number): string => `${Math.max(0, (untilMs - nowMs) / 1_000).toFixed(1)} s`;
  switch (state) {
    case "ready": return "";
    case "starting slowly": return "new or just back";
    case "slow": return `takes ${record.slowness.toFixed(1)} times as long as the fleet`;
    case "ejected": return `${record.ejectionReason}; back in ${inSeconds(record.ejectedUntilMs)}`;
    case "busy": return `asked to be left alone for ${inSeconds(record.busyUntilMs)}`;
    case "open": return `failing; tried again in ${inSeconds(record.breaker.openUntilMs)}`;
    case "half-open": return `${record.breaker.probesAnswered} probes answered so far`;
  }
}
