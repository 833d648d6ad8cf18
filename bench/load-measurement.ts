/** Load on a server, with what it cost the server: the CPU of all its threads until it has digested everything. */
import { z } from "strata";
import { failuresOf, throughputOf } from "strata/testing";
import type { LoadGenerator, LoadOutcome, LoadPlan } from "strata/testing";
import type { Sheet } from "./report/result.ts";
import type { ServerProcess } from "./servers/server-process.ts";

export interface Measured {
  readonly outcome: LoadOutcome;
  readonly serverCpuMs: number;
  readonly mainThreadCpuMs: number;
  /** Answers per second while requests were sent. */
  readonly perSecond: number;
}

/** POST requests with these bodies in turn, to a server under test. */
export interface PlanFor extends Omit<LoadPlan, "host" | "port" | "exchange"> {
  readonly path: string;
  readonly contentType: string;
  readonly bodies: readonly (string | Uint8Array)[];
}

export function planAgainst({ host, port }: Pick<ServerProcess, "host" | "port">, { path, contentType, bodies, ...plan }: PlanFor): LoadPlan {
  return { ...plan, host, port, exchange: { kind: "http", method: "POST", path, headers: { "content-type": contentType }, bodies } };
}

export interface LoadTarget {
  readonly server: ServerProcess;
  readonly generator: LoadGenerator;
  /** Wait until acknowledged events are in the features, and count that work too. */
  readonly settles?: boolean;
  /** File for a CPU profile of the server under this load. */
  readonly profile?: string | undefined;
}

export function measureLoad(target: LoadTarget, plan: PlanFor): Promise<Measured> {
  return measurePlan(target, planAgainst(target.server, plan));
}

export async function measurePlan({ server, generator, settles = false, profile }: LoadTarget, plan: LoadPlan): Promise<Measured> {
  if (profile !== undefined) await server.ask("start profile", undefined, z.unknown());
  const before = await server.usage();
  const outcome = await generator.run(plan);
  if (settles) await server.ask("settle", undefined, z.unknown());
  const after = await server.usage();
  if (profile !== undefined) await server.ask("stop profile", profile, z.unknown());
  return { outcome, serverCpuMs: after.cpuMs - before.cpuMs, mainThreadCpuMs: after.mainThreadCpuMs - before.mainThreadCpuMs, perSecond: throughputOf(outcome) };
}

/** Compiles the hot loops by number of requests, not by time: under other load, time says nothing. */
export async function warmUp(target: LoadTarget, plan: PlanFor, requests: number): Promise<Measured> {
  return measureLoad(target, { ...plan, connections: Math.min(plan.connections, 32), maxRequests: requests, durationMs: 20_000, arrivals: { kind: "closed" } });
}

/** The metrics every request-answer case has. */
export function recordRequests(sheet: Sheet, caseName: string, { outcome, serverCpuMs, mainThreadCpuMs, perSecond }: Measured): void {
  sheet.add(caseName, "requests/s", "", perSecond);
  sheet.add(caseName, "server CPU", "µs/request", cpuPerRequest(outcome, serverCpuMs));
  sheet.add(caseName, "of it main thread", "µs/request", (mainThreadCpuMs * 1000) / Math.max(1, outcome.answered));
  sheet.add(caseName, "p50", "ms", outcome.latency.p50Ms);
  sheet.add(caseName, "p99", "ms", outcome.latency.p99Ms);
  sheet.add(caseName, "max", "ms", outcome.latency.maxMs);
  sheet.add(caseName, "failed", "", failuresOf(outcome));
  sheet.add(caseName, "unfinished", "", outcome.unfinished);
}

export function cpuPerRequest(outcome: LoadOutcome, serverCpuMs: number): number {
  return (serverCpuMs * 1000) / Math.max(1, outcome.answered);
}

/** One line about what failed, if anything did. */
export function describeFailures(caseName: string, outcome: LoadOutcome): string | undefined {
  if (failuresOf(outcome) === 0) return undefined;
  return `${caseName}: ${JSON.stringify(outcome.failed)}${outcome.firstFailure === undefined ? "" : `, the first: ${outcome.firstFailure.slice(0, 300)}`}`;
}
