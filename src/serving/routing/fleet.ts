/**
 * The replicas of one balancer: who may take the next call, who takes it, and what its end teaches. Synchronous and
 * driven by the caller's clock, so a simulation runs the same code as production. It never waits and never calls.
 */
import { StrataError } from "../../kernel/errors.ts";
import { silentMeter } from "../../ports/telemetry.ts";
import type { Meter } from "../../ports/telemetry.ts";
import type { CallOutcome } from "./call-outcome.ts";
import { BREAKER, breakerEnded, breakerStarted } from "./circuit-breaker.ts";
import type { BreakerOptions } from "./circuit-breaker.ts";
import { fleetMetrics } from "./fleet-metrics.ts";
import type { FleetMetrics } from "./fleet-metrics.ts";
import { reportFleet } from "./fleet-report.ts";
import type { FleetReport } from "./fleet-report.ts";
import { addLatency, fleetLatency, slownessOf } from "./latency-average.ts";
import { EJECTION, decideEjections } from "./outlier-ejection.ts";
import type { EjectionOptions } from "./outlier-ejection.ts";
import { DEFAULT_PREFIX_WORTH } from "./prefix-affinity.ts";
import { prefixBlocks } from "./prefix-blocks.ts";
import { DEFAULT_BLOCKS_PER_REPLICA, createPrefixIndex } from "./prefix-index.ts";
import { backAtMs, canTake, newRecord } from "./replica-record.ts";
import type { Replica, ReplicaRecord } from "./replica-record.ts";
import type { Draw, ReplicaView } from "./replica-view.ts";
import { pickReplica } from "./routing-policy.ts";
import type { RoutingPolicy } from "./routing-policy.ts";
import { SLOW_START, slowStartShare } from "./slow-start.ts";
import type { SlowStartOptions } from "./slow-start.ts";
import { pickSticky } from "./sticky.ts";

export interface FleetOptions<T> {
  /** What they serve, for errors and metrics. */
  readonly name: string;
  readonly replicas: readonly Replica<T>[];
  readonly policy?: RoutingPolicy;
  /** Milliseconds that only go forward. */
  readonly nowMs: () => number;
  readonly draw: Draw;
  readonly meter?: Meter;
  readonly breaker?: Partial<BreakerOptions>;
  /** false: nobody is ejected. */
  readonly ejection?: Partial<EjectionOptions> | false;
  readonly slowStart?: Partial<SlowStartOptions>;
  readonly prefix?: { readonly worth?: number; readonly blocksPerReplica?: number };
}

export interface Wish {
  /** The prompt, or whatever calls that belong together begin with; for the policy "prefix". */
  readonly prefix?: string | Uint8Array | undefined;
  /** Calls with the same key go to the same replica, whatever the policy: its state lives there. */
  readonly sticky?: string | undefined;
  /** Names of replicas that must not take it, e.g. because they failed it already. */
  readonly exclude?: ReadonlySet<string> | undefined;
}

/** One call at one replica. `end` exactly once; a second time changes nothing. */
export interface Lease<T> {
  readonly replica: string;
  readonly target: T;
  /** The first byte of the answer came: this is the latency that counts, a stream may go on for long. */
  answered(): void;
  /** Everything is over. `retryAfterMs`: a busy replica is left alone so long. */
  end(outcome: CallOutcome, retryAfterMs?: number): void;
}

export interface Fleet<T> {
  /** UPSTREAM_UNAVAILABLE when no replica can take a call; its Retry-After is when the first may again. */
  acquire(wish?: Wish): Lease<T>;
  /** Whether a replica outside `exclude` could take a call now. */
  hasOther(exclude: ReadonlySet<string>): boolean;
  /** Adds, changes and removes replicas by name. New ones start slowly; calls at removed ones go on. */
  update(replicas: readonly Replica<T>[]): void;
  report(): FleetReport;
}

/** Outliers are looked for this often: often enough to act within a few seconds, rarely enough to have calls to judge. */
const LOOK_MS = 1_000;
/** Averages move with 1/32 per call, so comparing them more often shows nothing new. */
const COMPARE_MS = 100;
/** A replica that counts as slow is tried again after so long, and after so many calls of the fleet: 0.5 % of them at most. */
const PROBE_MS = 1_000;
const PROBE_PICKS = 200;

