/** The counters of a balancer. Label sets are made once per replica, so that counting allocates nothing. */
import type { Labels, Meter } from "../../ports/telemetry.ts";
import type { CallOutcome } from "./call-outcome.ts";

export interface FleetMetrics {
  latency(replica: string, latencyMs: number): void;
  ended(replica: string, outcome: CallOutcome): void;
  opened(replica: string): void;
  ejected(replica: string): void;
  retried(): void;
  hedged(): void;
}

export function fleetMetrics(meter: Meter, set: string): FleetMetrics {
  const calls = meter.counter("strata_replica_calls_total", "Calls by replica and by what became of them.");
  const seconds = meter.histogram("strata_replica_seconds", "Seconds until a replica's first byte.");
  const openings = meter.counter("strata_replica_breaker_openings_total", "Times a replica's circuit breaker opened.");
  const ejections = meter.counter("strata_replica_ejections_total", "Times a replica was ejected as an outlier.");
  const extra = meter.counter("strata_replica_extra_calls_total", "Second attempts, by why: retry or hedge.");
  const byReplica = new Map<string, Labels>();
  const byOutcome = new Map<string, Map<CallOutcome, Labels>>();
  const labels = (replica: string): Labels => remembered(byReplica, replica, () => ({ set, replica }));
  const retry = { set, kind: "retry" };
  const hedge = { set, kind: "hedge" };
  return {
    latency: (replica, latencyMs) => seconds.record(latencyMs / 1_000, labels(replica)),
    ended: (replica, outcome) => calls.add(1, remembered(remembered(byOutcome, replica, () => new Map<CallOutcome, Labels>()), outcome, () => ({ set, replica, outcome }))),
    opened: (replica) => openings.add(1, labels(replica)),
    ejected: (replica) => ejections.add(1, labels(replica)),
    retried: () => extra.add(1, retry),
    hedged: () => extra.add(1, hedge),
  };
}

function remembered<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
