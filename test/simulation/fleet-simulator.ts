/**
 * A fleet of replicas in simulated time: calls arrive at random (Poisson), each replica serves one after another in
 * the order they came. The chooser under test sees what it would see in production; only the clock is simulated.
 */
import { createRandom } from "../../src/kernel/random.ts";
import type { Random } from "../../src/kernel/random.ts";
import type { Lease } from "../../src/serving/routing/fleet.ts";
import { createEventQueue } from "./event-queue.ts";

export interface SimulatedReplica {
  readonly name: string;
  /** How many times slower than the others; a function of time for one that changes. */
  slowness: number | ((nowMs: number) => number);
  /** Work that has not been done yet, as time of this replica. */
  freeAtMs: number;
  waiting: number;
}

export interface SimulationOptions {
  readonly seed: string;
  readonly replicas: readonly SimulatedReplica[];
  readonly perSecond: number;
  readonly calls: number;
  /** Not counted. */
  readonly warmUpCalls: number;
  /** Of a replica with slowness 1; exponential around 10 ms when absent. */
  readonly serviceMs?: (random: Random, replica: SimulatedReplica, key: number) => number;
  /** What the call is about; 0 when absent. */
  readonly key?: (random: Random) => number;
}

export type Chooser = (call: { readonly nowMs: number; readonly key: number; readonly replicas: readonly SimulatedReplica[]; readonly random: Random })
  => Pick<Lease<SimulatedReplica>, "target" | "end">;

export interface SimulationResult {
  readonly p50: number;
  readonly p99: number;
  /** Calls that each replica took. */
  readonly taken: ReadonlyMap<string, number>;
}

export const replicas = (count: number, slowness: Readonly<Record<number, SimulatedReplica["slowness"]>> = {}): readonly SimulatedReplica[] =>
  Array.from({ length: count }, (_, index) => ({ name: `r${index}`, slowness: slowness[index] ?? 1, freeAtMs: 0, waiting: 0 }));

/** `chooserOf` gets the simulated clock. */
export function simulate(options: SimulationOptions, chooserOf: (nowMs: () => number) => Chooser): SimulationResult {
  const random = createRandom(options.seed);
  const [arrivals, service, keys, chance] = ["arrivals", "service", "keys", "chance"].map((label) => random.fork(label)) as [Random, Random, Random, Random];
  const serviceMs = options.serviceMs ?? ((draws, replica) => draws.exponential(10) * slownessAt(replica, nowMs));
  const events = createEventQueue<(() => void) | undefined>();
  const latencies: number[] = [];
  const taken = new Map<string, number>();
  let nowMs = 0;
  let arrived = 0;
  const choose = chooserOf(() => nowMs);
  const arrive = (): void => {
    const number = arrived++;
    if (arrived < options.calls) events.add(nowMs + arrivals.exponential(1_000 / options.perSecond), undefined);
    const startedMs = nowMs;
    const key = options.key?.(keys) ?? 0;
    const lease = choose({ nowMs, key, replicas: options.replicas, random: chance });
    const replica = lease.target;
    replica.waiting++;
    replica.freeAtMs = Math.max(nowMs, replica.freeAtMs) + serviceMs(service, replica, key);
    events.add(replica.freeAtMs, () => {
      replica.waiting--;
      lease.end("ok");
      if (number < options.warmUpCalls) return;
      latencies.push(nowMs - startedMs);
      taken.set(replica.name, (taken.get(replica.name) ?? 0) + 1);
    });
  };
  events.add(0, undefined);
  for (let entry = events.next(); entry !== undefined; entry = events.next()) {
    nowMs = entry.atMs;
    (entry.event ?? arrive)();
  }
  const sorted = Float64Array.from(latencies).toSorted();
  const quantile = (q: number): number => sorted[Math.floor(q * sorted.length)]!;
  return { p50: quantile(0.5), p99: quantile(0.99), taken };
}

export function slownessAt(replica: SimulatedReplica, nowMs: number): number {
  return typeof replica.slowness === "number" ? replica.slowness : replica.slowness(nowMs);
}

/** A chooser that keeps nothing. */
export function plainChooser(choose: (call: Parameters<Chooser>[0]) => SimulatedReplica): () => Chooser {
  return () => (call) => ({ target: choose(call), end: () => undefined });
}
