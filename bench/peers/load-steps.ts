/** Load on one server of the comparison: a closed loop to warm it, an open loop at a rate, and the search for the highest rate. */
import { failuresOf } from "strata/testing";
import type { LoadGenerator, LoadOutcome, LoadPlan } from "strata/testing";
import type { PeerServer } from "./peer-server.ts";
import { bestRate, nextRate } from "./rate-search.ts";
import type { RateStep } from "./rate-search.ts";

export interface LoadTarget {
  readonly server: PeerServer;
  readonly generator: LoadGenerator;
  readonly path: string;
  readonly bodies: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  /** Counts answers that contain this text. */
  readonly mark?: string;
}

export interface Step extends RateStep {
  readonly outcome: LoadOutcome;
  /** CPU of all processes of the server, per answered request. */
  readonly cpuUs: number;
  readonly pssBytes: number;
}

/** A step holds a rate when its p99 stays below this and at most this share of requests has no good answer. */
export const HELD_P99_MS = 100;
export const HELD_LOSS = 0.001;
const CONNECTIONS = 256;
const TIMEOUT_MS = 5_000;

type Load = Pick<LoadPlan, "connections" | "arrivals" | "durationMs">;

async function load(target: LoadTarget, { connections, arrivals, durationMs }: Load, perSecond: number): Promise<Step> {
  const { server, generator, path, bodies, headers, mark } = target;
  const before = server.usage();
  const outcome = await generator.run({ host: "127.0.0.1", port: server.port, exchange: { kind: "http", method: "POST", path, headers: { "content-type": "application/json", ...headers }, bodies }, connections, arrivals, durationMs, timeoutMs: TIMEOUT_MS, ...(mark === undefined ? {} : { mark }) });
  const after = server.usage();
  const lost = failuresOf(outcome) + outcome.unfinished;
  return {
    perSecond, outcome, cpuUs: ((after.cpuMs - before.cpuMs) * 1000) / Math.max(1, outcome.answered), pssBytes: after.pssBytes,
    isHeld: outcome.answered > 0 && outcome.latency.p99Ms < HELD_P99_MS && lost <= HELD_LOSS * (outcome.answered + lost),
  };
}

/** Each connection sends when it has its answer; `perSecond` of the step is what was answered. */
export async function closedLoop(target: LoadTarget, connections: number, seconds: number): Promise<Step> {
  const step = await load(target, { connections, arrivals: { kind: "closed" }, durationMs: seconds * 1000 }, 0);
  return { ...step, perSecond: step.outcome.answeredInTime / (step.outcome.elapsedMs / 1000) };
}

/** Requests come at random at this rate whether or not earlier ones are answered. */
export function openLoop(target: LoadTarget, perSecond: number, seconds: number): Promise<Step> {
  return load(target, { connections: CONNECTIONS, arrivals: { kind: "open", perSecond, seed: Math.round(perSecond) }, durationMs: seconds * 1000 }, perSecond);
}

export interface HighestRate {
  /** 0 when no rate held. */
  readonly perSecond: number;
  /** The step at that rate; the last one when none held. */
  readonly step: Step;
  readonly steps: readonly Step[];
}

export async function highestRate(target: LoadTarget, { guess, seconds, maxSteps, say }: { readonly guess: number; readonly seconds: number; readonly maxSteps: number; readonly say: (text: string) => void }): Promise<HighestRate> {
  const steps: Step[] = [];
  for (;;) {
    const perSecond = nextRate(steps, { firstPerSecond: guess, maxSteps, resolution: 1.05 });
    if (perSecond === undefined) break;
    const step = await openLoop(target, perSecond, seconds);
    steps.push(step);
    say(`  ${perSecond.toFixed(0)}/s ${step.isHeld ? "held" : "not held"}: p50 ${step.outcome.latency.p50Ms.toFixed(1)} ms, p99 ${step.outcome.latency.p99Ms.toFixed(1)} ms, ${step.cpuUs.toFixed(0)} µs CPU${failureText(step.outcome)}`);
  }
  const best = bestRate(steps);
  return { perSecond: best, step: steps.find((step) => step.isHeld && step.perSecond === best) ?? steps.at(-1)!, steps };
}

export function failureText(outcome: LoadOutcome): string {
  const failed = JSON.stringify(outcome.failed);
  return `${failed === "{}" ? "" : `, failed ${failed} ${outcome.firstFailure?.slice(0, 200) ?? ""}`}${outcome.unfinished === 0 ? "" : `, ${outcome.unfinished} unfinished`}`;
}
