/**
 * The one batching core: requests of any payload wait in lanes, leave as the decision says, run on a free instance and
 * get their own answer back. A request past its deadline never runs. When a batch fails it is halved until the
 * poisoned request stands alone; the others are answered.
 *
 * Models are fair to each other because each starts at most one batch per free instance and turn of the event loop.
 */
import type { Batching } from "../../define/index.ts";
import type { Clock } from "../../kernel/clock.ts";
import { StrataError, isStrataError, reasonOf } from "../../kernel/errors.ts";
import type { BatchNote, BatchReason } from "../model-server.ts";
import { decideBatch } from "./batch-decision.ts";
import { createRequestLane } from "./request-lane.ts";
import type { RequestLane } from "./request-lane.ts";
import { createWakeUp } from "./wake-up.ts";

/** What one execution did: a result per payload, and where its time went. */
export interface Execution<Result> {
  readonly results: readonly Result[];
  readonly inputMs: number;
  readonly inferMs: number;
  readonly outputMs: number;
}

export interface ExecutionContext {
  readonly rows: number;
  /** Which of the instances runs it, from 0. */
  readonly instance: number;
  /** The latest deadline of those who wait for it. */
  readonly deadlineAtMs: number | undefined;
  /** The caller's own, when it runs alone. */
  readonly signal: AbortSignal | undefined;
}

/** An executed batch, for statistics. */
export interface BatchReport {
  readonly requests: number;
  /** Requests whose callers still waited for the answer. */
  readonly answered: number;
  readonly rows: number;
  readonly reason: BatchReason;
  readonly runMs: number;
  /** Of each one that was answered. */
  readonly queuedMs: readonly number[];
  readonly inputMs: number;
  readonly inferMs: number;
  readonly outputMs: number;
}

export interface SchedulerObserver {
  batch(report: BatchReport): void;
  /** A request that was not answered, after so many milliseconds. */
  failed(error: StrataError, ms: number): void;
}

export interface SchedulerOptions<Payload, Result> {
  /** The model, for messages and batch names. */
  readonly name: string;
  readonly clock: Clock;
  readonly batching: Batching;
  readonly isBatchable: boolean;
  /** Batches that may run at once. */
  readonly instances: number;
  readonly execute: (payloads: readonly Payload[], context: ExecutionContext) => Promise<Execution<Result>>;
  readonly observer: SchedulerObserver;
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

export interface Answered<Result> {
  readonly result: Result;
  readonly note: BatchNote;
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

interface Entry<Payload, Result> extends Submission {
  readonly payload: Payload;
  readonly rows: number;
  readonly bytes: number;
  readonly enqueuedAtMs: number;
  deadlineAtMs: number;
  isSettled: boolean;
  /** Stops listening to the caller's signal. */
  unfollow: (() => void) | undefined;
  readonly resolve: (answer: Answered<Result>) => void;
  readonly reject: (error: StrataError) => void;
}

/** Weight of the newest batch in the running means. */
const NEWEST = 0.2;

export function createBatchScheduler<Payload, Result>(options: SchedulerOptions<Payload, Result>): BatchScheduler<Payload, Result> {
  return new Scheduler(options);
}

class Scheduler<Payload, Result> implements BatchScheduler<Payload, Result> {
  readonly #options: SchedulerOptions<Payload, Result>;
  /** Lanes with somebody in them. */
  readonly #lanes: RequestLane<Entry<Payload, Result>>[] = [];
  readonly #freeInstances: number[];
  readonly #wakeUp;
  #waitingRows = 0;
  #waiting = 0;
  #running = 0;
  #batches = 0;
  #earliestDeadlineMs = Number.POSITIVE_INFINITY;
  #expectedRunMs = 0;
  #rowsPerMs = 0;
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
      const entry: Entry<Payload, Result> = { payload, rows: submission.rows, bytes: submission.bytes ?? 0, signal: submission.signal, enqueuedAtMs, deadlineAtMs, isSettled: false, unfollow: undefined, resolve, reject };
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

