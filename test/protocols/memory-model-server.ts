/**
 * A model server of function models in memory, without queues or batches: what the protocols are tested on alone.
 * It keeps the contract of ModelServer, names, shapes and error codes included.
 */
import type { FunctionSource, ServedModel } from "../../src/define/index.ts";
import { StrataError, isStrataError, reasonOf } from "../../src/kernel/errors.ts";
import { elementCount } from "../../src/kernel/tensor.ts";
import type { Tensor, TensorSpec } from "../../src/kernel/tensor.ts";
import type { BatchNote, InferenceAnswer, InferenceRequest, ModelServer, ModelStatistics, RepositoryEntry } from "../../src/serving/index.ts";

export interface MemoryModelServer extends ModelServer {
  /** Every request that came, as the protocol handed it over. */
  readonly requests: readonly InferenceRequest[];
  ready: boolean;
}

interface Slot {
  readonly definition: ServedModel;
  isLoaded: boolean;
  maxRows: number;
  counts: Map<string, { success: number; fail: number; rows: number }>;
  running: number;
}

export function createMemoryModelServer(definitions: readonly ServedModel[], { now = () => 0, name = "strata" }: { readonly now?: () => number; readonly name?: string } = {}): MemoryModelServer {
  const slots = new Map<string, Slot>(definitions.map((definition) => [definition.name, { definition, isLoaded: true, maxRows: definition.batching.maxRows, counts: new Map(), running: 0 }]));
  const requests: InferenceRequest[] = [];

  const slotOf = (model: string): Slot => slots.get(model) ?? fail("MODEL_NOT_FOUND", { model, known: [...slots.keys()].join(", ") });
  const versionsOf = ({ definition }: Slot): readonly string[] => Object.keys(definition.versions);
  const versionOf = (slot: Slot, version?: string): string => {
    const named = version === undefined ? versionsOf(slot).at(-1)! : slot.definition.aliases[version] ?? version;
    if (!versionsOf(slot).includes(named)) fail("MODEL_VERSION_NOT_FOUND", { model: slot.definition.name, version });
    return named;
  };
  const resolve = (model: string, version?: string): { readonly slot: Slot; readonly version: string; readonly source: FunctionSource } => {
    const slot = slotOf(model);
    const named = versionOf(slot, version);
    if (!slot.isLoaded) throw new StrataError("MODEL_NOT_READY", { model }, { retryAfterSeconds: 5 });
    return { slot, version: named, source: slot.definition.versions[named] as FunctionSource };
  };

  const server: MemoryModelServer = {
    name, version: "1.2.3", requests, ready: true,
    isLive: () => true,
    isReady: () => server.ready,
    models: () => [...slots.keys()].toSorted(),
    isModelReady: async (model, version) => {
      const slot = slotOf(model);
      versionOf(slot, version);
      return slot.isLoaded;
    },
    metadata: async (model, version) => {
      const { slot, source } = resolve(model, version);
      return { name: model, versions: versionsOf(slot), platform: "strata_function", inputs: source.inputs, outputs: source.outputs };
    },
    config: async (model, version) => {
      const { slot, source } = resolve(model, version);
      return configOf(slot, source);
    },
    infer: async (request) => {
      requests.push(request);
      const { slot, version, source } = resolve(request.model, request.version);
      const counts = slot.counts.get(version) ?? { success: 0, fail: 0, rows: 0 };
      slot.counts.set(version, counts);
      try {
        const answer = await run({ request, slot, source, version, now });
        counts.success++;
        counts.rows += request.inputs[0]?.shape[0] ?? 1;
        return answer;
      } catch (thrown) {
        counts.fail++;
        throw isStrataError(thrown) ? thrown : new StrataError("INFERENCE_FAILED", { model: request.model, reason: reasonOf(thrown) }, { cause: thrown });
      }
    },
    index: (filter) => [...slots.values()].filter(({ isLoaded }) => filter?.isReady !== true || isLoaded).flatMap((slot) => versionsOf(slot).map((version): RepositoryEntry => (
      { name: slot.definition.name, version, state: slot.isLoaded ? "READY" : "UNAVAILABLE", reason: slot.isLoaded ? "" : "unloaded" }))),
    load: async (model, options) => {
      const slot = slotOf(model);
      const config = options?.config as { readonly max_batch_size?: unknown } | undefined;
      if (config !== undefined && (typeof config !== "object" || config === null)) fail("MODEL_LOAD_FAILED", { model, reason: "the config is no object" });
      slot.maxRows = Number(config?.max_batch_size ?? slot.definition.batching.maxRows);
      slot.isLoaded = true;
    },
    unload: async (model) => { slotOf(model).isLoaded = false; },
    statistics: (model, version) => {
      const chosen = model === undefined ? [...slots.values()] : [slotOf(model)];
      return chosen.flatMap((slot) => (version === undefined ? versionsOf(slot) : [versionOf(slot, version)]).map((one) => statisticsOf(slot, one)));
    },
    explain: () => [],
  };
  return server;
}

