/** Keys, reservations and settlements as the ledger's tests need them: everything that does not matter has a default. */
import type { BudgetLedger, LedgerReservation, LedgerSettlement, VirtualKeyRecord } from "../../src/ports/budget-ledger.ts";

export interface LedgerPlace extends AsyncDisposable {
  /** One more handle on this place's ledger. */
  open(): Promise<BudgetLedger>;
}

const NO_USAGE = { inputTokens: 0, cachedInputTokens: 0, outputTokens: 0, reasoningTokens: 0 };

export function keyRecord(id: string, terms: Partial<VirtualKeyRecord> = {}): VirtualKeyRecord {
  return {
    id, name: id, tenant: "acme", secretHash: `hash of ${id}`, budgetNanoUsd: undefined, periodMs: undefined, requestsPerMinute: undefined, tokensPerMinute: undefined,
    models: [], createdAtMs: 1, expiresAtMs: undefined, isRevoked: false, ...terms,
  };
}

export function reservation(id: string, wantedNanoUsd: number, more: Partial<LedgerReservation> = {}): LedgerReservation {
  return { id, key: "a", wantedNanoUsd, leastNanoUsd: wantedNanoUsd, atMs: 1_000, expiresAtMs: 61_000, ...more };
}

export function settlement(id: string, costNanoUsd: number, more: Partial<LedgerSettlement> = {}): LedgerSettlement {
  return { id, key: "a", costNanoUsd, usage: NO_USAGE, atMs: 2_000, model: "m", upstream: "u", operation: "chat", outcome: "ok", isEstimated: false, ...more };
}
