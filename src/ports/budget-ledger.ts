/**
 * The ledger of virtual keys: what each may spend, what is reserved, what was spent. Several processes share one
 * ledger, so that a budget holds for all of them together.
 *
 * Contract: `reserve` is atomic over all processes: after it returns, spent + reserved of no key exceeds its budget, for every
 * entry granted. A grant may be less than asked (never less than `leastNanoUsd`), or refused. `settle` releases a
 * reservation and books what it really cost, once: settling again changes nothing. What a call resolves is durable
 * against kill -9. Reservations of a process that died are released at full cost after `expiresAtMs`, because the upstream may have billed them.
 * Money is whole nano-dollars (1e-9 USD), exact up to 9 million dollars.
 */
export interface LedgerReservation {
  /** Unique; repeating one returns the first answer. */
  readonly id: string;
  readonly key: string;
  readonly wantedNanoUsd: number;
  /** Refuse rather than grant less. */
  readonly leastNanoUsd: number;
  readonly atMs: number;
  readonly expiresAtMs: number;
}

export interface LedgerGrant {
  readonly id: string;
  /** 0: refused. */
  readonly grantedNanoUsd: number;
  /** What was left before the grant. */
  readonly availableNanoUsd: number;
}

export interface LedgerUsage {
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
}

export interface LedgerSettlement {
  /** The reservation's id. */
  readonly id: string;
  readonly key: string;
  readonly costNanoUsd: number;
  readonly usage: LedgerUsage;
  readonly atMs: number;
  readonly model: string;
  readonly upstream: string;
  readonly operation: string;
  /** "ok", "cut", "client-gone", "upstream-failed", "refused", "cached", "expired". */
  readonly outcome: string;
  /** Whether the tokens were counted here because the upstream did not say. */
  readonly isEstimated: boolean;
}

export interface VirtualKeyRecord {
  /** Public id, e.g. "key_01J…"; never the secret. */
  readonly id: string;
  readonly name: string;
  readonly tenant: string;
  /** SHA-256 of the secret, hex. */
  readonly secretHash: string;
  /** Budget of a period; undefined: unlimited. */
  readonly budgetNanoUsd: number | undefined;
  /** The budget starts anew each period; undefined: never. */
  readonly periodMs: number | undefined;
  readonly requestsPerMinute: number | undefined;
  readonly tokensPerMinute: number | undefined;
  /** Names of language models it may call; empty: all. */
  readonly models: readonly string[];
  readonly createdAtMs: number;
  readonly expiresAtMs: number | undefined;
  readonly isRevoked: boolean;
}

export interface KeyBalance {
  readonly key: string;
  readonly spentNanoUsd: number;
  readonly reservedNanoUsd: number;
  readonly periodStartMs: number;
}

export interface UsageQuery {
  readonly key?: string;
  readonly model?: string;
  readonly fromMs?: number;
  readonly toMs?: number;
  readonly groupBy: readonly ("key" | "model" | "upstream" | "outcome" | "day" | "hour")[];
}

export interface UsageRow extends LedgerUsage {
  readonly group: Readonly<Record<string, string>>;
  readonly calls: number;
  readonly costNanoUsd: number;
}

/** Token bucket counters that all processes share. */
export interface LedgerRateTake {
  readonly key: string;
  readonly kind: "requests" | "tokens";
  readonly amount: number;
  readonly perMinute: number;
  readonly atMs: number;
}

export interface BudgetLedger extends AsyncDisposable {
  putKey(key: VirtualKeyRecord): Promise<void>;
  keys(): Promise<readonly VirtualKeyRecord[]>;
  keyByHash(secretHash: string): Promise<VirtualKeyRecord | undefined>;
  /** Many at once, in one durable step: callers that arrive together share a commit. */
  reserve(reservations: readonly LedgerReservation[]): Promise<readonly LedgerGrant[]>;
  settle(settlements: readonly LedgerSettlement[]): Promise<void>;
  /** Takes from the bucket, or answers how long to wait; a negative amount gives back. */
  take(takes: readonly LedgerRateTake[]): Promise<readonly { readonly taken: boolean; readonly retryAfterMs: number }[]>;
  /** Books overdue reservations at full cost and returns how many. */
  expire(nowMs: number): Promise<number>;
  balance(key: string): Promise<KeyBalance>;
  usage(query: UsageQuery): Promise<readonly UsageRow[]>;
}
