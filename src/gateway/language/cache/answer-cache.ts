/**
 * Caches of answers as the pipeline uses them: `lookUp` before the upstream is asked, and on a miss `store` when the
 * answer is complete and good. Exact answers by the digest of the whole request; similar ones by the embedding of
 * its last user text, everything else being equal. Tenants and models never see each other's answers.
 *
 * The caches belong inside the guardrails: look up with the request as guardrails changed it, store the answer as
 * the upstream gave it, and pass an answer from here through the answer guard like any other. Then no restored
 * personal data of one request can answer another.
 */
import type { LanguageModel } from "../../../define/language-model.ts";
import type { Operation, TokenUsage } from "../call-policy.ts";

export interface AnswerQuestion {
  readonly tenant: string;
  readonly model: LanguageModel;
  readonly operation: Operation;
  /** The request's JSON as it would go upstream; `stream` and `stream_options` do not count. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly signal?: AbortSignal;
}

export interface CachedAnswer {
  /** The JSON text of the complete answer, as it would be for a request without `stream`. */
  readonly body: string;
  readonly usage: TokenUsage;
  /** Who answered first. */
  readonly upstream: string;
}

export type CacheLookup =
  | { readonly status: "hit"; readonly answer: CachedAnswer; readonly ageMs: number }
  | { readonly status: "similar"; readonly answer: CachedAnswer; readonly ageMs: number; readonly similarity: number }
  /** `store` keeps the answer: only a complete, successful one. */
  | { readonly status: "miss"; store(answer: CachedAnswer): void }
  /** The model has no cache, or the request is none that could be cached: send no strata-cache header. */
  | { readonly status: "off" };

export interface AnswerCache {
  /** Never raises: an embedding that fails is counted and leaves the exact cache. */
  lookUp(question: AnswerQuestion): Promise<CacheLookup>;
  /** Forgets everything of a model, e.g. when its definition changed. */
  forget(model: string): void;
}

/** Turns texts into vectors; the platform hands in a call of the definition's embedding model. */
export type EmbedText = (model: LanguageModel, text: string, signal: AbortSignal | undefined) => Promise<Float32Array | readonly number[]>;
