/** Counts of one model version: what the statistics extension reports and what the meter shows, in one place. */
import type { StrataError } from "../../kernel/errors.ts";
import type { Counter, Histogram, Labels, Meter } from "../../ports/telemetry.ts";
import type { BatchReport } from "../batching/batch-runner.ts";
import type { DurationStatistic, ModelStatistics } from "../model-server.ts";

/** Instruments shared by all models; labels tell them apart. */
export interface ServingInstruments {
  readonly requests: Counter;
  readonly failures: Counter;
  readonly rows: Counter;
  readonly batches: Counter;
  readonly cacheHits: Counter;
  readonly cacheMisses: Counter;
  readonly queueSeconds: Histogram;
  readonly computeSeconds: Histogram;
  readonly batchRows: Histogram;
  readonly batchSeconds: Histogram;
}

export function createServingInstruments(meter: Meter): ServingInstruments {
  return {
    requests: meter.counter("strata_inference_requests_total", "Inference requests answered"),
    failures: meter.counter("strata_inference_failures_total", "Inference requests not answered, by reason"),
    rows: meter.counter("strata_inference_rows_total", "Rows answered by models; answers from the cache not counted"),
    batches: meter.counter("strata_inference_batches_total", "Executed batches, by why they left"),
    cacheHits: meter.counter("strata_inference_cache_hits_total", "Answers from the response cache"),
    cacheMisses: meter.counter("strata_inference_cache_misses_total", "Requests that the response cache could not answer"),
    queueSeconds: meter.histogram("strata_inference_queue_seconds", "Seconds a request waited before it ran"),
    computeSeconds: meter.histogram("strata_inference_compute_seconds", "Seconds a model computed, per batch"),
    batchRows: meter.histogram("strata_model_batch_rows", "Rows per executed batch"),
    batchSeconds: meter.histogram("strata_model_batch_seconds", "Seconds per executed batch"),
  };
}

interface Duration { count: number; ms: number }
interface BatchSize { readonly computeInput: Duration; readonly computeInfer: Duration; readonly computeOutput: Duration }

const none = (): Duration => ({ count: 0, ms: 0 });
const add = (duration: Duration, count: number, ms: number): void => {
  duration.count += count;
  duration.ms += ms;
};
const NS_PER_MS = 1e6;
const told = ({ count, ms }: Duration): DurationStatistic => ({ count, ns: Math.round(ms * NS_PER_MS) });

export interface VersionStatistics {
  batch(report: BatchReport, nowMs: number): void;
  failed(error: StrataError, ms: number): void;
  cacheHit(ms: number, nowMs: number): void;
  cacheMiss(ms: number): void;
  snapshot(): ModelStatistics;
}

export function createVersionStatistics(model: string, version: string, instruments: ServingInstruments): VersionStatistics {
  const labels = { model, version };
  const reasonLabels = new Map<string, { readonly model: string; readonly version: string; readonly reason: string }>();
  const because = (reason: string): Labels => {
    let known = reasonLabels.get(reason);
    if (known === undefined) reasonLabels.set(reason, (known = { ...labels, reason }));
    return known;
  };
  const success = none(), fail = none(), queue = none(), input = none(), infer = none(), output = none(), hit = none(), miss = none();
  const sizes = new Map<number, BatchSize>();
  let rows = 0, executions = 0, lastInferenceMs = 0;

  return {
    batch: (report, nowMs) => {
      const { answered, runMs } = report;
      let queuedMs = 0;
      for (const waitedMs of report.queuedMs) {
        queuedMs += waitedMs;
        instruments.queueSeconds.record(waitedMs / 1_000, labels);
      }
      lastInferenceMs = nowMs;
      rows += report.rows;
      executions++;
      add(success, answered, queuedMs + answered * runMs);
      add(queue, answered, queuedMs);
      add(input, answered, answered * report.inputMs);
      add(infer, answered, answered * report.inferMs);
      add(output, answered, answered * report.outputMs);
      const size = sizeOf(sizes, report.rows);
      add(size.computeInput, 1, report.inputMs);
      add(size.computeInfer, 1, report.inferMs);
      add(size.computeOutput, 1, report.outputMs);
      instruments.requests.add(answered, labels);
      instruments.rows.add(report.rows, labels);
      instruments.batches.add(1, because(report.reason));
      instruments.computeSeconds.record(report.inferMs / 1_000, labels);
      instruments.batchRows.record(report.rows, labels);
      instruments.batchSeconds.record(runMs / 1_000, labels);
    },
    failed: ({ code }, ms) => {
      add(fail, 1, ms);
      instruments.failures.add(1, because(code));
    },
    cacheHit: (ms, nowMs) => {
      lastInferenceMs = nowMs;
      add(hit, 1, ms);
      add(success, 1, ms);
      instruments.requests.add(1, labels);
      instruments.cacheHits.add(1, labels);
    },
    cacheMiss: (ms) => {
      add(miss, 1, ms);
      instruments.cacheMisses.add(1, labels);
    },
    snapshot: () => ({
      name: model, version, lastInferenceMs, inferenceCount: rows, executionCount: executions,
      success: told(success), fail: told(fail), queue: told(queue), computeInput: told(input), computeInfer: told(infer), computeOutput: told(output),
      cacheHit: told(hit), cacheMiss: told(miss),
      batches: [...sizes].toSorted(([a], [b]) => a - b).map(([size, { computeInput, computeInfer, computeOutput }]) => ({
        rows: size, computeInput: told(computeInput), computeInfer: told(computeInfer), computeOutput: told(computeOutput),
      })),
    }),
  };
}

function sizeOf(sizes: Map<number, BatchSize>, rows: number): BatchSize {
  const known = sizes.get(rows);
  if (known) return known;
  const size = { computeInput: none(), computeInfer: none(), computeOutput: none() };
  sizes.set(rows, size);
  return size;
}
