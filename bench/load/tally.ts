/** Counts what happened to requests: each ends answered, failed or unfinished. */
import { createLatencyHistogram } from "./latency-histogram.ts";
import type { LoadOutcome } from "./load-plan.ts";
import type { HttpAnswer } from "./response-reader.ts";

export interface Tally {
  sent(sizeBytes: number): void;
  answered(answer: HttpAnswer, latencyMs: number): void;
  failed(reason: string): void;
  /** Answers from now on are late for the throughput, though not for the latencies. */
  stop(): void;
  outcome(end: TallyEnd): LoadOutcome;
}

export interface TallyEnd {
  /** Requests that came and were never sent. */
  readonly unsent: number;
  readonly elapsedMs: number;
  readonly cpu: NodeJS.CpuUsage;
}

export function createTally(mark: string | undefined): Tally {
  const latency = createLatencyHistogram();
  const failures = new Map<string, number>();
  let sent = 0, bytesSent = 0, failed = 0, marked = 0;
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
    answered: ({ status, body }, latencyMs) => {
      if (status < 200 || status >= 300) {
        firstFailure ??= body.toString("utf8", 0, 2_000);
        return fail(`status ${status}`);
      }
      latency.record(latencyMs);
      if (mark !== undefined && body.includes(mark)) marked += 1;
    },
    failed: fail,
    stop: () => { answeredInTime ??= latency.count(); },
    outcome: ({ unsent, elapsedMs, cpu }) => {
      const summary = latency.summary();
      return {
        sent, answered: summary.count, answeredInTime: answeredInTime ?? summary.count, marked, failed: Object.fromEntries(failures),
        ...(firstFailure === undefined ? {} : { firstFailure }),
        unfinished: sent - summary.count - failed + unsent, elapsedMs, latency: summary, bytesSent,
        generatorCpuUsPerRequest: (cpu.user + cpu.system) / Math.max(1, sent),
      };
    },
  };
}
