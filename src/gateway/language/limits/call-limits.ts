/**
 * A key's limits per minute as what a call takes from its buckets: one request, and the most tokens it may use. What
 * it did not use is given back when it is settled.
 */
import { StrataError } from "../../../kernel/errors.ts";
import type { LedgerTake, VirtualKeyRecord } from "../../../ports/budget-ledger.ts";
import type { TokenUsage } from "../call-policy.ts";

type Limits = Pick<VirtualKeyRecord, "name" | "requestsPerMinute" | "tokensPerMinute">;

interface CallSize {
  readonly inputTokens: number;
  readonly maxOutputTokens: number;
}

/** Output tokens that fit into a full minute beside the input; CALL_TOO_LARGE when not even one does. */
export function outputWithinLimit({ name, tokensPerMinute }: Limits, { inputTokens, maxOutputTokens }: CallSize): number {
  if (tokensPerMinute === undefined || inputTokens + maxOutputTokens <= tokensPerMinute) return maxOutputTokens;
  const least = inputTokens + Math.min(1, maxOutputTokens);
  if (least > tokensPerMinute) throw new StrataError("CALL_TOO_LARGE", { key: name, limit: tokensPerMinute, tokens: least });
  return tokensPerMinute - inputTokens;
}

export function takesOf({ requestsPerMinute, tokensPerMinute }: Limits, { inputTokens, maxOutputTokens }: CallSize): readonly LedgerTake[] {
  return [
    ...(requestsPerMinute === undefined ? [] : [{ kind: "requests" as const, amount: 1, perMinute: requestsPerMinute }]),
    ...(tokensPerMinute === undefined ? [] : [{ kind: "tokens" as const, amount: inputTokens + maxOutputTokens, perMinute: tokensPerMinute }]),
  ];
}

/** The difference between what was taken and what was used; empty when there is none. */
export function correctionOf(takes: readonly LedgerTake[], usage: TokenUsage): readonly LedgerTake[] {
  return takes.filter(({ kind }) => kind === "tokens")
    .map((take) => ({ ...take, amount: usage.inputTokens + usage.outputTokens - take.amount })).filter(({ amount }) => amount !== 0);
}
