/**
 * Turns for work on the event loop: reading features of a ranking takes a millisecond, and a thousand of them in one
 * turn would answer everybody late. Work runs in order of arrival, a few milliseconds per turn, so that answers leave
 * in between; what could not run before its deadline is refused at once, while refusing still helps. When refusing
 * itself fills the loop, a turn grows to as long as what came between, so that accepted work still gets done.
 */
import type { Clock } from "../kernel/clock.ts";
import { StrataError } from "../kernel/errors.ts";

export interface WorkQueue {
  /** Runs `work` in its turn. OVERLOADED when the wait would outlast the deadline, DEADLINE_EXCEEDED when it did. */
  run<T>(work: () => T, deadlineAtMs: number): Promise<T>;
  /** Milliseconds that work asked for now would wait. */
  expectedWaitMs(): number;
}

export interface WorkQueueOptions {
  readonly clock: Clock;
  /** What the work is, for errors. */
  readonly name: string;
  /** Least work per turn of the event loop. Default 8 ms. */
  readonly turnMs?: number;
}

interface Waiting {
  readonly run: () => void;
  readonly refuse: (thrown: StrataError) => void;
  readonly deadlineAtMs: number;
}

/** Share of the remaining time that may be spent waiting; the rest is for the work itself and the model. */
const WAITING_SHARE = 0.6;
/** Weight of the newest value in a running mean. */
const NEWEST = 0.05;
/** Longest turn: what waits for the loop meanwhile should not notice. */
const LONGEST_TURN_MS = 50;

export function createWorkQueue({ clock, name, turnMs = 8 }: WorkQueueOptions): WorkQueue {
  let queue: Waiting[] = [];
  let head = 0;
  let meanMs = 0;
  /** Share of the time that goes into this work while there is any. */
  let share = 1;
  let scheduledAtMs = 0;
  let isScheduled = false;

  const expectedWaitMs = (): number => ((queue.length - head) * meanMs) / share;

  const drain = (): void => {
    isScheduled = false;
    const startedAtMs = clock.monotonicMs();
    const elsewhereMs = startedAtMs - scheduledAtMs;
    const budgetMs = Math.max(turnMs, Math.min(LONGEST_TURN_MS, elsewhereMs));
    let nowMs = startedAtMs;
    while (head < queue.length && nowMs - startedAtMs < budgetMs) {
      const next = queue[head++]!;
      if (next.deadlineAtMs <= nowMs) next.refuse(new StrataError("DEADLINE_EXCEEDED", { what: name, timeoutMs: "the request's" }));
      else next.run();
      const endedAtMs = clock.monotonicMs();
      meanMs += NEWEST * (endedAtMs - nowMs - meanMs);
      nowMs = endedAtMs;
    }
    const workedMs = nowMs - startedAtMs;
    if (workedMs + elsewhereMs > 0) share += NEWEST * (Math.max(0.05, workedMs / (workedMs + elsewhereMs)) - share);
    if (head === queue.length || head > 1_024) {
      queue = queue.slice(head);
      head = 0;
    }
    if (queue.length > head) schedule();
  };
  const schedule = (): void => {
    if (isScheduled) return;
    isScheduled = true;
    scheduledAtMs = clock.monotonicMs();
    setImmediate(drain);
  };

  return {
    expectedWaitMs,
    run: <T>(work: () => T, deadlineAtMs: number): Promise<T> => {
      const waitMs = expectedWaitMs();
      if (waitMs > WAITING_SHARE * (deadlineAtMs - clock.monotonicMs())) {
        return Promise.reject(new StrataError("OVERLOADED", { inFlight: queue.length - head, maxInFlight: "what the deadline allows" }, { retryAfterSeconds: 1 }));
      }
      return new Promise<T>((resolve, reject) => {
        const run = (): void => {
          try {
            resolve(work());
          } catch (thrown) {
            reject(thrown); // passed on as it was thrown
          }
        };
        queue.push({ run, refuse: reject, deadlineAtMs });
        schedule();
      });
    },
  };
}
