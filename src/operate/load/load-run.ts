/**
 * One run of a plan in this process: opens its connections, sends, waits, measures. Every request ends in exactly one of
 * answered, failed or unfinished, so that a server cannot look fast by answering only some of them.
 */
import { createArrivals } from "./arrivals.ts";
import type { Arrivals } from "./arrivals.ts";
import { createGrpcSlots } from "./grpc-slot.ts";
import { createHttpSlot } from "./http-slot.ts";
import type { LoadRecord } from "./load-outcome.ts";
import type { LoadPlan } from "./load-plan.ts";
import type { LoadProgress } from "./load-progress.ts";
import { createRequestSource, prepareRequests } from "./request-source.ts";
import type { Slot, SlotEvents } from "./slot.ts";
import { createStreamTally } from "./stream-tally.ts";
import type { StreamTally } from "./stream-tally.ts";
import { createTally } from "./tally.ts";
import type { Tally } from "./tally.ts";

/** How often timeouts are looked for. */
const SWEEP_MS = 100;
/** A slot whose request failed sends again after this, lest a dead server is asked 100,000 times a second. */
const PAUSE_AFTER_FAILURE_MS = 50;
const PROGRESS_MS = 250;

export interface LoadRunOptions {
  /** At most 9 characters, different between any two runs, also of other processes. */
  readonly session: string;
  /** Milliseconds since the epoch, for bodies that carry the time. */
  readonly now: () => number;
  readonly onProgress?: (progress: LoadProgress) => void;
  /** Stops sending; what is under way may still be answered. A second abort is not waited for by anyone. */
  readonly signal?: AbortSignal;
}

export async function runLoad(plan: LoadPlan, options: LoadRunOptions): Promise<LoadRecord> {
  const { maxRequests = Number.POSITIVE_INFINITY } = plan;
  const cpu = process.cpuUsage();
  const streams = plan.exchange.kind === "stream" ? createStreamTally(plan.exchange.sequence) : undefined;
  const tally = createTally(plan.mark, streams);
  const end = Promise.withResolvers<void>();
  let sent = 0, isStopped = false;

  const send = (slot: Slot, cameMs: number): boolean => {
    if (isStopped || sent >= maxRequests) return false;
    sent += 1;
    tally.sent(slot.send(cameMs));
    if (sent >= maxRequests) end.resolve();
    return true;
  };
  /** An open loop's request that found no connection in time is one whose user has left. */
  const isExpired = (cameMs: number): boolean => {
    if (performance.now() - cameMs <= plan.timeoutMs) return false;
    sent += 1;
    tally.sent(0);
    tally.failed("timeout");
    return true;
  };
  const arrivals = createArrivals(plan.arrivals, { send, isExpired, onLateness: (latenessMs) => tally.late(latenessMs) });
  const slots = createSlots(plan, { ...options, streams }, eventsOf(tally, arrivals));
  const startedAtMs = performance.now();
  const stopTimers = startTimers({ plan, options, slots, tally, onEnd: () => end.resolve() });
  if (options.signal?.aborted !== true) arrivals.start(slots);
  await end.promise;
  isStopped = true;
  const elapsedMs = performance.now() - startedAtMs;
  tally.stop();
  streams?.stop();
  const unsent = arrivals.stop();
  const used = process.cpuUsage(cpu); // while load was sent: the wait for the last answers would dilute it
  await answersOf(slots, options.signal?.aborted === true ? STOPPED_WAIT_MS : lastWaitMs(plan));
  stopTimers();
  const record = tally.record({ unsent, elapsedMs, cpu: used });
  for (const slot of slots) slot.close();
  return record;
}

function eventsOf(tally: Tally, arrivals: Arrivals): SlotEvents {
  const pause = (slot: Slot): void => { setTimeout(() => arrivals.freed(slot), PAUSE_AFTER_FAILURE_MS); };
  return {
    onAnswer: (slot, answer) => {
      tally.answered(answer, performance.now());
      if (answer.failure === undefined) arrivals.freed(slot);
      else pause(slot);
    },
    onFailure: (slot, reason) => {
      tally.failed(reason);
      pause(slot);
    },
    onBytes: (count) => tally.received(count),
  };
}

interface TimedRun {
  readonly plan: LoadPlan;
  readonly options: LoadRunOptions;
  readonly slots: readonly Slot[];
  readonly tally: Tally;
  readonly onEnd: () => void;
}

/** Looks for late answers, reports progress, and ends the sending when its time is over or someone wants it to end. Returns how to stop all that. */
function startTimers({ plan, options: { onProgress, signal }, slots, tally, onEnd }: TimedRun): () => void {
  const sweeping = setInterval(() => failLate(slots, plan.timeoutMs), SWEEP_MS);
  const reporting = onProgress === undefined ? undefined : setInterval(() => onProgress(tally.progress()), PROGRESS_MS);
  const deadline = setTimeout(onEnd, plan.durationMs);
  signal?.addEventListener("abort", onEnd, { once: true });
  if (signal?.aborted === true) onEnd();
  return () => {
    clearInterval(sweeping);
    clearInterval(reporting);
    clearTimeout(deadline);
    signal?.removeEventListener("abort", onEnd);
  };
}

/** Single answers time out by themselves; streams may go on as long as they are alive, within reason. */
function lastWaitMs({ exchange, timeoutMs }: LoadPlan): number {
  return exchange.kind === "stream" ? LONGEST_STREAM_TIMEOUTS * timeoutMs : timeoutMs + 3 * SWEEP_MS;
}

const LONGEST_STREAM_TIMEOUTS = 6;
/** Someone who pressed Ctrl-C waits this long for the last answers. */
const STOPPED_WAIT_MS = 1_000;

interface SlotOptions extends LoadRunOptions {
  readonly streams: StreamTally | undefined;
}

function createSlots(plan: LoadPlan, { session, now, streams }: SlotOptions, events: SlotEvents): readonly Slot[] {
  const { exchange } = plan;
  if (exchange.kind === "grpc") return createGrpcSlots(plan, exchange, events);
  const requests = prepareRequests(plan, exchange);
  return Array.from({ length: plan.connections }, (_, connection) => createHttpSlot({
    target: plan, source: createRequestSource(requests, { connection, session, now }), events, hasBodies: exchange.method !== "HEAD",
    ...(streams === undefined ? {} : { stream: streams.reader() }),
  }));
}

function failLate(slots: readonly Slot[], timeoutMs: number): void {
  const latestMs = performance.now() - timeoutMs;
  for (const slot of slots) {
    const sinceMs = slot.waitsSinceMs();
    if (sinceMs !== undefined && sinceMs < latestMs) slot.fail("timeout");
  }
}

/** Waits for the requests under way; what takes longer stays unfinished. */
async function answersOf(slots: readonly Slot[], longestMs: number): Promise<void> {
  const giveUpAtMs = performance.now() + longestMs;
  while (performance.now() < giveUpAtMs && slots.some((slot) => slot.waitsSinceMs() !== undefined)) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