export function createFleet<T>(options: FleetOptions<T>): Fleet<T> {
  const { name, nowMs, draw, policy = "least-in-flight" } = options;
  const breakerOptions = { ...BREAKER, ...options.breaker };
  const ejectionOptions = options.ejection === false ? undefined : { ...EJECTION, ...options.ejection };
  const slowStart = { ...SLOW_START, ...options.slowStart };
  const prefixWorth = options.prefix?.worth ?? DEFAULT_PREFIX_WORTH;
  const prefixes = createPrefixIndex(options.prefix?.blocksPerReplica ?? DEFAULT_BLOCKS_PER_REPLICA);
  const metrics = fleetMetrics(options.meter ?? silentMeter, name);
  let records = options.replicas.map((replica) => newRecord(replica, nowMs(), false));
  let picks = 0;
  let lookAtMs = nowMs() + LOOK_MS;
  let compareAtMs = nowMs() + COMPARE_MS;

  const refresh = (now: number): void => {
    if (now >= compareAtMs) {
      compareAtMs = now + COMPARE_MS;
      compareLatencies(records);
    }
    if (ejectionOptions === undefined || now < lookAtMs) return;
    lookAtMs = now + LOOK_MS;
    ejectOutliers(records, { now, options: ejectionOptions, metrics });
  };

  const viewOf = (record: ReplicaRecord<T>, now: number): ReplicaView => {
    const { replica, inFlight, latency, slowness, startedSlowlyAtMs } = record;
    const share = startedSlowlyAtMs === undefined ? 1 : slowStartShare(now - startedSlowlyAtMs, slowStart);
    const isDue = slowness > 1 && now - record.lastPickedMs >= PROBE_MS && picks - record.lastPick >= PROBE_PICKS;
    return { name: replica.name, inFlight, weight: (replica.weight ?? 1) * share, slowness: isDue ? 1 : slowness, peakMs: latency.peakMs };
  };

  const choose = (candidates: readonly ReplicaRecord<T>[], wish: Wish | undefined, now: number): ReplicaRecord<T> => {
    if (wish?.sticky !== undefined) return candidates[pickSticky(candidates.map(({ replica }) => replica.name), wish.sticky)]!;
    const blocks = policy === "prefix" && wish?.prefix !== undefined ? prefixBlocks(wish.prefix) : [];
    const matched = (): readonly number[] => (blocks.length === 0 ? [] : candidates.map(({ replica }) => prefixes.matches(replica.name, blocks) / blocks.length));
    const chosen = candidates[pickReplica(policy, candidates.map((record) => viewOf(record, now)), { draw, matched, prefixWorth })]!;
    if (blocks.length > 0) prefixes.record(chosen.replica.name, blocks);
    return chosen;
  };

  return {
    acquire: (wish) => {
      const now = nowMs();
      refresh(now);
      const candidates = candidatesOf(records, now, wish?.exclude);
      if (candidates.length === 0) throw nobody(name, records, now);
      const record = choose(candidates, wish, now);
      record.inFlight++;
      record.lastPickedMs = now;
      record.lastPick = ++picks;
      return startLease(record, { now, nowMs, breakerOptions, metrics });
    },
    hasOther: (exclude) => candidatesOf(records, nowMs(), exclude).length > 0,
    update: (replicas) => {
      const known = new Map(records.map((record) => [record.replica.name, record]));
      records = replicas.map((replica) => {
        const record = known.get(replica.name);
        known.delete(replica.name);
        return record ? Object.assign(record, { replica }) : newRecord(replica, nowMs(), true);
      });
      for (const gone of known.keys()) prefixes.forget(gone);
    },
    report: () => reportFleet({ name, policy, records, nowMs: nowMs(), rampMs: slowStart.rampMs }),
  };
}

/** Those of the lowest priority that has any. Ejection is advice: rather an ejected replica than none. */
function candidatesOf<T>(records: readonly ReplicaRecord<T>[], now: number, exclude: ReadonlySet<string> | undefined): readonly ReplicaRecord<T>[] {
  const able = records.filter((record) => canTake(record, now) && exclude?.has(record.replica.name) !== true);
  const standing = able.filter((record) => now >= record.ejectedUntilMs);
  const open = standing.length > 0 ? standing : able;
  const first = Math.min(...open.map(({ replica }) => replica.priority ?? 0));
  return open.filter(({ replica }) => (replica.priority ?? 0) === first);
}

function nobody(name: string, records: readonly ReplicaRecord<unknown>[], now: number): StrataError {
  const states = records.map((record) => `${record.replica.name} ${record.breaker.phase === "closed" ? (now < record.busyUntilMs ? "is busy" : "was tried") : "is failing"}`);
  const waitMs = Math.min(...records.map(backAtMs)) - now;
  return new StrataError("UPSTREAM_UNAVAILABLE", { model: name, reason: records.length === 0 ? "it has no replicas" : states.join(", ") },
    { retryAfterSeconds: Number.isFinite(waitMs) ? Math.max(1, Math.ceil(waitMs / 1_000)) : 1 });
}

