/**
 * A version of a model in memory: what the server hands requests to. Checks them against the signature, answers from
 * the cache, batches the rest, and counts. How it is executed is the business of its inference models.
 */
import type { Batching } from "../../define/index.ts";
import type { Clock } from "../../kernel/clock.ts";
import { StrataError } from "../../kernel/errors.ts";
import type { Tensor, TensorSpec } from "../../kernel/tensor.ts";
import type { InferenceModel, InferenceParameters } from "../../ports/inference-model.ts";
import type { Execution, ExecutionContext } from "../batching/batch-runner.ts";
import { createBatchScheduler } from "../batching/batch-scheduler.ts";
import type { BatchNote, InferenceRequest, ModelStatistics } from "../model-server.ts";
import { cacheKeyOf, createResponseCache } from "./response-cache.ts";
import { checkInputs, checkOutputs } from "./signature.ts";
import { bytesOf, hasFreeDimensions, joinTensors, rowsOf, shapeKey, splitTensors } from "./tensor-batch.ts";
import type { VersionStatistics } from "./version-statistics.ts";

export interface VersionAnswer {
  readonly outputs: readonly Tensor[];
  readonly note: BatchNote;
}

export interface RunningVersion {
  readonly model: string;
  readonly version: string;
  readonly platform: string;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly isBatchable: boolean;
  readonly memoryBytes: number;
  /** What metadata tells beside the tensors. */
  readonly properties?: Readonly<Record<string, string>>;
  answer(request: InferenceRequest): Promise<VersionAnswer>;
  statistics(): ModelStatistics;
  /** Requests that wait or run. */
  inFlight(): number;
  /** Answers what is in flight, refuses what comes, and frees what it holds. */
  close(): Promise<void>;
}

export interface RunningVersionOptions {
  readonly model: string;
  readonly version: string;
  /** Equal sessions of the same model; at least one. */
  readonly instances: readonly InferenceModel[];
  readonly batching: Batching;
  readonly cacheEntries: number;
  readonly clock: Clock;
  readonly statistics: VersionStatistics;
}

/** One request on its way through the batcher. */
interface Call {
  readonly inputs: readonly Tensor[];
  readonly rows: number;
  readonly wanted: readonly string[] | undefined;
  readonly parameters: InferenceParameters | undefined;
  readonly affinity: string | undefined;
  readonly id: string | undefined;
}

export function createRunningVersion(options: RunningVersionOptions): RunningVersion {
  const { model, version, instances, batching, cacheEntries, clock, statistics } = options;
  const [first] = instances;
  const { platform, inputs, outputs, isBatchable } = first!;
  const signature = { model, inputs, outputs, isBatchable };
  const grouped = isBatchable && (hasFreeDimensions(inputs) || passesRequestsOn(platform));
  const cache = cacheEntries > 0 ? createResponseCache(cacheEntries) : undefined;
  const scheduler = createBatchScheduler<Call, readonly Tensor[]>({
    name: `${model}/${version}`, clock, batching, isBatchable: isBatchable && batching.maxRows > 1,
    instances: instances.length * first!.concurrency,
    execute: (calls, context) => executeTogether(instances[context.instance % instances.length]!, calls, { ...context, clock }),
    observer: { batch: (report) => statistics.batch(report, clock.now()), failed: (error, ms) => statistics.failed(error, ms) },
  });
  const defaultPriority = Math.ceil(batching.priorities / 2);
  let closing: Promise<void> | undefined;

  const answer = async (request: InferenceRequest): Promise<VersionAnswer> => {
    const checked = checkInputs(signature, request.inputs);
    const wanted = checkOutputs(signature, request.outputs);
    const call: Call = { inputs: checked, rows: isBatchable ? rowsOf(checked) : 1, wanted, parameters: request.parameters, affinity: request.routingKey, id: request.id };
    const key = cache && cacheKeyOf(checked, wanted, request.parameters);
    const known = key === undefined ? undefined : fromCache(key, call);
    if (known) return known;
    const { result, note } = await scheduler.submit(call, {
      rows: call.rows, bytes: isBatchable ? bytesOf(checked) : 0, key: grouped || (isBatchable && request.parameters !== undefined) ? groupOf(call, platform) : "", priority: priorityOf(request.priority, batching.priorities, defaultPriority),
      deadlineAtMs: request.deadlineAtMs, signal: request.signal,
    });
    if (key !== undefined) cache!.put(key, result);
    return { outputs: result, note };
  };

  const fromCache = (key: string, { rows }: Call): VersionAnswer | undefined => {
    const startedAtMs = clock.monotonicMs();
    const known = cache!.get(key);
    const tookMs = clock.monotonicMs() - startedAtMs;
    if (known === undefined) {
      statistics.cacheMiss(tookMs);
      return undefined;
    }
    statistics.cacheHit(tookMs, clock.now());
    return { outputs: known, note: { batch: `${model}/${version}#cache`, reason: "answered from cache", requests: 1, rows, queuedMs: 0, runMs: tookMs, waiting: 0 } };
  };

  return {
    model, version, platform, inputs, outputs, isBatchable,
    memoryBytes: instances.reduce((sum, instance) => sum + instance.memoryBytes, 0),
    answer, statistics: () => statistics.snapshot(), inFlight: () => scheduler.inFlight(),
    close: () => (closing ??= scheduler.drain().then(async () => { await Promise.all(instances.map((instance) => instance.close())); })),
  };
}

