/**
 * Outlier ejection: a replica that fails or lags far more than the fleet leaves it for a while. It judges replicas
 * against each other, so when all of them are bad (a bad request, a dead dependency) nobody is ejected.
 */
export interface EjectionOptions {
  /** Calls a replica must have had in the interval to be judged. */
  readonly minimumCalls: number;
  /** Ejected when its success rate is below the fleet's mean by so many standard deviations and by `minimumGap`. */
  readonly deviations: number;
  readonly minimumGap: number;
  /** Ejected when it is this many times slower than the fleet's middle. */
  readonly slowness: number;
  /** Largest share of the fleet that may be out; at least one replica always may, unless it is the only one. */
  readonly maximumShare: number;
  /** First ejection; grows by as much with each further one, and shrinks again with time in good standing. */
  readonly baseMs: number;
  readonly maximumMs: number;
}

/**
 * 1.9 deviations is Envoy's default for success rates. In small fleets one bad replica can never be far in deviations
 * (at most (n-1)/sqrt(n), 1.15 of three), so the judged replica is left out of its own comparison.
 */
export const EJECTION: EjectionOptions = { minimumCalls: 20, deviations: 1.9, minimumGap: 0.1, slowness: 8, maximumShare: 0.3, baseMs: 10_000, maximumMs: 300_000 };

/** What one replica did since the last look. */
export interface ReplicaStanding {
  readonly name: string;
  readonly ok: number;
  readonly failed: number;
  /** Times slower than the fleet, 1 when like it. */
  readonly slowness: number;
  readonly isEjected: boolean;
  /** Ejections that still count. */
  readonly ejections: number;
}

export interface Ejection {
  readonly name: string;
  readonly forMs: number;
  readonly reason: string;
}

/** Who leaves now, the worst first. */
export function decideEjections(fleet: readonly ReplicaStanding[], options: EjectionOptions): readonly Ejection[] {
  const out = fleet.filter(({ isEjected }) => isEjected).length;
  const room = fleet.length < 2 ? 0 : Math.max(1, Math.floor(fleet.length * options.maximumShare)) - out;
  if (room <= 0) return [];
  const judged = fleet.filter((replica) => !replica.isEjected && replica.ok + replica.failed >= options.minimumCalls);
  return judged
    .map((replica) => ({ replica, verdict: judge(replica, judged, options) }))
    .filter(({ verdict }) => verdict !== undefined)
    .toSorted((a, b) => b.verdict!.badness - a.verdict!.badness)
    .slice(0, room)
    .map(({ replica, verdict }) => ({ name: replica.name, reason: verdict!.reason, forMs: Math.min(options.maximumMs, options.baseMs * (replica.ejections + 1)) }));
}

function judge(replica: ReplicaStanding, judged: readonly ReplicaStanding[], options: EjectionOptions): { readonly badness: number; readonly reason: string } | undefined {
  const others = judged.filter((other) => other !== replica).map(successRate);
  if (others.length === 0) return undefined;
  const mean = others.reduce((sum, rate) => sum + rate, 0) / others.length;
  const deviation = Math.sqrt(others.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / others.length);
  const gap = mean - successRate(replica);
  if (gap >= options.minimumGap && gap > options.deviations * deviation) {
    return { badness: 1_000 + gap, reason: `answered ${percent(successRate(replica))} of its calls, the others ${percent(mean)}` }; // failing is worse than being slow
  }
  if (replica.slowness < options.slowness) return undefined;
  return { badness: replica.slowness, reason: `takes ${replica.slowness.toFixed(1)} times as long as the fleet` };
}

function successRate({ ok, failed }: ReplicaStanding): number {
  return ok / (ok + failed);
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
