/**
 * The one batching core: requests of any payload wait in lanes, leave as the decision says, run on a free instance and
 * get their own answer back (batch-runner.ts). A request past its deadline never runs.
 *
 * Models are fair to each other because each starts at most one batch per free instance and turn of the event loop.
 */
import type { Batching } from "../../define/index.ts";
import { StrataError } from "../../kernel/errors.ts";
import { decideBatch } from "./batch-decision.ts";
import { BatchRunner } from "./batch-runner.ts";
import type { Answered, BatchEntry, BatchRunnerOptions } from "./batch-runner.ts";
import { createRequestLane } from "./request-lane.ts";
import type { RequestLane } from "./request-lane.ts";
import { createWakeUp } from "./wake-up.ts";

export interface SchedulerOptions<Payload, Result> extends BatchRunnerOptions<Payload, Result> {
  readonly batching: Batching;
  readonly isBatchable: boolean;
  /** Batches that may run at once. */
  readonly instances: number;
}

export interface Submission {
  readonly rows: number;
  /** Of its inputs; 0 when joining costs nothing to speak of. */
  readonly bytes?: number;
  /** Requests with different keys never run together. */
  readonly key?: string;
  readonly priority?: number | undefined;
  readonly deadlineAtMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface BatchScheduler<Payload, Result> {
  /** QUEUE_FULL, DEADLINE_EXCEEDED, ABORTED, CLOSED after drain, INFERENCE_FAILED, or the model's own error. */
  submit(payload: Payload, submission: Submission): Promise<Answered<Result>>;
  waitingRows(): number;
  /** Requests that wait or run. */
  inFlight(): number;
  /** Refuses new requests and resolves when those in flight are answered. */
  drain(): Promise<void>;
}

export function createBatchScheduler<Payload, Result>(options: SchedulerOptions<Payload, Result>): BatchScheduler<Payload, Result> {
  return new Scheduler(options);
}

class Scheduler<Payload, Result> implements BatchScheduler<Payload, Result> {
  readonly #options: SchedulerOptions<Payload, Result>;
  /** Lanes with somebody in them. */
  readonly #lanes: RequestLane<BatchEntry<Payload, Result>>[] = [];
  readonly #freeInstances: number[];
  readonly #wakeUp;
  readonly #runner: BatchRunner<Payload, Result>;
  #waitingRows = 0;
  #waiting = 0;
  #running = 0;
  #earliestDeadlineMs = Number.POSITIVE_INFINITY;
  #isScheduled = false;
  #isDraining = false;
  #onIdle: (() => void)[] = [];
  readonly #look = (): void => {
    this.#isScheduled = false;
    this.#dispatch();
  };

  constructor(options: SchedulerOptions<Payload, Result>) {
    this.#options = options;
    this.#freeInstances = Array.from({ length: options.instances }, (_, index) => options.instances - 1 - index);
    this.#runner = new BatchRunner(options, () => this.#waiting);
    this.#wakeUp = createWakeUp(options.clock, () => this.#dispatch());
  }

