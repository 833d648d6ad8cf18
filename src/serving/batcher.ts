/**
 * Dynamic batching of feature matrices: the trained models' side of the batching core. Rows of requests that leave
 * together are scored as one matrix, and each request gets its own scores back.
 */
import type { Clock } from "../kernel/clock.ts";
import type { LoadedModel, Matrix } from "../ports/model-runtime.ts";
import type { Answered, BatchReport, Execution, SchedulerObserver } from "./batching/batch-runner.ts";
import { createBatchScheduler } from "./batching/batch-scheduler.ts";
import type { Submission } from "./batching/batch-scheduler.ts";

export interface BatcherOptions {
  readonly model: string;
  readonly loaded: LoadedModel;
  readonly clock: Clock;
  /** Rows that may run together. Default 4,096. */
  readonly maxBatchRows?: number;
  /** Rows that may wait; more are refused with QUEUE_FULL. Default 65,536. */
  readonly maxQueueRows?: number;
  readonly onBatch?: (batch: BatchReport) => void;
  readonly onFailed?: SchedulerObserver["failed"];
}

export interface Batcher {
  /** Scores a matrix, possibly together with others; `rows × outputs` numbers. The deadline is on the clock's monotonic time. */
  predict(matrix: Matrix, deadlineAtMs?: number): Promise<Float64Array>;
  /** The same, with the note of how it was run. */
  score(matrix: Matrix, submission?: Omit<Submission, "rows" | "key">): Promise<Answered<Float64Array>>;
  waitingRows(): number;
  /** Requests that wait or run. */
  inFlight(): number;
  /** Refuses new requests and resolves when those in flight are answered. */
  drain(): Promise<void>;
}

export function createBatcher(options: BatcherOptions): Batcher {
  const { model, loaded, clock, maxBatchRows = 4_096, maxQueueRows = 65_536, onBatch, onFailed } = options;
  const scheduler = createBatchScheduler<Matrix, Float64Array>({
    name: model, clock, isBatchable: true, instances: 1,
    batching: { maxRows: maxBatchRows, maxBytes: Number.POSITIVE_INFINITY, maxDelayMs: 0, preferredRows: [], maxQueueRows, priorities: 1, queueTimeoutMs: undefined },
    execute: (matrices) => scoreTogether(loaded, matrices, clock),
    observer: { batch: (report) => onBatch?.(report), failed: (error, ms) => onFailed?.(error, ms) },
  });
  const score: Batcher["score"] = (matrix, submission) => scheduler.submit(matrix, { ...submission, rows: matrix.rows });
  return {
    score,
    predict: async (matrix, deadlineAtMs) => (await score(matrix, { deadlineAtMs })).result,
    waitingRows: () => scheduler.waitingRows(),
    inFlight: () => scheduler.inFlight(),
    drain: () => scheduler.drain(),
  };
}

async function scoreTogether(loaded: LoadedModel, matrices: readonly Matrix[], clock: Clock): Promise<Execution<Float64Array>> {
  const startedAtMs = clock.monotonicMs();
  const joined = joinMatrices(matrices);
  const joinedAtMs = clock.monotonicMs();
  const scores = await loaded.predict(joined);
  const scoredAtMs = clock.monotonicMs();
  const results = matrices.length === 1 ? [scores] : splitScores(scores, matrices, loaded.outputs);
  return { results, inputMs: joinedAtMs - startedAtMs, inferMs: scoredAtMs - joinedAtMs, outputMs: clock.monotonicMs() - scoredAtMs };
}

function splitScores(scores: Float64Array, matrices: readonly Matrix[], outputs: number): readonly Float64Array[] {
  let row = 0;
  return matrices.map(({ rows }) => scores.slice(row * outputs, (row += rows) * outputs));
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
