/**
 * Everything a budget ledger holds, as rows, so that it can be copied into another engine and compared. For a ledger that
 * nobody uses meanwhile.
 */

/** Each table's columns in the order of its rows; the first ones are its key. */
export const LEDGER_COLUMNS = {
  key: ["id", "name", "tenant", "secret_hash", "budget", "period_ms", "requests_per_minute", "tokens_per_minute", "models", "created_at", "expires_at", "is_revoked"],
  balance: ["key", "spent", "reserved", "period_start"],
  bucket: ["key", "kind", "used", "at"],
  reservation: ["id", "key", "granted", "available", "expires_at", "model", "operation", "expired_at", "expired_in_period"],
  usage: ["hour", "key", "model", "upstream", "operation", "outcome", "calls", "estimated_calls", "input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens", "cost"],
} as const;

export type LedgerTable = keyof typeof LEDGER_COLUMNS;
export const LEDGER_TABLE_NAMES = Object.keys(LEDGER_COLUMNS) as readonly LedgerTable[]; // the table's own keys

export type LedgerRow = readonly (string | number | null)[];

export interface LedgerArchive extends AsyncDisposable {
  read(table: LedgerTable): Promise<readonly LedgerRow[]>;
  /** All rows of the table in one durable step. */
  replace(table: LedgerTable, rows: readonly LedgerRow[]): Promise<void>;
}
