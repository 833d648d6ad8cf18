/** What a run of load found, and the sum of what several generator processes found. Plain data. */
import { summarize } from "./latency-histogram.ts";
import type { LatencyCounts, LatencySummary } from "./latency-histogram.ts";

/** What one process counted. */
export interface LoadRecord {
  readonly sent: number;
  readonly answeredInTime: number;
  readonly marked: number;
  readonly failed: Readonly<Record<string, number>>;
  readonly firstFailure?: string;
  readonly unfinished: number;
  readonly elapsedMs: number;
  readonly latency: LatencyCounts;
  readonly fromSending: LatencyCounts;
  readonly lateness: LatencyCounts;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly cpuUs: number;
  readonly streams?: StreamRecord;
}

export interface StreamRecord {
  readonly firstToken: LatencyCounts;
  readonly gap: LatencyCounts;
  readonly frames: number;
  readonly tokens: number;
  /** Frames with text, in all and until sending stopped. */
  readonly texts: number;
  readonly textsInTime: number;
  readonly lostFrames: number;
  readonly numberedFrames: number;
  readonly mostAtOnce: number;
}

export interface LoadOutcome {
  /** Requests written to a socket. */
  readonly sent: number;
  /** Answered with success, during and after `elapsedMs`. */
  readonly answered: number;
  /** Answered with success before sending stopped. */
  readonly answeredInTime: number;
  /** Answers that contained the plan's mark. */
  readonly marked: number;
  /** Number of requests by what went wrong: "status 503", "timeout", "ECONNRESET", "stream was cut". */
  readonly failed: Readonly<Record<string, number>>;
  /** What the first failed answer said. */
  readonly firstFailure?: string;
  /** Requests without answer or failure when the generator gave up, and those of an open loop that never found a free connection. */
  readonly unfinished: number;
  /** From the first connection attempt until sending stopped. */
  readonly elapsedMs: number;
  /** From the attempt to connect (closed loop) or from when the request was to come (open loop) to its answer; successes only. */
  readonly latency: LatencySummary;
  /** From writing the request to its answer: without the wait for a free connection. Below `latency` where a closed loop would hide it. */
  readonly fromSending: LatencySummary;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly streams?: StreamOutcome;
  readonly generator: GeneratorReport;
}

export interface StreamOutcome {
  /** From when the request was to come to the first frame that carries text. */
  readonly firstToken: LatencySummary;
  /** Between two frames of a stream. */
  readonly gap: LatencySummary;
  readonly frames: number;
  /** As the servers counted them in `usage`; frames with text where a stream brought no usage. */
  readonly tokens: number;
  /** While streams were begun: those that came before sending stopped, at as many tokens a frame as all had. */
  readonly tokensPerSecond: number;
  /** Numbers that were missing, of `numberedFrames` seen; both 0 when frames carry none. */
  readonly lostFrames: number;
  readonly numberedFrames: number;
  /** Most streams under way together. */
  readonly mostAtOnce: number;
}

/** Whether the measurement itself can be trusted. */
export interface GeneratorReport {
  readonly processes: number;
  readonly cpuUsPerRequest: number;
  /** CPU seconds per second of the busiest process; near 1 the generator is the bottleneck. */
  readonly busiestCpuShare: number;
  /** How late requests were taken up after the moment they were to come, for want of CPU; open loop only. */
  readonly lateness: LatencySummary;
  /** Why the figures should not be quoted; empty when nothing speaks against them. */
  readonly warnings: readonly string[];
}

/** A generator that is busier than this may have delayed requests and answers. */
const BUSY_SHARE = 0.85;
/** Beyond a timer's own coarseness (1 ms) and a scheduler's slice. */
const LATE_MS = 10;

/** A smaller part of the latencies does not change what they say. */
const LATE_SHARE = 0.3;

