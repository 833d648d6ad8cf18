/** A run of load together with what it cost the server, where the server's processes can be seen. */
import type { LoadGenerator, LoadRunCall } from "./load-generator.ts";
import type { LoadOutcome } from "./load-outcome.ts";
import type { LoadPlan } from "./load-plan.ts";
import { readProcessUsage } from "./process-usage.ts";

export interface LoadMeasurement {
  readonly outcome: LoadOutcome;
  readonly server?: ServerCost;
}

export interface ServerCost {
  readonly pids: readonly number[];
  /** Of all its processes, per request that was answered or refused. */
  readonly cpuUsPerRequest: number;
  /** CPU seconds per second of sending; may exceed 1 with several threads or processes. */
  readonly cpuShare: number;
  readonly rssBeforeBytes: number;
  readonly rssAfterBytes: number;
}

export interface MeasureOptions extends LoadRunCall {
  readonly generator: LoadGenerator;
  /** Processes of the server; their children belong to it. Empty: not on this machine. */
  readonly serverPids: readonly number[];
}

export async function measureLoad(plan: LoadPlan, { generator, serverPids, ...call }: MeasureOptions): Promise<LoadMeasurement> {
  const before = serverPids.length === 0 ? undefined : await readProcessUsage(serverPids);
  const outcome = await generator.run(plan, call);
  const after = before === undefined ? undefined : await readProcessUsage(serverPids);
  if (before === undefined || after === undefined) return { outcome };
  const cpuMs = after.cpuMs - before.cpuMs;
  return {
    outcome,
    server: {
      pids: after.pids, cpuUsPerRequest: (cpuMs * 1000) / Math.max(1, outcome.sent), cpuShare: cpuMs / Math.max(1, outcome.elapsedMs),
      rssBeforeBytes: before.rssBytes, rssAfterBytes: after.rssBytes,
    },
  };
}

/** Longest a warm-up may take; a slow server is warm enough then. */
const WARM_UP_MS = 20_000;
const WARM_UP_CONNECTIONS = 32;

/** Sends a number of requests one after the other on a few connections: compilers warm up by calls, not by time. */
export async function warmUp(plan: LoadPlan, requests: number, { generator, signal }: Pick<MeasureOptions, "generator" | "signal">): Promise<LoadOutcome> {
  return generator.run({
    ...plan, arrivals: { kind: "closed" }, connections: Math.max(1, Math.min(plan.connections, WARM_UP_CONNECTIONS, requests)), maxRequests: requests, durationMs: WARM_UP_MS,
  }, signal === undefined ? {} : { signal });
}
