/** A model's effective configuration in the words of Triton's ModelConfig, which clients of the configuration extension read. */
import type { Datatype, TensorSpec } from "../../kernel/tensor.ts";
import type { RunningVersion } from "../models/running-version.ts";
import type { ModelPlan } from "./model-plan.ts";

const TYPE_NAMES: Readonly<Partial<Record<Datatype, string>>> = { BYTES: "TYPE_STRING" };
const typeName = (datatype: Datatype): string => TYPE_NAMES[datatype] ?? `TYPE_${datatype}`;
const US_PER_MS = 1_000;

export function describeConfig(running: RunningVersion, plan: ModelPlan | undefined): Readonly<Record<string, unknown>> {
  const { model, platform, isBatchable } = running;
  const maxRows = plan === undefined ? 4_096 : plan.batching.maxRows;
  const maxBatch = isBatchable && maxRows > 1 ? maxRows : 0;
  const io = ({ name, datatype, shape }: TensorSpec): object => ({ name, data_type: typeName(datatype), dims: maxBatch > 0 ? shape.slice(1) : shape }); // with a batch size, Triton leaves the batch dimension out
  return {
    name: model, platform, backend: platform, runtime: "", version_policy: policyOf(plan), max_batch_size: maxBatch,
    input: running.inputs.map(io), output: running.outputs.map(io), batch_input: [], batch_output: [],
    ...(maxBatch > 0 ? { dynamic_batching: batchingOf(plan) } : {}),
    instance_group: [{ name: `${model}_0`, kind: "KIND_CPU", count: plan?.instances ?? 1, gpus: [], secondary_devices: [], profile: [], passive: false, host_policy: "" }],
    default_model_filename: "model.onnx", cc_model_filenames: {}, metric_tags: {}, parameters: {}, model_warmup: [],
    model_transaction_policy: { decoupled: false },
    ...(plan !== undefined && plan.cacheEntries > 0 ? { response_cache: { enable: true } } : {}),
  };
}

function policyOf(plan: ModelPlan | undefined): object {
  if (plan === undefined) return { latest: { num_versions: 1 } };
  const { policy } = plan;
  if (policy.kind === "latest") return { latest: { num_versions: policy.count } };
  return policy.kind === "all" ? { all: {} } : { specific: { versions: policy.versions.map(Number) } };
}

function batchingOf(plan: ModelPlan | undefined): object {
  if (plan === undefined) return { preferred_batch_size: [], max_queue_delay_microseconds: 0 };
  const { maxDelayMs, preferredRows, priorities, maxQueueRows, queueTimeoutMs } = plan.batching;
  return {
    preferred_batch_size: preferredRows, max_queue_delay_microseconds: Math.round(maxDelayMs * US_PER_MS), preserve_ordering: false,
    priority_levels: priorities, default_priority_level: Math.ceil(priorities / 2),
    default_queue_policy: { timeout_action: "REJECT", default_timeout_microseconds: Math.round((queueTimeoutMs ?? 0) * US_PER_MS), allow_timeout_override: true, max_queue_size: maxQueueRows },
  };
}
