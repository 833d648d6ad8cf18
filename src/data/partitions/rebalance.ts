/**
 * Who works on what: units divided evenly among the workers that are alive, moving as few as that takes. Pure and the
 * same for everybody who sees the same snapshot, so workers need no leader.
 */

export interface RebalanceSnapshot {
  readonly units: readonly string[];
  /** Alive, in any order. */
  readonly workers: readonly string[];
  /** Who has each unit now; units without an owner, or whose owner is not alive, are free. */
  readonly owners: ReadonlyMap<string, string>;
}

/** Unit → worker, for every unit; empty without workers. No worker has more than one unit more than another. */
export function assignUnits({ units, workers, owners }: RebalanceSnapshot): ReadonlyMap<string, string> {
  if (workers.length === 0) return new Map();
  const held = new Map(workers.toSorted().map((worker) => [worker, [] as string[]]));
  const free: string[] = [];
  for (const unit of units.toSorted()) (held.get(owners.get(unit) ?? "") ?? free).push(unit);
  const quotas = quotasOf(held, units.length);
  for (const [worker, mine] of held) free.push(...mine.splice(quotas.get(worker)!));
  for (const [worker, mine] of held) mine.push(...free.splice(0, quotas.get(worker)! - mine.length));
  return new Map([...held].flatMap(([worker, mine]) => mine.map((unit) => [unit, worker] as const)));
}

/** Those who hold most get the larger shares, so that nobody gives up what somebody must hold anyway. */
function quotasOf(held: ReadonlyMap<string, readonly string[]>, units: number): ReadonlyMap<string, number> {
  const share = Math.floor(units / held.size);
  const larger = new Set([...held].toSorted(([, a], [, b]) => b.length - a.length).slice(0, units % held.size).map(([worker]) => worker));
  return new Map([...held.keys()].map((worker) => [worker, share + (larger.has(worker) ? 1 : 0)]));
}

export interface LeaseView {
  readonly unit: string;
  /** "" when nobody has it. */
  readonly worker: string;
  readonly expiresAtMs: number;
}

export interface LeaseDecision {
  /** Mine, and mine to keep. */
  readonly renew: readonly string[];
  /** Free, and mine to take. */
  readonly acquire: readonly string[];
  /** Mine, to be given to others once they are put down. */
  readonly release: readonly string[];
}

/** What one worker does at one look at the leases. A unit that another holds is waited for, never taken. */
export function decideLeases(me: string, { units, workers, leases, nowMs }: { readonly units: readonly string[]; readonly workers: readonly string[]; readonly leases: readonly LeaseView[]; readonly nowMs: number }): LeaseDecision {
  const owners = new Map(leases.filter(({ worker, expiresAtMs }) => worker !== "" && (expiresAtMs > nowMs || worker === me)).map(({ unit, worker }) => [unit, worker]));
  const wanted = assignUnits({ units, workers, owners });
  const mine = units.filter((unit) => owners.get(unit) === me);
  return {
    renew: mine.filter((unit) => wanted.get(unit) === me),
    release: mine.filter((unit) => wanted.get(unit) !== me),
    acquire: units.filter((unit) => !owners.has(unit) && wanted.get(unit) === me),
  };
}
