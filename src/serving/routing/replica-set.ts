/**
 * Several models that answer alike, as one model: the same ONNX file in several sessions, or one model on several
 * Open Inference servers. Which of them answers is the balancer's decision; callers do not notice.
 */
import { StrataError } from "../../kernel/errors.ts";
import type { TensorSpec } from "../../kernel/tensor.ts";
import type { InferenceModel, InferenceOptions } from "../../ports/inference-model.ts";
import { createBalancer } from "./balancer.ts";
import type { BalancerOptions } from "./balancer.ts";
import type { FleetReport } from "./fleet-report.ts";

export interface ReplicaModel {
  readonly name: string;
  readonly model: InferenceModel;
  readonly weight?: number;
  readonly priority?: number;
}

export interface ReplicaSetOptions extends Omit<BalancerOptions<InferenceModel>, "replicas"> {
  /** At least one; all declare the same inputs and outputs. The set closes them. */
  readonly replicas: readonly ReplicaModel[];
}

export interface ReplicaSet extends InferenceModel {
  report(): FleetReport;
  /** New replicas start slowly; those that are left out are no longer asked, and stay the caller's to close. */
  update(replicas: readonly ReplicaModel[]): void;
}

/** MODEL_LOAD_FAILED when the replicas do not declare the same tensors. */
export function createReplicaSet(options: ReplicaSetOptions): ReplicaSet {
  const { replicas, ...rest } = options;
  checkAlike(options.name, replicas);
  let models = replicas.map(({ model }) => model);
  const first = models[0]!; // checkAlike refuses an empty list
  const balancer = createBalancer<InferenceModel>({ ...rest, replicas: replicas.map(replicaOf) });
  let isClosed = false;
  return {
    platform: first.platform, inputs: first.inputs, outputs: first.outputs, isBatchable: first.isBatchable,
    get concurrency() { return models.reduce((sum, model) => sum + model.concurrency, 0); },
    get memoryBytes() { return models.reduce((sum, model) => sum + model.memoryBytes, 0); },
    infer: (inputs, inferOptions) => {
      if (isClosed) return Promise.reject(new StrataError("CLOSED", { what: `The replica set of "${options.name}"` }));
      return balancer.call(({ target, signal }) => target.infer(inputs, withSignal(inferOptions, signal)), callOptions(inferOptions));
    },
    close: async () => {
      isClosed = true;
      const results = await Promise.allSettled(models.map((model) => model.close()));
      const failure = results.find((result) => result.status === "rejected");
      if (failure) throw failure.reason;
    },
    report: balancer.report,
    update: (next) => {
      checkAlike(options.name, [{ name: "the set", model: first }, ...next]);
      models = next.map(({ model }) => model);
      balancer.update(next.map(replicaOf));
    },
  };
}

function replicaOf({ name, model, weight = 1, priority = 0 }: ReplicaModel) {
  return { name, target: model, weight, priority };
}

/** The contract of a model is that the same inputs may be asked again; a step of a sequence may not, and stays with its replica. */
function callOptions(options: InferenceOptions | undefined) {
  const sequence = options?.parameters?.["sequence_id"];
  return {
    prefix: options?.affinity, signal: options?.signal, deadlineAtMs: options?.deadlineAtMs,
    isIdempotent: sequence === undefined, sticky: sequence === undefined ? undefined : String(sequence),
  };
}

function withSignal(options: InferenceOptions | undefined, signal: AbortSignal | undefined): InferenceOptions | undefined {
  return signal === undefined || signal === options?.signal ? options : { ...options, signal };
}

function checkAlike(name: string, replicas: readonly ReplicaModel[]): void {
  const fail = (reason: string): never => { throw new StrataError("MODEL_LOAD_FAILED", { model: name, reason }); };
  const [first, ...others] = replicas;
  if (first === undefined) return fail("a replica set needs at least one replica");
  if (new Set(replicas.map((replica) => replica.name)).size < replicas.length) fail("its replicas need different names");
  for (const other of others) {
    for (const side of ["inputs", "outputs"] as const) {
      if (signature(other.model[side]) !== signature(first.model[side])) {
        fail(`replica ${other.name} has the ${side} ${signature(other.model[side])}, replica ${first.name} has ${signature(first.model[side])}`);
      }
    }
  }
}

function signature(specs: readonly TensorSpec[]): string {
  return specs.map(({ name, datatype, shape }) => `${name} ${datatype}[${shape.join(",")}]`).toSorted().join(", ");
}

