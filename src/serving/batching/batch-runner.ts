/**
 * Runs batches that have left their lane and gives each request its own answer. When a batch fails it is halved until
 * the poisoned request stands alone; the others are answered.
 */
import type { Clock } from "../../kernel/clock.ts";
import { StrataError, isStrataError, reasonOf } from "../../kernel/errors.ts";
import type { BatchNote, BatchReason } from "../model-server.ts";

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

export interface Answered<Result> {
  readonly result: Result;
  readonly note: BatchNote;
}

/** A request on its way through the batcher. */
export interface BatchEntry<Payload, Result> {
  readonly payload: Payload;
  readonly signal: AbortSignal | undefined;
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

/** A batch on its way. */
export interface Leave {
  readonly reason: BatchReason;
  readonly rows: number;
  readonly instance: number;
  readonly leftAtMs: number;
}

export interface BatchRunnerOptions<Payload, Result> {
  /** The model, for messages and batch names. */
  readonly name: string;
  readonly clock: Clock;
  readonly execute: (payloads: readonly Payload[], context: ExecutionContext) => Promise<Execution<Result>>;
  readonly observer: SchedulerObserver;
}

/** Weight of the newest batch in the running means. */
const NEWEST = 0.2;

/** One per model version; the scheduler decides what runs when. */
export class BatchRunner<Payload, Result> {
  readonly #options: BatchRunnerOptions<Payload, Result>;
  readonly #waiting: () => number;
  #batches = 0;
  /** Running means over the batches that were answered. */
  expectedRunMs = 0;
  rowsPerMs = 0;

  /** `waiting` tells how many requests wait, for the notes of those that are answered. */
  constructor(options: BatchRunnerOptions<Payload, Result>, waiting: () => number) {
    this.#options = options;
    this.#waiting = waiting;
  }

  /** Refuses a request that is past its deadline. */
  expire(entry: BatchEntry<Payload, Result>, nowMs: number): void {
    this.fail(entry, new StrataError("DEADLINE_EXCEEDED", { what: `Inference with "${this.#options.name}"`, timeoutMs: Math.round(Math.max(0, Math.min(entry.deadlineAtMs, nowMs) - entry.enqueuedAtMs)) }));
  }

  /** Tells the caller and the observer, unless the caller has its answer already. */
  fail(entry: BatchEntry<Payload, Result>, error: StrataError): void {
    if (entry.isSettled) return;
    entry.isSettled = true;
    entry.unfollow?.();
    this.#options.observer.failed(error, this.#options.clock.monotonicMs() - entry.enqueuedAtMs);
    entry.reject(error);
  }

  /** Resolves when each request of the batch has its answer or its error; never rejects. */
  async run(batch: readonly BatchEntry<Payload, Result>[], leave: Leave): Promise<void> {
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
    this.expectedRunMs += NEWEST * (runMs - this.expectedRunMs);
    if (runMs > 0) this.rowsPerMs += NEWEST * (leave.rows / runMs - this.rowsPerMs);
    this.#answer(batch, execution, { ...leave, runMs });
  }

  #answer(batch: readonly BatchEntry<Payload, Result>[], execution: Execution<Result>, { reason, rows, leftAtMs, runMs }: Leave & { readonly runMs: number }): void {
    const name = `${this.#options.name}#${++this.#batches}`;
    const waiting = this.#waiting();
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
  async #isolate(batch: readonly BatchEntry<Payload, Result>[], { instance, thrown }: Leave & { readonly thrown: unknown }): Promise<void> {
    const error = failureOf(this.#options.name, thrown);
    if (batch.length === 1 || !isWorthIsolating(error)) {
      for (const entry of batch) this.fail(entry, error);
      return;
    }
    const middle = batch.length >> 1;
    for (const half of [batch.slice(0, middle), batch.slice(middle)]) {
      const nowMs = this.#options.clock.monotonicMs();
      const inTime = half.filter((entry) => entry.deadlineAtMs > nowMs);
      for (const entry of half) if (entry.deadlineAtMs <= nowMs) this.expire(entry, nowMs);
      if (inTime.length === 0) continue;
      const rows = inTime.reduce((sum, entry) => sum + entry.rows, 0);
      await this.run(inTime, { reason: inTime.length === 1 ? "retried alone" : "retried in a smaller batch", rows, instance, leftAtMs: nowMs });
    }
  }
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