interface LeaseContext {
  readonly now: number;
  readonly nowMs: () => number;
  readonly breakerOptions: BreakerOptions;
  readonly metrics: FleetMetrics;
}

function startLease<T>(record: ReplicaRecord<T>, { now: startedMs, nowMs, breakerOptions, metrics }: LeaseContext): Lease<T> {
  const { state, isProbe } = breakerStarted(record.breaker);
  record.breaker = state;
  const { replica } = record;
  let hasAnswered = false;
  let hasEnded = false;
  const learn = (latencyMs: number, now: number): void => {
    record.latency = addLatency(record.latency, latencyMs, now);
  };
  const answered = (): void => {
    if (hasAnswered || hasEnded) return;
    hasAnswered = true;
    const now = nowMs();
    learn(now - startedMs, now);
    metrics.latency(replica.name, now - startedMs);
  };
  return {
    replica: replica.name, target: replica.target, answered,
    end: (outcome, retryAfterMs = 0) => {
      if (hasEnded) return;
      if (outcome === "ok") answered();
      hasEnded = true;
      const now = nowMs();
      // How long it took at least; a quick failure is not a quick answer.
      if (!hasAnswered && outcome !== "refused" && now - startedMs > record.latency.meanMs) learn(now - startedMs, now);
      record.inFlight--;
      record.totals[outcome]++;
      if (outcome === "ok" || outcome === "refused") record.recentOk++;
      else if (outcome === "failed" || outcome === "faulty") record.recentFailed++;
      if (retryAfterMs > 0) record.busyUntilMs = Math.max(record.busyUntilMs, now + retryAfterMs);
      const before = record.breaker.phase;
      record.breaker = breakerEnded(record.breaker, { isOk: healthOf(outcome), isProbe, nowMs: now }, breakerOptions);
      if (before !== "closed" && record.breaker.phase === "closed") record.startedSlowlyAtMs = now;
      if (before !== "open" && record.breaker.phase === "open") metrics.opened(replica.name);
      metrics.ended(replica.name, outcome);
    },
  };
}

/** For the breaker, a busy or faulty answer is a sign of life, and a cancelled call is no sign. */
function healthOf(outcome: CallOutcome): boolean | undefined {
  return outcome === "cancelled" ? undefined : outcome !== "failed";
}

function compareLatencies(records: readonly ReplicaRecord<unknown>[]): void {
  const fleetMs = fleetLatency(records.map(({ latency }) => latency));
  for (const record of records) record.slowness = slownessOf(record.latency, fleetMs);
}

function ejectOutliers(records: readonly ReplicaRecord<unknown>[], { now, options, metrics }: { readonly now: number; readonly options: EjectionOptions; readonly metrics: FleetMetrics }): void {
  for (const record of records) restoreStanding(record, now, options);
  const standings = records.map(({ replica, recentOk, recentFailed, slowness, ejectedUntilMs, ejections }) =>
    ({ name: replica.name, ok: recentOk, failed: recentFailed, slowness, isEjected: now < ejectedUntilMs, ejections }));
  const ejected = new Map(decideEjections(standings, options).map((ejection) => [ejection.name, ejection]));
  for (const record of records) {
    const ejection = ejected.get(record.replica.name);
    if (ejection) {
      Object.assign(record, { ejectedUntilMs: now + ejection.forMs, ejections: record.ejections + 1, ejectionReason: ejection.reason, startedSlowlyAtMs: now + ejection.forMs, standingSinceMs: now + ejection.forMs });
      metrics.ejected(record.replica.name);
    }
    // A quiet replica keeps its counts until there are enough to judge; half of them is forgotten at each look.
    const keep = ejection || record.recentOk + record.recentFailed >= options.minimumCalls ? 0 : 0.5;
    record.recentOk = Math.floor(record.recentOk * keep);
    record.recentFailed = Math.floor(record.recentFailed * keep);
  }
}

/** One ejection is forgiven for each `baseMs` without a new one. */
function restoreStanding(record: ReplicaRecord<unknown>, now: number, { baseMs }: EjectionOptions): void {
  if (record.ejections === 0 || now - record.standingSinceMs < baseMs) return;
  record.ejections--;
  record.standingSinceMs = now;
}