  #laneFor({ key = "", priority = 1 }: Submission): RequestLane<Entry<Payload, Result>> {
    for (const lane of this.#lanes) if (lane.key === key && lane.priority === priority) return lane;
    const lane = createRequestLane<Entry<Payload, Result>>(priority, key);
    this.#lanes.push(lane);
    return lane;
  }

  #followSignal(entry: Entry<Payload, Result>, signal: AbortSignal): void {
    const giveUp = (): void => {
      this.#fail(entry, new StrataError("ABORTED", { what: `Inference with "${this.#options.name}"` }));
      entry.deadlineAtMs = Number.NEGATIVE_INFINITY; // taken out as if it were late
      this.#earliestDeadlineMs = Number.NEGATIVE_INFINITY;
      if (this.#freeInstances.length > 0) this.#schedule();
      else this.#sweep(this.#options.clock.monotonicMs());
    };
    signal.addEventListener("abort", giveUp, { once: true });
    entry.unfollow = () => signal.removeEventListener("abort", giveUp);
  }

  #retryAfterSeconds(): number {
    const waitMs = this.#rowsPerMs > 0 ? this.#waitingRows / (this.#rowsPerMs * this.#options.instances) : 1_000;
    return Math.min(60, Math.max(1, Math.ceil(waitMs / 1_000)));
  }