  waitingRows(): number { return this.#waitingRows; }
  inFlight(): number { return this.#waiting + this.#running; }

  submit(payload: Payload, submission: Submission): Promise<Answered<Result>> {
    const { name, clock, batching, observer } = this.#options;
    const refuse = (error: StrataError): Promise<never> => {
      observer.failed(error, 0);
      return Promise.reject(error);
    };
    if (this.#isDraining) return refuse(new StrataError("CLOSED", { what: `Model "${name}"` }));
    if (submission.signal?.aborted) return refuse(new StrataError("ABORTED", { what: `Inference with "${name}"` }));
    if (this.#waiting > 0 && this.#waitingRows + submission.rows > batching.maxQueueRows) { // a request larger than the whole queue runs when nobody else waits
      return refuse(new StrataError("QUEUE_FULL", { model: name, waiting: this.#waitingRows }, { retryAfterSeconds: this.#retryAfterSeconds() }));
    }
    const enqueuedAtMs = clock.monotonicMs();
    const deadlineAtMs = Math.min(submission.deadlineAtMs ?? Number.POSITIVE_INFINITY, batching.queueTimeoutMs === undefined ? Number.POSITIVE_INFINITY : enqueuedAtMs + batching.queueTimeoutMs);
    return new Promise((resolve, reject) => {
      const entry: BatchEntry<Payload, Result> = { payload, rows: submission.rows, bytes: submission.bytes ?? 0, signal: submission.signal, enqueuedAtMs, deadlineAtMs, isSettled: false, unfollow: undefined, resolve, reject };
      this.#laneFor(submission).push(entry);
      this.#waiting++;
      this.#waitingRows += entry.rows;
      if (submission.signal !== undefined) this.#followSignal(entry, submission.signal);
      if (deadlineAtMs < this.#earliestDeadlineMs) this.#earliestDeadlineMs = deadlineAtMs;
      if (this.#freeInstances.length > 0) this.#schedule();
      else if (this.#earliestDeadlineMs < Number.POSITIVE_INFINITY) this.#wakeUp.at(this.#earliestDeadlineMs);
    });
  }

  drain(): Promise<void> {
    this.#isDraining = true;
    if (this.inFlight() === 0) return Promise.resolve();
    this.#schedule();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  /** Requests that arrive in the same turn of the event loop leave together. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(this.#look);
  }

  #laneFor({ key = "", priority = 1 }: Submission): RequestLane<BatchEntry<Payload, Result>> {
    for (const lane of this.#lanes) if (lane.key === key && lane.priority === priority) return lane;
    const lane = createRequestLane<BatchEntry<Payload, Result>>(priority, key);
    this.#lanes.push(lane);
    return lane;
  }

  #followSignal(entry: BatchEntry<Payload, Result>, signal: AbortSignal): void {
    const giveUp = (): void => {
      this.#runner.fail(entry, new StrataError("ABORTED", { what: `Inference with "${this.#options.name}"` }));
      entry.deadlineAtMs = Number.NEGATIVE_INFINITY; // taken out as if it were late
      this.#earliestDeadlineMs = Number.NEGATIVE_INFINITY;
      if (this.#freeInstances.length > 0) this.#schedule();
      else this.#sweep(this.#options.clock.monotonicMs());
    };
    signal.addEventListener("abort", giveUp, { once: true });
    entry.unfollow = () => signal.removeEventListener("abort", giveUp);
  }

  #retryAfterSeconds(): number {
    const { rowsPerMs } = this.#runner;
    const waitMs = rowsPerMs > 0 ? this.#waitingRows / (rowsPerMs * this.#options.instances) : 1_000;
    return Math.min(60, Math.max(1, Math.ceil(waitMs / 1_000)));
  }

  #dispatch(): void {
    const { clock, batching, isBatchable } = this.#options;
    const nowMs = clock.monotonicMs();
    while (this.#freeInstances.length > 0 && this.#lanes.length > 0) {
      const decision = decideBatch({ nowMs, expectedRunMs: this.#runner.expectedRunMs, isDraining: this.#isDraining, lanes: this.#lanes }, { ...batching, isBatchable });
      if (decision.kind === "wait") {
        this.#wakeUp.at(Math.min(decision.lookAgainAtMs, this.#earliestDeadlineMs));
        break;
      }
      this.#leave(decision, nowMs);
    }
    if (this.#lanes.length > 0 && this.#freeInstances.length === 0) this.#sweep(nowMs);
    this.#wakeIfIdle();
  }

  #leave(decision: Extract<ReturnType<typeof decideBatch>, { kind: "leave" }>, nowMs: number): void {
    const lane = this.#lanes[decision.lane]!;
    const taken = lane.take(decision.requests);
    if (lane.length === 0) this.#lanes.splice(decision.lane, 1);
    if (this.#lanes.length === 0) this.#earliestDeadlineMs = Number.POSITIVE_INFINITY;
    this.#waiting -= taken.length;
    for (const entry of taken) this.#waitingRows -= entry.rows;
    const batch = decision.dropped.length === 0 ? taken : taken.filter((_, index) => !decision.dropped.includes(index));
    for (const index of decision.dropped) this.#runner.expire(taken[index]!, nowMs);
    if (batch.length === 0) return;
    const instance = this.#freeInstances.pop()!;
    this.#running += batch.length;
    void this.#runner.run(batch, { reason: decision.reason, rows: decision.rows, instance, leftAtMs: nowMs }).finally(() => {
      this.#running -= batch.length;
      this.#freeInstances.push(instance);
      if (this.#lanes.length > 0) this.#schedule();
      else this.#wakeIfIdle();
    });
  }

  /** Refuses what is past its deadline although no instance came free: its caller should not wait for nothing. */
  #sweep(nowMs: number): void {
    if (this.#earliestDeadlineMs > nowMs) return this.#wakeUp.at(this.#earliestDeadlineMs);
    let earliestMs = Number.POSITIVE_INFINITY;
    for (const lane of this.#lanes) {
      lane.keep((entry) => {
        const isInTime = entry.deadlineAtMs > nowMs;
        if (isInTime) earliestMs = Math.min(earliestMs, entry.deadlineAtMs);
        else {
          this.#waiting--;
          this.#waitingRows -= entry.rows;
          this.#runner.expire(entry, nowMs);
        }
        return isInTime;
      });
    }
    this.#lanes.splice(0, this.#lanes.length, ...this.#lanes.filter((lane) => lane.length > 0));
    this.#earliestDeadlineMs = earliestMs;
    if (earliestMs < Number.POSITIVE_INFINITY) this.#wakeUp.at(earliestMs);
    this.#wakeIfIdle();
  }

  #wakeIfIdle(): void {
    if (this.inFlight() > 0) return;
    this.#wakeUp.cancel();
    for (const wake of this.#onIdle.splice(0)) wake();
  }
}
