/**
 * A replica that became four times slower, for real: eight replicas as processes of their own, open-loop load through
 * Strata's replica set. The ideal is the same load on seven healthy replicas alone: somebody who knew which one is slow
 * would leave it out. Both fleets get the same calls at the same moments, so that what else runs on the machine hits
 * both. Prints one JSON line.
 *
 *   node --conditions=source bench/routing.ts [--seconds 60] [--mean 60]
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { createLatencyHistogram, createRandom, createReplicaSet, openOpenInferenceModel, systemClock } from "strata/testing";

const { values } = parseArgs({ options: { seconds: { type: "string", default: "60" }, mean: { type: "string", default: "60" } } });
const seconds = Number(values.seconds);
/** Of a healthy replica. Long beside what a busy machine adds to a timer. */
const MEAN_MS = Number(values.mean);
const SLOWNESS = 4;
/** 69 % of what seven replicas and a quarter of one can do. */
const RATE = (0.69 * 7.25 * 1_000) / MEAN_MS;
const WARM_UP_SECONDS = 5;
const INPUTS = [{ name: "x", datatype: "FP64" as const, shape: [1, 1], data: Float64Array.of(1) }];

interface Replica { readonly url: string; readonly process: ChildProcess }

async function startReplica(slowness: number, seed: number): Promise<Replica> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "servers/replica-server.ts"), String(MEAN_MS), String(slowness), String(seed)], { stdio: ["ignore", "pipe", "inherit"] });
  const [port] = await once(createInterface({ input: child.stdout }), "line") as [string];
  return { url: `http://127.0.0.1:${port}`, process: child };
}

interface Measured { readonly p50Ms: number; readonly p99Ms: number; readonly answered: number; readonly failed: number; readonly slowShare: number }

interface Fleet {
  call(cameMs: number, counts: boolean): Promise<void>;
  /** Closes the set. */
  measured(): Promise<Measured>;
}

async function openFleet(replicas: readonly Replica[]): Promise<Fleet> {
  const models = await Promise.all(replicas.map(async ({ url }) => ({ name: url, model: await openOpenInferenceModel({ url, model: "m", version: undefined, monotonicMs: () => performance.now(), connections: 256 }, { model: "m", version: "1" }) })));
  const set = createReplicaSet({ name: "m", replicas: models, clock: systemClock, random: createRandom("routing") });
  const latencies = createLatencyHistogram();
  let [answered, failed] = [0, 0];
  return {
    call: async (cameMs, counts) => {
      try {
        await set.infer(INPUTS);
        if (!counts) return;
        answered++;
        latencies.record(performance.now() - cameMs);
      } catch {
        failed++;
      }
    },
    measured: async () => {
      const taken = set.report().replicas.map((replica) => replica.calls.ok);
      await set.close();
      return { p50Ms: latencies.quantile(0.5), p99Ms: latencies.quantile(0.99), answered, failed, slowShare: taken[0]! / taken.reduce((sum, count) => sum + count, 0) };
    },
  };
}

/** Calls come at random whether or not earlier ones are answered; latency counts from when they came. */
async function load(fleets: readonly Fleet[]): Promise<void> {
  const arrivals = createRandom("arrivals");
  const calls: Promise<void>[] = [];
  const startMs = performance.now();
  const countsFromMs = startMs + WARM_UP_SECONDS * 1_000;
  const endMs = countsFromMs + seconds * 1_000;
  for (let cameMs = startMs; cameMs < endMs; cameMs += arrivals.exponential(1_000 / RATE)) {
    const waitMs = cameMs - performance.now();
    if (waitMs > 0) await systemClock.sleep(waitMs);
    for (const fleet of fleets) calls.push(fleet.call(cameMs, cameMs >= countsFromMs));
  }
  await Promise.all(calls);
}

const healthy = await Promise.all(Array.from({ length: 7 }, (_, index) => startReplica(1, 101 + index)));
const mixed = await Promise.all(Array.from({ length: 8 }, (_, index) => startReplica(index === 0 ? SLOWNESS : 1, 201 + index)));
try {
  const fleets = await Promise.all([openFleet(healthy), openFleet(mixed)]);
  await load(fleets);
  const [ideal, ours] = await Promise.all([fleets[0].measured(), fleets[1].measured()]);
  console.log(JSON.stringify({
    case: "one of eight replicas four times slower", p50Ms: ours.p50Ms, p99Ms: ours.p99Ms, idealP50Ms: ideal.p50Ms, idealP99Ms: ideal.p99Ms, p99AgainstIdeal: ours.p99Ms / ideal.p99Ms,
    shareOfSlow: ours.slowShare, answered: ours.answered + ideal.answered, failed: ours.failed + ideal.failed,
  }));
} finally {
  for (const replica of [...healthy, ...mixed]) replica.process.kill();
}