/** Puts together what the processes of one run counted. `isExact` generators spin, so their CPU says nothing. */
export function outcomeOf(records: readonly LoadRecord[], options: { readonly isExact?: boolean } = {}): LoadOutcome {
  const sum = (value: (record: LoadRecord) => number): number => records.reduce((total, record) => total + value(record), 0);
  const elapsedMs = Math.max(...records.map((record) => record.elapsedMs));
  const latency = summarize(records.map((record) => record.latency));
  const sent = sum((record) => record.sent);
  const busiestCpuShare = Math.max(...records.map((record) => record.cpuUs / 1000 / Math.max(1, record.elapsedMs)));
  const lateness = summarize(records.map((record) => record.lateness));
  const firstFailure = records.find((record) => record.firstFailure !== undefined)?.firstFailure;
  const streams = records.flatMap((record) => record.streams ?? []);
  return {
    sent, answered: latency.count, answeredInTime: sum((record) => record.answeredInTime), marked: sum((record) => record.marked),
    failed: addCounts(records.map((record) => record.failed)), ...(firstFailure === undefined ? {} : { firstFailure }),
    unfinished: sum((record) => record.unfinished), elapsedMs, latency, fromSending: summarize(records.map((record) => record.fromSending)),
    bytesSent: sum((record) => record.bytesSent), bytesReceived: sum((record) => record.bytesReceived),
    ...(streams.length === 0 ? {} : { streams: streamsOf(streams, elapsedMs) }),
    generator: {
      processes: records.length, cpuUsPerRequest: sum((record) => record.cpuUs) / Math.max(1, sent), busiestCpuShare, lateness,
      warnings: warningsOf({ busiestCpuShare: options.isExact === true ? 0 : busiestCpuShare, lateness, latency }),
    },
  };
}

/** All that failed, of whatever kind. */
export function failuresOf({ failed }: Pick<LoadOutcome, "failed">): number {
  return Object.values(failed).reduce((sum, number) => sum + number, 0);
}

/** Requests that were to be answered: sent, or never sent for want of a connection. */
export function requestsOf(outcome: Pick<LoadOutcome, "answered" | "failed" | "unfinished">): number {
  return outcome.answered + failuresOf(outcome) + outcome.unfinished;
}

/** Answers per second while requests were sent. */
export function throughputOf({ answeredInTime, elapsedMs }: Pick<LoadOutcome, "answeredInTime" | "elapsedMs">): number {
  return answeredInTime / Math.max(1e-3, elapsedMs / 1000);
}

function addCounts(parts: readonly Readonly<Record<string, number>>[]): Readonly<Record<string, number>> {
  const all: Record<string, number> = {};
  for (const part of parts) for (const [name, number] of Object.entries(part)) all[name] = (all[name] ?? 0) + number;
  return all;
}

function streamsOf(parts: readonly StreamRecord[], elapsedMs: number): StreamOutcome {
  const sum = (value: (part: StreamRecord) => number): number => parts.reduce((total, part) => total + value(part), 0);
  const tokens = sum((part) => part.tokens);
  return {
    firstToken: summarize(parts.map((part) => part.firstToken)), gap: summarize(parts.map((part) => part.gap)),
    frames: sum((part) => part.frames), tokens,
    tokensPerSecond: (sum((part) => part.textsInTime) * tokens) / Math.max(1, sum((part) => part.texts)) / Math.max(1e-3, elapsedMs / 1000),
    lostFrames: sum((part) => part.lostFrames), numberedFrames: sum((part) => part.numberedFrames), mostAtOnce: sum((part) => part.mostAtOnce),
  };
}

function warningsOf({ busiestCpuShare, lateness, latency }: { readonly busiestCpuShare: number; readonly lateness: LatencySummary; readonly latency: LatencySummary }): readonly string[] {
  const percent = Math.round(busiestCpuShare * 100);
  return [
    ...(busiestCpuShare > BUSY_SHARE ? [`a generator process used ${percent}% of a core, so latencies include its own queue: use more processes`] : []),
    ...(lateness.p99Ms > Math.max(LATE_MS, LATE_SHARE * latency.p99Ms) ? [`1% of the requests were sent ${lateness.p99Ms.toFixed(0)} ms late or later, because the generator did not get the CPU in time`] : []),
  ];
}
