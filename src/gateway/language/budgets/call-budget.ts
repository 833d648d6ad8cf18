/**
 * What a call may cost, in whole nano-dollars: the upper bound that is reserved before it, and how many output tokens
 * a grant pays for. Everything is rounded up, so that a grant never promises more than it holds.
 */
import type { CallRequest, TokenPrice, TokenUsage } from "../call-policy.ts";
import { costOf } from "../call-policy.ts";

export interface CallBound {
  /** Input at its dearest and all output tokens. */
  readonly wantedNanoUsd: number;
  /** Input and one output token; with less there is no answer. */
  readonly leastNanoUsd: number;
}

export function boundOf({ inputTokens, maxOutputTokens, price }: Pick<CallRequest, "inputTokens" | "maxOutputTokens" | "price">): CallBound {
  const input = inputTokens * dearestInput(price);
  return {
    wantedNanoUsd: Math.ceil(input + maxOutputTokens * price.output),
    leastNanoUsd: Math.ceil(input + Math.min(1, maxOutputTokens) * price.output),
  };
}

/** Output tokens that the grant pays for beside the input. */
export function affordableOutput(grantedNanoUsd: number, { inputTokens, maxOutputTokens, price }: Pick<CallRequest, "inputTokens" | "maxOutputTokens" | "price">): number {
  if (grantedNanoUsd >= boundOf({ inputTokens, maxOutputTokens, price }).wantedNanoUsd) return maxOutputTokens;
  const left = grantedNanoUsd - inputTokens * dearestInput(price);
  return Math.max(0, Math.min(maxOutputTokens, Math.floor(left / price.output)));
}

/** What is booked: fractions of a nano-dollar count as one, but not what only floating-point sums in another order differ by. */
export function bookedCost(usage: TokenUsage, price: TokenPrice): number {
  return whole(costOf(usage, price) * (1 - SUM_ERROR));
}

/** What upstreams report, as the ledger keeps it: whole, not negative, and of a size that leaves room for sums. */
export function bookedUsage({ inputTokens, cachedInputTokens, outputTokens, reasoningTokens }: TokenUsage): TokenUsage {
  return { inputTokens: whole(inputTokens), cachedInputTokens: whole(cachedInputTokens), outputTokens: whole(outputTokens), reasoningTokens: whole(reasoningTokens) };
}

const LARGEST = 1e15;
const whole = (value: number): number => (Number.isNaN(value) ? 0 : Math.min(LARGEST, Math.max(0, Math.ceil(value))));

/** Far above the error of three terms (2^-52 each), far below a nano-dollar of any call. */
const SUM_ERROR = 1e-14;

const dearestInput = (price: TokenPrice): number => Math.max(price.input, price.cachedInput ?? 0);