/** Graphs and remote models see more of a request than its tensors, functions its parameters, so requests that differ in it do not run together. */
const passesRequestsOn = (platform: string): boolean => platform === "open_inference" || platform === "strata_graph";

function groupOf({ inputs, parameters, affinity }: Call, platform: string): string {
  const shapes = shapeKey(inputs);
  const seesParameters = parameters !== undefined && platform === "strata_function";
  if (!passesRequestsOn(platform) && !seesParameters) return shapes;
  return `${shapes}|${seesParameters ? "" : affinity ?? ""}|${parameters === undefined ? "" : Object.entries(parameters).map(([name, value]) => `${name}=${String(value)}`).join("&")}`;
}

function priorityOf(asked: number | undefined, levels: number, fallback: number): number {
  return asked === undefined || asked < 1 ? fallback : Math.min(Math.floor(asked), levels);
}

async function executeTogether(instance: InferenceModel, calls: readonly Call[], context: ExecutionContext & { readonly clock: Clock }): Promise<Execution<readonly Tensor[]>> {
  const { clock, deadlineAtMs, signal } = context;
  const startedAtMs = clock.monotonicMs();
  const joined = joinTensors(calls.map((call) => call.inputs));
  const wanted = wantedByAll(calls);
  const joinedAtMs = clock.monotonicMs();
  const { parameters, affinity, id } = calls[0]!;
  const outputs = await instance.infer(joined, {
    ...(wanted && { wanted }), ...(deadlineAtMs !== undefined && { deadlineAtMs }), ...(signal && { signal }), ...(parameters && { parameters }), ...(affinity !== undefined && { affinity }),
    ...(id !== undefined && calls.length === 1 && { requestId: id }),
  });
  const answeredAtMs = clock.monotonicMs();
  const parts = instance.isBatchable ? splitTensors(outputs, calls.map((call) => call.rows)) : [outputs];
  const results = parts.map((part, at) => onlyWanted(part, calls[at]!.wanted));
  return { results, inputMs: joinedAtMs - startedAtMs, inferMs: answeredAtMs - joinedAtMs, outputMs: clock.monotonicMs() - answeredAtMs };
}

/** Outputs that anybody in the batch asked for; undefined: all. */
function wantedByAll(calls: readonly Call[]): readonly string[] | undefined {
  if (calls.some((call) => call.wanted === undefined)) return undefined;
  return calls.length === 1 ? calls[0]!.wanted : [...new Set(calls.flatMap((call) => call.wanted!))];
}

/** In the order they were asked for. */
function onlyWanted(outputs: readonly Tensor[], wanted: readonly string[] | undefined): readonly Tensor[] {
  if (wanted === undefined) return outputs;
  return wanted.map((name) => {
    const output = outputs.find((one) => one.name === name);
    if (output === undefined) throw new StrataError("INFERENCE_FAILED", { model: "…", reason: `it gave no output "${name}"` });
    return output;
  });
}
