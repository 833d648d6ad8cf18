/**
 * The model server's facts in the members that this protocol and Triton's extensions of it name:
 * server metadata, repository index, statistics. Durations are nanoseconds, times milliseconds since the epoch.
 */
import type { ModelServer, ModelStatistics } from "../../serving/index.ts";
import type { InferenceProtocol } from "./infer.ts";

/** Each is served over REST and gRPC, except binary_tensor_data, which REST needs and gRPC has built in. */
export const EXTENSIONS = ["binary_tensor_data", "classification", "model_repository", "model_repository(unload_dependents)", "model_configuration", "schedule_policy", "sequence", "statistics", "parameters"] as const;

export interface ServerDescription {
  readonly name: string;
  readonly version: string;
  readonly extensions: readonly string[];
}

export function describeServer({ models, name }: Pick<InferenceProtocol, "models" | "name">): ServerDescription {
  return { name: name ?? models.name, version: models.version, extensions: EXTENSIONS };
}

/** Triton's `model_stats` entries; `inference_count` counts rows, `execution_count` batches. */
export function describeStatistics(models: ModelServer, model?: string, version?: string): { readonly model_stats: readonly StatisticsDescription[] } {
  return { model_stats: models.statistics(model, version).map(statisticsOf) };
}

export type StatisticsDescription = ReturnType<typeof statisticsOf>;

function statisticsOf(statistics: ModelStatistics) {
  const { name, version, success, fail, queue, computeInput, computeInfer, computeOutput, cacheHit, cacheMiss } = statistics;
  return {
    name, version, last_inference: statistics.lastInferenceMs, inference_count: statistics.inferenceCount, execution_count: statistics.executionCount,
    inference_stats: { success, fail, queue, compute_input: computeInput, compute_infer: computeInfer, compute_output: computeOutput, cache_hit: cacheHit, cache_miss: cacheMiss },
    response_stats: {},
    batch_stats: statistics.batches.map((batch) => ({ batch_size: batch.rows, compute_input: batch.computeInput, compute_infer: batch.computeInfer, compute_output: batch.computeOutput })),
    memory_usage: [],
  };
}
