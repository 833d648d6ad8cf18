/**
 * The ledger of virtual keys: what each may spend, what is reserved, what was spent. Several processes share one
 * ledger, so that a budget holds for all of them together.
 *
 * Contract: `reserve` is atomic over all processes: after it returns, spent + reserved of no key exceeds its budget, for every
 * entry granted. A grant may be less than asked (never less than `leastNanoUsd`), or refused. `settle` releases a
 * reservation and books what it really cost, once: settling again changes nothing. What a call resolves is durable
 * against kill -9. Reservations of a process that died are released at full cost after `expiresAtMs`, because the upstream may have billed them.
 * Money is whole nano-dollars (1e-9 USD), exact up to 9 million dollars.
 *
 * A budget's period starts anew at whole multiples of `periodMs` since 1970-01-01 UTC: a day at midnight UTC. What is still
 * reserved then goes on counting, and is booked in the period in which it is settled. A key that the ledger does not
 * know has no budget and no limit. Times are the callers'; a clock that is behind never turns a period or a bucket back.
 * What cannot be done is LEDGER_FAILED; after closing, CLOSED.
 */
export interface LedgerReservation {
  /** Unique; repeating one that is open returns the first answer. A refused one may be asked again. */
  readonly id: string;
  readonly key: string;
  /** 0 for what is free: then no budget is asked. */
  readonly wantedNanoUsd: number;
  /** Refuse rather than grant less. */
  readonly leastNanoUsd: number;
  readonly atMs: number;
  readonly expiresAtMs: number;
  /** Taken together with the money: either everything is granted, or nothing is taken. */
  readonly takes?: readonly LedgerTake[];
  /** Told by the usage when the reservation expires. */
  readonly model?: string;
  readonly operation?: string;
}

export interface LedgerGrant {
  readonly id: string;
  /** 0 when refused. */
  readonly grantedNanoUsd: number;
  /** What was left before the grant; Infinity without a budget. */
  readonly availableNanoUsd: number;
  /** Set when nothing was granted. */
  readonly refusal?: LedgerRefusal;
}

export interface LedgerRefusal {
  readonly reason: "budget" | LedgerTake["kind"];
  /** When a limit lets it through, if nobody else asks; Infinity when it never does. For a budget: when its period ends. */
  readonly retryAfterMs: number;
}

export interface LedgerUsage {
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
}

export interface LedgerSettlement {
  /** The reservation's id; unique where there was none. */
  readonly id: string;
  readonly key: string;
  /** false: nothing was reserved for it, as for keys without a budget. Default true. */
  readonly isReserved?: boolean;
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
  /** What was taken too much (negative) or too little: applied without asking, even below empty. */
  readonly takes?: readonly LedgerTake[];
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
  /** Usage is kept by the hour (UTC) in which it was settled: the hour that contains it is the first. */
  readonly fromMs?: number;
  /** Hours that begin before it. */
  readonly toMs?: number;
  /** "day" and "hour" are ISO 8601 in UTC: "2026-03-01", "2026-03-01T14". Rows come in the order of their groups. */
  readonly groupBy: readonly UsageGroup[];
}

export type UsageGroup = "key" | "model" | "upstream" | "operation" | "outcome" | "day" | "hour";

export interface UsageRow extends LedgerUsage {
  readonly group: Readonly<Record<string, string>>;
  readonly calls: number;
  /** Of these, calls whose tokens were counted here because the upstream did not say. */
  readonly estimatedCalls: number;
  readonly costNanoUsd: number;
}

/** From a token bucket that holds one minute's worth and that all processes share. */
export interface LedgerTake {
  readonly kind: "requests" | "tokens";
  readonly amount: number;
  readonly perMinute: number;
}

export interface LedgerRateTake extends LedgerTake {
  readonly key: string;
  readonly atMs: number;
}

export interface BudgetLedger extends AsyncDisposable {
  /** Adds the key or takes the place of the one with its id; what it spent stays. SQL_CONSTRAINT when another key has the secret. */
  putKey(key: VirtualKeyRecord): Promise<void>;
  keys(): Promise<readonly VirtualKeyRecord[]>;
  keyByHash(secretHash: string): Promise<VirtualKeyRecord | undefined>;
  /** Many at once, in one durable step: callers that arrive together share a commit. */
  reserve(reservations: readonly LedgerReservation[]): Promise<readonly LedgerGrant[]>;
  settle(settlements: readonly LedgerSettlement[]): Promise<void>;
  /** Takes all, or nothing and says which bucket is too empty; a negative amount gives back. */
  take(takes: readonly LedgerRateTake[]): Promise<LedgerRefusal | undefined>;
  /** Books overdue reservations at full cost and returns how many. One that is settled late after all is put right. */
  expire(nowMs: number): Promise<number>;
  balance(key: string, nowMs: number): Promise<KeyBalance>;
  usage(query: UsageQuery): Promise<readonly UsageRow[]>;
}
