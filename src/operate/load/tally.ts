/** Counts what happened to requests: each ends answered, failed or unfinished. */
import { createLatencyHistogram } from "./latency-histogram.ts";
import type { LoadRecord } from "./load-outcome.ts";
import type { LoadProgress } from "./load-progress.ts";
import type { Answered } from "./slot.ts";
import type { StreamTally } from "./stream-tally.ts";

export interface Tally {
  sent(sizeBytes: number): void;
  answered(answer: Answered, nowMs: number): void;
  failed(reason: string): void;
  received(sizeBytes: number): void;
  late(latenessMs: number): void;
  /** Answers from now on are late for the throughput, though not for the latencies. */
  stop(): void;
  progress(): LoadProgress;
  record(end: TallyEnd): LoadRecord;
}

export interface TallyEnd {
  /** Requests that came and were never sent. */
  readonly unsent: number;
  readonly elapsedMs: number;
  readonly cpu: NodeJS.CpuUsage;
}

/** Of the first failure's body. */
const KEPT_CHARACTERS = 2_000;

export function createTally(mark: string | undefined, streams: StreamTally | undefined): Tally {
  const latency = createLatencyHistogram();
  const fromSending = createLatencyHistogram();
  const lateness = createLatencyHistogram();
  const failures = new Map<string, number>();
  let sent = 0, bytesSent = 0, bytesReceived = 0, failed = 0, marked = 0;
  let answeredInTime: number | undefined;
  let firstFailure: string | undefined;

  const fail = (reason: string): void => {
    failed += 1;
    failures.set(reason, (failures.get(reason) ?? 0) + 1);
  };
  return {
    sent: (sizeBytes) => {
      sent += 1;
      bytesSent += sizeBytes;
    },
    answered: ({ failure, body, cameMs, sentMs }, nowMs) => {
      if (failure !== undefined) {
        firstFailure ??= body.toString("utf8", 0, KEPT_CHARACTERS);
        return fail(failure);
      }
      latency.record(nowMs - cameMs);
      fromSending.record(nowMs - sentMs);
      if (mark !== undefined && body.includes(mark)) marked += 1;
    },
    failed: fail,
    received: (sizeBytes) => { bytesReceived += sizeBytes; },
    late: (latenessMs) => lateness.record(latenessMs),
    stop: () => { answeredInTime ??= latency.count(); },
    progress: () => ({ sent, answered: latency.count(), failed }),
    record: ({ unsent, elapsedMs, cpu }) => ({
      sent, answeredInTime: answeredInTime ?? latency.count(), marked, failed: Object.fromEntries(failures),
      ...(firstFailure === undefined ? {} : { firstFailure }),
      unfinished: sent - latency.count() - failed + unsent, elapsedMs, bytesSent, bytesReceived, cpuUs: cpu.user + cpu.system,
      latency: latency.counts(), fromSending: fromSending.counts(), lateness: lateness.counts(),
      ...(streams === undefined ? {} : { streams: streams.record() }),
    }),
  };
}
