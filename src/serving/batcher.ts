/**
 * Dynamic batching: a batch leaves when the model is free, so an idle model adds no delay and a busy one fills up.
 * Sizes are counted in rows, not requests. A request past its deadline is dropped before it runs, and when a batch
 * fails its requests are retried one by one, so a poisoned request fails alone.
 */
import type { Clock } from "../kernel/clock.ts";
import { StrataError, reasonOf } from "../kernel/errors.ts";
import type { LoadedModel, Matrix } from "../ports/model-runtime.ts";

export interface BatcherOptions {
  readonly model: string;
  readonly loaded: LoadedModel;
  readonly clock: Clock;
  /** Rows that may run together. Default 4,096. */
  readonly maxBatchRows?: number;
  /** Rows that may wait; more are refused with QUEUE_FULL. Default 65,536. */
  readonly maxQueueRows?: number;
  readonly onBatch?: (batch: BatchReport) => void;
}

export interface BatchReport {
  readonly requests: number;
  readonly rows: number;
  readonly runMs: number;
  /** Why the batch left when it did. */
  readonly reason: "model was free" | "batch was full";
}

export interface Batcher {
  /** Scores a matrix, possibly together with others; `rows × outputs` numbers. The deadline is on the clock's monotonic time. */
  predict(matrix: Matrix, deadlineAtMs?: number): Promise<Float64Array>;
  waitingRows(): number;
  /** Refuses new requests and resolves when those in flight are answered. */
  drain(): Promise<void>;
}

interface Waiting {
  readonly matrix: Matrix;
  readonly deadlineAtMs: number;
  readonly resolve: (scores: Float64Array) => void;
  readonly reject: (thrown: unknown) => void;
}

export function createBatcher(options: BatcherOptions): Batcher {
  const { model, loaded, clock, maxBatchRows = 4_096, maxQueueRows = 65_536, onBatch } = options;
  let queue: Waiting[] = [];
  let queuedRows = 0;
  let isRunning = false;
  let isDraining = false;
  let onIdle: (() => void)[] = [];

  const predict = (matrix: Matrix, deadlineAtMs = Number.POSITIVE_INFINITY): Promise<Float64Array> => {
    if (isDraining) return Promise.reject(new StrataError("CLOSED", { what: `Model "${model}"` }));
    if (queuedRows + matrix.rows > maxQueueRows) {
      return Promise.reject(new StrataError("QUEUE_FULL", { model, waiting: queuedRows }, { retryAfterSeconds: 1 }));
    }
    return new Promise((resolve, reject) => {
      queue.push({ matrix, deadlineAtMs, resolve, reject });
      queuedRows += matrix.rows;
      if (!isRunning) {
        isRunning = true;
        setImmediate(runNext); // requests that arrive in the same turn of the event loop leave together
      }
    });
  };

  const runNext = (): void => {
    const batch = takeBatch();
    if (batch.length === 0) {
      isRunning = false;
      for (const wake of onIdle) wake();
      onIdle = [];
      return;
    }
    void runBatch(batch).finally(() => setImmediate(runNext));
  };

  const takeBatch = (): Waiting[] => {
    const nowMs = clock.monotonicMs();
    const taken: Waiting[] = [];
    let rows = 0;
    let index = 0;
    for (; index < queue.length; index++) {
      const waiting = queue[index]!;
      if (rows > 0 && rows + waiting.matrix.rows > maxBatchRows) break;
      queuedRows -= waiting.matrix.rows;
      if (waiting.deadlineAtMs <= nowMs) {
        waiting.reject(new StrataError("DEADLINE_EXCEEDED", { what: `Inference with "${model}"`, timeoutMs: "the request's" }));
        continue;
      }
      rows += waiting.matrix.rows;
      taken.push(waiting);
    }
    queue = queue.slice(index);
    return taken;
  };

  const runBatch = async (batch: readonly Waiting[]): Promise<void> => {
    const startedAtMs = clock.monotonicMs();
    const joined = joinMatrices(batch.map((waiting) => waiting.matrix));
    try {
      const scores = await loaded.predict(joined);
      let row = 0;
      for (const { matrix, resolve } of batch) {
        resolve(batch.length === 1 ? scores : scores.slice(row * loaded.outputs, (row + matrix.rows) * loaded.outputs));
        row += matrix.rows;
      }
    } catch (thrown) {
      await failOrRetry(batch, thrown);
    }
    onBatch?.({ requests: batch.length, rows: joined.rows, runMs: clock.monotonicMs() - startedAtMs, reason: joined.rows >= maxBatchRows ? "batch was full" : "model was free" });
  };

  const failOrRetry = async (batch: readonly Waiting[], thrown: unknown): Promise<void> => {
    if (batch.length === 1) {
      batch[0]!.reject(new StrataError("INFERENCE_FAILED", { model, reason: reasonOf(thrown) }, { cause: thrown }));
      return;
    }
    for (const waiting of batch) await runBatch([waiting]);
  };

  return {
    predict,
    waitingRows: () => queuedRows,
    drain: () => {
      isDraining = true;
      return isRunning ? new Promise((resolve) => onIdle.push(resolve)) : Promise.resolve();
    },
  };
}

function joinMatrices(matrices: readonly Matrix[]): Matrix {
  if (matrices.length === 1) return matrices[0]!;
  const columns = matrices[0]!.columns;
  const rows = matrices.reduce((sum, matrix) => sum + matrix.rows, 0);
  const values = new Float64Array(rows * columns);
  let at = 0;
  for (const matrix of matrices) {
    values.set(matrix.values.subarray(0, matrix.rows * columns), at);
    at += matrix.rows * columns;
  }
  return { values, rows, columns };
}
