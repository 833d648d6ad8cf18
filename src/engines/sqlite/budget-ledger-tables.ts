/** The ledger's tables. Money and counters are integers; the small tables that every call writes have no hidden row ids. */

export const LEDGER_TABLES = `
CREATE TABLE IF NOT EXISTS virtual_key (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, tenant TEXT NOT NULL, secret_hash TEXT NOT NULL UNIQUE,
  budget INTEGER, period_ms INTEGER, requests_per_minute INTEGER, tokens_per_minute INTEGER,
  models TEXT NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER, is_revoked INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS balance (
  key TEXT PRIMARY KEY, spent INTEGER NOT NULL, reserved INTEGER NOT NULL, period_start INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS bucket (
  key TEXT NOT NULL, kind TEXT NOT NULL, used INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (key, kind)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reservation (
  id TEXT PRIMARY KEY, key TEXT NOT NULL, granted INTEGER NOT NULL, available INTEGER, expires_at INTEGER NOT NULL,
  model TEXT NOT NULL, operation TEXT NOT NULL, expired_at INTEGER, expired_in_period INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS usage (
  hour INTEGER NOT NULL, key TEXT NOT NULL, model TEXT NOT NULL, upstream TEXT NOT NULL, operation TEXT NOT NULL, outcome TEXT NOT NULL,
  calls INTEGER NOT NULL, estimated_calls INTEGER NOT NULL, input_tokens INTEGER NOT NULL, cached_input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL, cost INTEGER NOT NULL,
  PRIMARY KEY (hour, key, model, upstream, operation, outcome)
) STRICT, WITHOUT ROWID;
`;