function fail(code: ConstructorParameters<typeof StrataError>[0], details: Readonly<Record<string, unknown>>): never {
  throw new StrataError(code, details);
}

interface Run {
  readonly request: InferenceRequest;
  readonly slot: Slot;
  readonly source: FunctionSource;
  readonly version: string;
  readonly now: () => number;
}

async function run({ request, slot, source, version, now }: Run): Promise<InferenceAnswer> {
  check(request, source);
  const { model, deadlineAtMs } = request;
  if (deadlineAtMs !== undefined && deadlineAtMs <= now()) fail("DEADLINE_EXCEEDED", { what: `The request to "${model}"`, timeoutMs: 0 });
  if (slot.running > slot.definition.batching.maxQueueRows) throw new StrataError("QUEUE_FULL", { model, waiting: slot.running }, { retryAfterSeconds: 1 });
  slot.running++;
  try {
    const work = Promise.resolve(source.infer(Object.fromEntries(request.inputs.map((input) => [input.name, input])), { parameters: request.parameters ?? {} }));
    const answered = await (deadlineAtMs === undefined ? work : Promise.race([work, late(model, deadlineAtMs - now())]));
    const outputs = source.outputs.filter(({ name }) => request.outputs?.includes(name) ?? true)
      .map(({ name, datatype }): Tensor => ({ name, datatype, shape: answered[name]!.shape, data: answered[name]!.data }));
    return { model, version, outputs, note: NOTE, ...(request.variant === undefined ? {} : { variant: request.variant }) };
  } finally {
    slot.running--;
  }
}

async function late(model: string, timeoutMs: number): Promise<never> {
  await new Promise((resolve) => setTimeout(resolve, timeoutMs).unref()); // the answer usually comes first
  return fail("DEADLINE_EXCEEDED", { what: `The request to "${model}"`, timeoutMs });
}

const NOTE: BatchNote = { batch: "b1", reason: "not batchable", requests: 1, rows: 1, queuedMs: 0, runMs: 0, waiting: 0 };

function check({ model, inputs, outputs }: InferenceRequest, source: FunctionSource): void {
  const refuse = (reason: string): never => fail("INFERENCE_INVALID", { model, reason });
  for (const { name } of source.inputs) if (!inputs.some((input) => input.name === name)) refuse(`missing input "${name}"`);
  for (const input of inputs) {
    const spec = source.inputs.find(({ name }) => name === input.name) ?? refuse(`unknown input "${input.name}"`);
    if (spec.datatype !== input.datatype) refuse(`input "${input.name}" is ${input.datatype}; expected ${spec.datatype}`);
    if (!fits(spec, input.shape)) refuse(`input "${input.name}" has shape [${input.shape.join(",")}]; expected [${spec.shape.join(",")}]`);
    if (input.data.length !== elementCount(input.shape)) throw new Error("the protocol handed over a tensor that is none");
  }
  for (const name of outputs ?? []) if (!source.outputs.some((output) => output.name === name)) refuse(`unknown output "${name}"`);
}

function fits(spec: TensorSpec, shape: readonly number[]): boolean {
  return spec.shape.length === shape.length && spec.shape.every((size, at) => size === -1 || size === shape[at]);
}

function configOf({ definition, maxRows }: Slot, source: FunctionSource): Readonly<Record<string, unknown>> {
  const tensorOf = ({ name, datatype, shape }: TensorSpec) => ({ name, data_type: datatype === "BYTES" ? "TYPE_STRING" : `TYPE_${datatype}`, dims: shape.slice(1) });
  return {
    name: definition.name, platform: "strata_function", backend: "strata", max_batch_size: maxRows, input: source.inputs.map(tensorOf), output: source.outputs.map(tensorOf),
    version_policy: { all: {} }, instance_group: [{ name: definition.name, kind: "KIND_CPU", count: 1 }], dynamic_batching: { preferred_batch_size: [], max_queue_delay_microseconds: 0 },
  };
}

function statisticsOf({ definition, counts }: Slot, version: string): ModelStatistics {
  const { success, fail: failed, rows } = counts.get(version) ?? { success: 0, fail: 0, rows: 0 };
  const some = { count: success, ns: success * 1_000 };
  return {
    name: definition.name, version, lastInferenceMs: success === 0 ? 0 : 1_700_000_000_000, inferenceCount: rows, executionCount: success, success: some, fail: { count: failed, ns: failed * 1_000 },
    queue: some, computeInput: some, computeInfer: some, computeOutput: some, cacheHit: { count: 0, ns: 0 }, cacheMiss: { count: 0, ns: 0 },
    batches: success === 0 ? [] : [{ rows: 1, computeInput: some, computeInfer: some, computeOutput: some }],
  };
}