  #dispatch(): void {
    const { clock, batching, isBatchable } = this.#options;
    const nowMs = clock.monotonicMs();
    while (this.#freeInstances.length > 0 && this.#lanes.length > 0) {
      const decision = decideBatch({ nowMs, expectedRunMs: this.#expectedRunMs, isDraining: this.#isDraining, lanes: this.#lanes }, { ...batching, isBatchable });
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
    for (const index of decision.dropped) this.#expire(taken[index]!, nowMs);
    if (batch.length === 0) return;
    const instance = this.#freeInstances.pop()!;
    this.#running += batch.length;
    void this.#run(batch, { reason: decision.reason, rows: decision.rows, instance, leftAtMs: nowMs }).finally(() => {
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
          this.#expire(entry, nowMs);
        }
        return isInTime;
      });
    }
    this.#lanes.splice(0, this.#lanes.length, ...this.#lanes.filter((lane) => lane.length > 0));
    this.#earliestDeadlineMs = earliestMs;
    if (earliestMs < Number.POSITIVE_INFINITY) this.#wakeUp.at(earliestMs);
    this.#wakeIfIdle();
  }

  #expire(entry: Entry<Payload, Result>, nowMs: number): void {
    this.#fail(entry, new StrataError("DEADLINE_EXCEEDED", { what: `Inference with "${this.#options.name}"`, timeoutMs: Math.round(Math.max(0, Math.min(entry.deadlineAtMs, nowMs) - entry.enqueuedAtMs)) }));
  }

  #fail(entry: Entry<Payload, Result>, error: StrataError): void {
    if (entry.isSettled) return;
    entry.isSettled = true;
    entry.unfollow?.();
    this.#options.observer.failed(error, this.#options.clock.monotonicMs() - entry.enqueuedAtMs);
    entry.reject(error);
  }

  async #run(batch: readonly Entry<Payload, Result>[], leave: Leave): Promise<void> {
    const { clock, execute } = this.#options;
    const single = batch.length === 1 ? batch[0]! : undefined;
    const startedAtMs = leave.leftAtMs;
    let execution: Execution<Result>;
    try {
      execution = await execute(batch.map((entry) => entry.payload), {
        rows: leave.rows, instance: leave.instance, signal: single?.signal, deadlineAtMs: latestDeadline(batch),
      });
      if (execution.results.length !== batch.length) throw new Error(`it gave ${execution.results.length} results for ${batch.length} requests`);
    } catch (thrown) {
      return this.#isolate(batch, { ...leave, thrown });
    }
    const runMs = clock.monotonicMs() - startedAtMs;
    this.#expectedRunMs += NEWEST * (runMs - this.#expectedRunMs);
    if (runMs > 0) this.#rowsPerMs += NEWEST * (leave.rows / runMs - this.#rowsPerMs);
    this.#answer(batch, execution, { ...leave, runMs });
  }

  #answer(batch: readonly Entry<Payload, Result>[], execution: Execution<Result>, { reason, rows, leftAtMs, runMs }: Leave & { readonly runMs: number }): void {
    const name = `${this.#options.name}#${++this.#batches}`;
    const waiting = this.#waiting;
    const queuedMs: number[] = [];
    for (let index = 0; index < batch.length; index++) {
      const entry = batch[index]!;
      if (entry.isSettled) continue; // given up while it ran
      const waitedMs = leftAtMs - entry.enqueuedAtMs;
      queuedMs.push(waitedMs);
      entry.isSettled = true;
      entry.unfollow?.();
      entry.resolve({ result: execution.results[index]!, note: { batch: name, reason, requests: batch.length, rows, queuedMs: waitedMs, runMs, waiting } });
    }
    this.#options.observer.batch({
      requests: batch.length, answered: queuedMs.length, rows, reason, runMs, queuedMs, inputMs: execution.inputMs, inferMs: execution.inferMs, outputMs: execution.outputMs,
    });
  }

  /** Halves a failed batch until the poisoned request stands alone: 1 in 32 costs at most ten more runs. */
  async #isolate(batch: readonly Entry<Payload, Result>[], { instance, thrown }: Leave & { readonly thrown: unknown }): Promise<void> {
    const error = failureOf(this.#options.name, thrown);
    if (batch.length === 1 || !isWorthIsolating(error)) {
      for (const entry of batch) this.#fail(entry, error);
      return;
    }
    const middle = batch.length >> 1;
    for (const half of [batch.slice(0, middle), batch.slice(middle)]) {
      const nowMs = this.#options.clock.monotonicMs();
      const inTime = half.filter((entry) => entry.deadlineAtMs > nowMs);
      for (const entry of half) if (entry.deadlineAtMs <= nowMs) this.#expire(entry, nowMs);
      if (inTime.length === 0) continue;
      const rows = inTime.reduce((sum, entry) => sum + entry.rows, 0);
      await this.#run(inTime, { reason: inTime.length === 1 ? "retried alone" : "retried in a smaller batch", rows, instance, leftAtMs: nowMs });
    }
  }

  #wakeIfIdle(): void {
    if (this.inFlight() > 0) return;
    this.#wakeUp.cancel();
    for (const wake of this.#onIdle.splice(0)) wake();
  }
}

/** A batch on its way. */
interface Leave {
  readonly reason: BatchReason;
  readonly rows: number;
  readonly instance: number;
  readonly leftAtMs: number;
}

function latestDeadline(batch: readonly { readonly deadlineAtMs: number }[]): number | undefined {
  let latest = Number.NEGATIVE_INFINITY;
  for (const { deadlineAtMs } of batch) latest = Math.max(latest, deadlineAtMs);
  return Number.isFinite(latest) ? latest : undefined;
}

/** An error that no request of the batch caused comes back for each of them; asking again would only add load. */
function isWorthIsolating(error: StrataError): boolean {
  return error.fault !== "dependency" && error.code !== "DEADLINE_EXCEEDED" && error.code !== "CLOSED" && error.code !== "ABORTED" && error.code !== "QUEUE_FULL" && error.code !== "OVERLOADED";
}

function failureOf(model: string, thrown: unknown): StrataError {
  if (isStrataError(thrown) && thrown.code !== "INTERNAL") return thrown;
  return new StrataError("INFERENCE_FAILED", { model, reason: reasonOf(thrown) }, { cause: thrown });
}
