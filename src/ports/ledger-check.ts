/** What a ledger's calls may say: whole numbers from 0, checked the same for every engine. LEDGER_FAILED otherwise. */
import { StrataError } from "../kernel/errors.ts";
import type { LedgerRateTake, LedgerReservation, LedgerSettlement, LedgerTake } from "./budget-ledger.ts";

/** Before it shares a transaction: what cannot be stored must not fail its neighbours. */
function requireWhole(name: string, value: number): void {
  if (!(Number.isSafeInteger(value) && value >= 0)) throw new StrataError("LEDGER_FAILED", { reason: `${name} is ${value}, not a whole number from 0.` });
}

function checkTakes(takes: readonly LedgerTake[]): void {
  for (const { amount, perMinute } of takes) {
    requireWhole("amount", Math.abs(amount));
    requireWhole("perMinute", perMinute);
  }
}

export function checkReservation({ wantedNanoUsd, leastNanoUsd, atMs, expiresAtMs, takes = [] }: LedgerReservation): void {
  requireWhole("wantedNanoUsd", wantedNanoUsd);
  requireWhole("leastNanoUsd", leastNanoUsd);
  requireWhole("atMs", atMs);
  requireWhole("expiresAtMs", expiresAtMs);
  checkTakes(takes);
}

export function checkSettlement({ costNanoUsd, atMs, usage, takes = [] }: LedgerSettlement): void {
  requireWhole("costNanoUsd", costNanoUsd);
  requireWhole("atMs", atMs);
  requireWhole("inputTokens", usage.inputTokens);
  requireWhole("cachedInputTokens", usage.cachedInputTokens);
  requireWhole("outputTokens", usage.outputTokens);
  requireWhole("reasoningTokens", usage.reasoningTokens);
  checkTakes(takes);
}

export function checkRateTakes(takes: readonly LedgerRateTake[]): void {
  checkTakes(takes);
  for (const { atMs } of takes) requireWhole("atMs", atMs);
}
