/**
 * Settings of a model that comes as files, or with a load request: in our words, or in those of Triton's ModelConfig,
 * which clients of the repository protocol send. What is not set stays as it was.
 */
import { z } from "zod";
import { batchingOf } from "../../define/index.ts";
import type { Batching, BatchingOptions, VersionPolicy } from "../../define/index.ts";
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import type { ModelPlan } from "./model-plan.ts";

export type ModelSettings = Partial<Pick<ModelPlan, "description" | "policy" | "aliases" | "batching" | "instances" | "cacheEntries" | "load">>;

const count = (least: number): z.ZodNumber => z.number().int().min(least).max(1_000_000);
const duration = z.templateLiteral([z.number().min(0), z.enum(["ms", "s", "m", "h", "d"])]);
const version = z.string().regex(/^[1-9]\d{0,14}$/, "expected a positive whole number as text");
/** More sessions than this on one machine only take memory from each other. */
const MAX_INSTANCES = 64;
/** Entries of Triton's "response_cache": it has no number of its own. */
const CACHE_ENTRIES = 1_024;

const ours = z.strictObject({
  description: z.string(),
  policy: z.union([z.literal("all"), z.strictObject({ latest: count(1) }), z.strictObject({ specific: z.array(version).min(1) })]),
  aliases: z.record(z.string().min(1), version),
  batching: z.strictObject({
    maxRows: count(1), maxBytes: count(1), maxDelay: duration, preferredRows: z.array(count(1)), maxQueueRows: count(1), priorities: count(1).max(100), queueTimeout: duration,
  }).partial(),
  instances: count(1).max(MAX_INSTANCES), cacheEntries: count(0), load: z.enum(["start", "demand"]),
}).partial();

const whole = z.coerce.number().int().min(0);
const triton = z.object({
  max_batch_size: whole,
  version_policy: z.object({ latest: z.object({ num_versions: whole.min(1) }), all: z.object({}), specific: z.object({ versions: z.array(z.coerce.string()).min(1) }) }).partial(),
  dynamic_batching: z.object({
    preferred_batch_size: z.array(whole), max_queue_delay_microseconds: whole, priority_levels: whole.max(100),
    default_queue_policy: z.object({ default_timeout_microseconds: whole, max_queue_size: whole }).partial(),
  }).partial(),
  instance_group: z.array(z.object({ count: whole.max(MAX_INSTANCES) }).partial()),
  response_cache: z.object({ enable: z.boolean() }).partial(),
}).partial();

/** What only Triton's configuration has. */
const TRITON_KEYS = ["max_batch_size", "version_policy", "dynamic_batching", "instance_group", "response_cache", "backend", "platform", "input", "output", "parameters", "default_model_filename", "name"];

/** Reads settings, given as JSON text or as what it says. MODEL_LOAD_FAILED tells every place that does not fit. */
export function readSettings(model: string, given: unknown, base: Batching): ModelSettings {
  const value = typeof given === "string" ? parsed(model, given) : given;
  if (value === undefined) return {};
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw refusal(model, "its configuration is no object");
  return TRITON_KEYS.some((key) => Object.hasOwn(value, key)) ? fromTriton(check(model, triton, value), base) : fromOurs(check(model, ours, value), base);
}

function parsed(model: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw refusal(model, `its configuration is no JSON: ${reasonOf(thrown)}`, thrown);
  }
}

function check<Schema extends z.ZodType>(model: string, schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw refusal(model, `its configuration: ${result.error.issues.map((issue) => `${issue.path.join(".") || "it"}: ${issue.message}`).join("; ")}`);
}

const refusal = (model: string, reason: string, cause?: unknown): StrataError => new StrataError("MODEL_LOAD_FAILED", { model, reason }, { cause });

function fromOurs({ policy, batching, ...settings }: z.output<typeof ours>, base: Batching): ModelSettings {
  return {
    ...settings as ModelSettings, // JSON has no undefined: what is not there is not set
    ...(policy !== undefined && { policy: policyOf(policy) }), ...(batching !== undefined && { batching: { ...base, ...given(batchingOf(batching as BatchingOptions), batching) } }),
  };
}

/** Only what was set, with its default spelling resolved. */
function given(resolved: Batching, set: Readonly<Record<string, unknown>>): Partial<Batching> {
  const { maxRows, maxBytes, maxDelayMs, preferredRows, maxQueueRows, priorities, queueTimeoutMs } = resolved;
  return {
    ...("maxRows" in set && { maxRows }), ...("maxBytes" in set && { maxBytes }), ...("maxDelay" in set && { maxDelayMs }), ...("preferredRows" in set && { preferredRows }),
    ...("maxQueueRows" in set && { maxQueueRows }), ...("priorities" in set && { priorities }), ...("queueTimeout" in set && { queueTimeoutMs }),
  };
}

function policyOf(policy: NonNullable<z.output<typeof ours>["policy"]>): VersionPolicy {
  if (policy === "all") return { kind: "all" };
  return "latest" in policy ? { kind: "latest", count: policy.latest } : { kind: "specific", versions: policy.specific };
}

const MS_PER_US = 1e-3;

function fromTriton({ max_batch_size: maxBatch, version_policy: policy, dynamic_batching: dynamic, instance_group: groups, response_cache: cache }: z.output<typeof triton>, base: Batching): ModelSettings {
  const queue = dynamic?.default_queue_policy;
  const batching: Batching = {
    ...base, ...(maxBatch !== undefined && { maxRows: Math.max(1, maxBatch) }),
    ...(dynamic?.preferred_batch_size && { preferredRows: dynamic.preferred_batch_size }),
    ...(dynamic?.max_queue_delay_microseconds !== undefined && { maxDelayMs: dynamic.max_queue_delay_microseconds * MS_PER_US }),
    ...(dynamic?.priority_levels && { priorities: dynamic.priority_levels }),
    ...(queue?.max_queue_size && { maxQueueRows: queue.max_queue_size }), // 0 is "no bound" there; ours always has one
    ...(queue?.default_timeout_microseconds !== undefined && { queueTimeoutMs: queue.default_timeout_microseconds === 0 ? undefined : queue.default_timeout_microseconds * MS_PER_US }),
  };
  const instances = groups?.reduce((sum, group) => sum + (group.count ?? 1), 0);
  return {
    batching, ...(policy !== undefined && { policy: tritonPolicy(policy) }),
    ...(instances !== undefined && instances > 0 && { instances }), ...(cache?.enable !== undefined && { cacheEntries: cache.enable ? CACHE_ENTRIES : 0 }),
  };
}

function tritonPolicy({ latest, all, specific }: NonNullable<z.output<typeof triton>["version_policy"]>): VersionPolicy {
  if (specific) return { kind: "specific", versions: specific.versions };
  return all && !latest ? { kind: "all" } : { kind: "latest", count: latest?.num_versions ?? 1 };
}
