/**
 * A language model of the gateway: a name that callers use, the targets that may answer, and the policies around
 * them. An upstream is where a target runs: any OpenAI-compatible server, the Anthropic Messages API, or a local engine.
 */
import { durationMs } from "../kernel/duration.ts";
import type { Duration } from "../kernel/duration.ts";
import type { Guardrail } from "./guardrail.ts";

/** The name of an environment variable that holds a secret: the definition never has the secret itself. */
export interface Secret { readonly kind: "secret"; readonly variable: string }

export function secret(variable: string): Secret {
  return Object.freeze({ kind: "secret" as const, variable });
}

export interface UpstreamOptions {
  /** How it is spoken to. Default "openai". */
  readonly dialect?: "openai" | "anthropic" | "llama";
  /** e.g. "https://api.openai.com/v1". For "llama", the GGUF file relative to the definition. */
  readonly url: string;
  readonly apiKey?: Secret;
  /** Connections kept; a stream holds one until it ends, and what finds none free waits. Default 1,024. */
  readonly connections?: number;
}

export interface Upstream {
  readonly kind: "upstream";
  readonly name: string;
  readonly dialect: "openai" | "anthropic" | "llama";
  readonly url: string;
  readonly apiKey: Secret | undefined;
  readonly connections: number;
}

/** Declares where language models run. */
export function defineUpstream(name: string, options: UpstreamOptions): Upstream {
  return Object.freeze({ kind: "upstream" as const, name, dialect: options.dialect ?? "openai", url: options.url, apiKey: options.apiKey, connections: options.connections ?? 1_024 });
}

export interface TargetOptions {
  /** The model's name at the upstream. */
  readonly model: string;
  /** Share of calls among targets of the same priority. Default 1. */
  readonly weight?: number;
  /** Lower is asked first; the others are its fallbacks. Default: the order in the list. */
  readonly priority?: number;
  /** USD per million tokens. Default 0. */
  readonly inputUsdPerMillion?: number;
  readonly cachedInputUsdPerMillion?: number;
  readonly outputUsdPerMillion?: number;
  /** Most output tokens of a call that names no limit. Default 4,096. */
  readonly maxOutputTokens?: number;
}

export interface Target extends Required<Omit<TargetOptions, "priority" | "cachedInputUsdPerMillion">> {
  readonly upstream: Upstream;
  readonly priority: number | undefined;
  readonly cachedInputUsdPerMillion: number | undefined;
}

/** A model at an upstream. */
export function target(upstream: Upstream, options: TargetOptions): Target {
  return Object.freeze({
    upstream, model: options.model, weight: options.weight ?? 1, priority: options.priority,
    inputUsdPerMillion: options.inputUsdPerMillion ?? 0, cachedInputUsdPerMillion: options.cachedInputUsdPerMillion, outputUsdPerMillion: options.outputUsdPerMillion ?? 0,
    maxOutputTokens: options.maxOutputTokens ?? 4_096,
  });
}

export interface LanguageModelOptions {
  readonly description?: string;
  readonly targets: readonly Target[];
  /** Among targets of one priority. Default "least-in-flight". */
  readonly balance?: "weighted" | "least-in-flight" | "latency" | "prefix";
  /** Attempts beyond the first, over all targets, before the first token. Default 2. */
  readonly retries?: number;
  /** Until the whole answer, or a stream's first token. Default "60s". */
  readonly firstTokenTimeout?: Duration;
  /** Between two pieces of a stream. Default "30s". */
  readonly idleTimeout?: Duration;
  /** Until the end of everything. Default "10m". */
  readonly totalTimeout?: Duration;
  /**
   * How long a stream may go on at the upstream when its caller has gone, so that it ends and tells its exact usage; then it is stopped.
   * 0 stops it at once: cheaper, and counted instead of told. Default "2s".
   */
  readonly drain?: Duration | 0;
  /** Keep answers of identical requests this long, each tenant for itself. Default: off. */
  readonly cacheFor?: Duration;
  /** Answer from a similar request's answer when the cosine of the embeddings is at least this. Needs `embedWith`. Default: off. */
  readonly semanticCache?: { readonly minSimilarity: number; readonly embedWith: LanguageModel; readonly keepFor: Duration };
  readonly guardrails?: readonly Guardrail[];
}

export interface LanguageModel<Name extends string = string> {
  readonly kind: "language-model";
  readonly name: Name;
  readonly description: string;
  readonly targets: readonly Target[];
  readonly balance: "weighted" | "least-in-flight" | "latency" | "prefix";
  readonly retries: number;
  readonly firstTokenTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly totalTimeoutMs: number;
  readonly drainMs: number;
  readonly cacheMs: number;
  readonly semanticCache: { readonly minSimilarity: number; readonly embedWith: LanguageModel; readonly keepMs: number } | undefined;
  readonly guardrails: readonly Guardrail[];
}

/** Declares a language model of the gateway. */
export function defineLanguageModel<const Name extends string>(name: Name, options: LanguageModelOptions): LanguageModel<Name> {
  const { semanticCache } = options;
  return Object.freeze({
    kind: "language-model" as const, name, description: options.description ?? "", targets: options.targets, balance: options.balance ?? "least-in-flight",
    retries: options.retries ?? 2, firstTokenTimeoutMs: durationMs(options.firstTokenTimeout ?? "60s"), idleTimeoutMs: durationMs(options.idleTimeout ?? "30s"),
    totalTimeoutMs: durationMs(options.totalTimeout ?? "10m"), cacheMs: options.cacheFor === undefined ? 0 : durationMs(options.cacheFor),
    drainMs: options.drain === 0 ? 0 : durationMs(options.drain ?? "2s"),
    semanticCache: semanticCache && { minSimilarity: semanticCache.minSimilarity, embedWith: semanticCache.embedWith, keepMs: durationMs(semanticCache.keepFor) },
    guardrails: options.guardrails ?? [],
  });
}
