/**
 * Streams held at once: 32, 64 … 512 callers, each taking one stream of 64 numbered frames (one every 20 ms) after the
 * other. A number of streams is held when no frame and no stream is lost and 99 % of the streams end within 1.2 times
 * the time the upstream takes, connecting included.
 */
import { failuresOf } from "strata/testing";
import type { LoadOutcome } from "strata/testing";
import { failureText } from "../load-steps.ts";
import type { LoadTarget } from "../load-steps.ts";
import { STREAM_CALL } from "./chat-call.ts";
import { DIRECT } from "./contenders.ts";
import type { GatewayTurn } from "./gateway-turn.ts";

const STEPS = [32, 64, 128, 256, 512] as const;
const FRAMES = 64;
const STREAM_MS = FRAMES * 20;
const ON_TIME = 1.2;
const STEP_SECONDS = 3.5;

export interface StreamTurn extends Pick<GatewayTurn, "contender" | "mock" | "generator" | "sheet" | "round" | "say"> {
  readonly target: LoadTarget;
}

interface StreamStep {
  readonly streams: number;
  readonly outcome: LoadOutcome;
  readonly isWhole: boolean;
  readonly isOnTime: boolean;
  readonly framesPerSecond: number;
  readonly cpuUsPerFrame: number;
  readonly pssBytes: number;
  /** Cores that were busy with each. */
  readonly cores: { readonly gateway: number; readonly mock: number; readonly client: number };
}

export async function streamSteps(turn: StreamTurn): Promise<{ readonly pssBytes: number }> {
  const { say } = turn;
  const steps: StreamStep[] = [];
  for (let streams = nextStreams(steps); streams !== undefined; streams = nextStreams(steps)) {
    const step = await takeStep(turn, streams);
    steps.push(step);
    say(`  ${streams} streams ${isHeld(step) ? "held" : step.isWhole ? "whole but late" : "NOT whole"}: ${describe(step)}`);
  }
  record(turn, steps);
  return { pssBytes: Math.max(...steps.map(({ pssBytes }) => pssBytes)) };
}

const isHeld = ({ isWhole, isOnTime }: Pick<StreamStep, "isWhole" | "isOnTime">): boolean => isWhole && isOnTime;

/** Halves the steps that are left: three tries find the largest of five. */
function nextStreams(steps: readonly StreamStep[]): number | undefined {
  const held = Math.max(0, ...steps.filter(isHeld).map(({ streams }) => streams));
  const failed = Math.min(Number.POSITIVE_INFINITY, ...steps.filter((step) => !isHeld(step)).map(({ streams }) => streams));
  const left = STEPS.filter((streams) => streams > held && streams < failed);
  return left[Math.floor(left.length / 2)];
}

async function takeStep({ mock, generator, target }: StreamTurn, streams: number): Promise<StreamStep> {
  const { server, path, headers = {} } = target;
  const before = { server: server.usage().cpuMs, mock: mock.usage().cpuMs, atMs: performance.now() };
  const outcome = await generator.run({
    host: "127.0.0.1", port: server.port, exchange: { kind: "stream", method: "POST", path, headers: { "content-type": "application/json", ...headers }, bodies: [STREAM_CALL], sequence: "frame (\\d+) " },
    connections: streams, arrivals: { kind: "closed" }, durationMs: STEP_SECONDS * 1000, timeoutMs: 10_000,
  });
  const usage = server.usage();
  const [elapsedMs, serverMs, mockMs] = [performance.now() - before.atMs, usage.cpuMs - before.server, mock.usage().cpuMs - before.mock];
  const frames = outcome.streams?.numberedFrames ?? 0;
  const isWhole = outcome.answered > 0 && failuresOf(outcome) === 0 && outcome.unfinished === 0 && outcome.streams?.lostFrames === 0 && frames === outcome.answered * FRAMES;
  return {
    streams, outcome, isWhole, isOnTime: outcome.latency.p99Ms <= STREAM_MS * ON_TIME, framesPerSecond: frames / (elapsedMs / 1000),
    cpuUsPerFrame: (serverMs * 1000) / Math.max(1, frames), pssBytes: usage.pssBytes,
    cores: { gateway: server === mock ? 0 : serverMs / elapsedMs, mock: mockMs / elapsedMs, client: (outcome.generator.cpuUsPerRequest * outcome.sent) / 1000 / elapsedMs },
  };
}

function describe({ outcome, framesPerSecond, cpuUsPerFrame, cores }: StreamStep): string {
  const { latency, streams } = outcome;
  return `${framesPerSecond.toFixed(0)} frames/s, ${streams?.lostFrames ?? 0} lost, stream p99 ${latency.p99Ms.toFixed(0)} ms, gap p99 ${streams?.gap.p99Ms.toFixed(1)} ms, ${cpuUsPerFrame.toFixed(0)} µs CPU/frame; cores: gateway ${cores.gateway.toFixed(2)}, mock ${cores.mock.toFixed(2)}, client ${cores.client.toFixed(2)}${failureText(outcome)}`;
}

/** What the largest number held cost, and how much later its frames came than without a gateway. */
function record({ contender, sheet, round }: StreamTurn, steps: readonly StreamStep[]): void {
  const best = largest(steps.filter(isHeld));
  sheet.add(contender.name, "streams held", "", best?.streams ?? 0);
  sheet.add(contender.name, "streams without a lost frame", "", largest(steps.filter(({ isWhole }) => isWhole))?.streams ?? 0);
  if (best === undefined) return;
  const name = contender.name;
  const gap = best.outcome.streams?.gap.p99Ms ?? Number.NaN;
  sheet.add(name, "gap p99 then", "ms", gap);
  sheet.add(name, "CPU per frame then", "µs", best.cpuUsPerFrame);
  for (const [what, cores] of Object.entries(best.cores)) sheet.add(name, `cores of the ${what} then`, "", cores);
  for (const step of steps) {
    sheet.add(`${name}, ${step.streams} streams`, "gap p99", "ms", step.outcome.streams?.gap.p99Ms ?? Number.NaN);
    const bases = sheet.runs(`${DIRECT}, ${step.streams} streams`, "gap p99");
    const base = bases.length === round + 1 ? bases[round] : undefined; // of this round, when every round has one
    if (name !== DIRECT && base !== undefined) sheet.add(`${name}, ${step.streams} streams`, "added gap p99", "ms", (step.outcome.streams?.gap.p99Ms ?? Number.NaN) - base);
    sheet.add(`${name}, ${step.streams} streams`, "CPU per frame", "µs", step.cpuUsPerFrame);
  }
}

const largest = (steps: readonly StreamStep[]): StreamStep | undefined => steps.toSorted((a, b) => a.streams - b.streams).at(-1);
