/**
 * What stands between a caller and a language model, besides the upstream itself: who it is, what it may ask, how
 * often, and for how much. The pipeline of a call asks this interface and knows neither keys nor money.
 */
import type { LedgerUsage } from "../../ports/budget-ledger.ts";

export type Operation = "chat" | "text_completion" | "responses" | "embeddings" | "messages";

/** Nano-dollars per token: 0.15 USD per million tokens is 150. */
export interface TokenPrice {
  readonly input: number;
  /** Input tokens that the upstream had cached; the input price when absent. */
  readonly cachedInput?: number;
  readonly output: number;
}

export type TokenUsage = LedgerUsage;

export interface CallRequest {
  /** The bearer secret; undefined when the caller sent none. */
  readonly secret: string | undefined;
  readonly operation: Operation;
  /** The language model's name in the definition. */
  readonly model: string;
  /** An upper bound, counted before the call. */
  readonly inputTokens: number;
  /** Most output tokens the caller asked for, or the model's limit; 0 for embeddings. */
  readonly maxOutputTokens: number;
  /** The dearest of the targets that may answer. */
  readonly price: TokenPrice;
  /** Counts the input exactly, where the bound is all that makes the call too dear; costs a millisecond or so. */
  readonly countInputTokens?: () => Promise<number>;
  /** When the call ends at the latest; default 10 minutes. A reservation outlives it by a minute, then a dead process is assumed. */
  readonly timeoutMs?: number;
}

/** Whom a secret belongs to. */
export interface Caller {
  readonly keyId: string;
  readonly tenant: string;
}

/** A call that a cache answered. */
export interface CachedCall {
  readonly secret: string | undefined;
  readonly operation: Operation;
  readonly model: string;
  /** Of the answer when it was made. */
  readonly usage: TokenUsage;
  /** Who made it. */
  readonly upstream: string;
}

export interface AdmittedCall {
  readonly id: string;
  readonly keyId: string;
  readonly tenant: string;
  /** What is granted pays for this many output tokens: send it upstream as the limit. */
  readonly maxOutputTokens: number;
  /** Synchronous, for every piece of a stream: "cut" when what was used so far reaches the grant. Only a question: asked with a bound first, then with the count. */
  meter(usage: TokenUsage): "continue" | "cut";
  /** Exactly one settlement is booked, whoever calls first; resolves when it is durable. */
  settle(outcome: CallOutcome): Promise<void>;
}

export interface CallOutcome {
  readonly usage: TokenUsage;
  /** What the answering target charges. */
  readonly price: TokenPrice;
  readonly upstream: string;
  readonly outcome: "ok" | "cut" | "client-gone" | "upstream-failed" | "refused" | "cached";
  readonly isEstimated: boolean;
}

export interface CallPolicy {
  /** Who calls, before anything is looked up for them: KEY_MISSING / KEY_INVALID (401), KEY_FORBIDDEN (403). Takes nothing. */
  identify(secret: string | undefined, model: string): Promise<Caller>;
  /** Instead of `admit` for an answer from a cache: costs 0, counts as a request, is booked as "cached". RATE_LIMITED. */
  admitCached(call: CachedCall): Promise<void>;
  /** KEY_MISSING / KEY_INVALID (401), KEY_FORBIDDEN (403), RATE_LIMITED (429 with Retry-After), BUDGET_EXHAUSTED (402 in Strata's words, 429 insufficient_quota in OpenAI's). */
  admit(call: CallRequest): Promise<AdmittedCall>;
}

/** The cost of a usage in nano-dollars. Cached input tokens are part of the input tokens. */
export function costOf(usage: TokenUsage, price: TokenPrice): number {
  const cached = Math.min(usage.cachedInputTokens, usage.inputTokens);
  return (usage.inputTokens - cached) * price.input + cached * (price.cachedInput ?? price.input) + usage.outputTokens * price.output;
}
