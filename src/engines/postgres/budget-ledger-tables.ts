/** The ledger's tables. Text is ordered by its bytes, as in every engine. */

const TEXT = 'text COLLATE "C" NOT NULL';

export const LEDGER_TABLES: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS ledger_key (
    id ${TEXT} PRIMARY KEY, name ${TEXT}, tenant ${TEXT}, secret_hash ${TEXT} UNIQUE, budget bigint, period_ms bigint,
    requests_per_minute bigint, tokens_per_minute bigint, models ${TEXT}, created_at bigint NOT NULL, expires_at bigint, is_revoked bigint NOT NULL)`,
  `CREATE TABLE IF NOT EXISTS ledger_balance (key ${TEXT} PRIMARY KEY, spent bigint NOT NULL, reserved bigint NOT NULL, period_start bigint NOT NULL)`,
  `CREATE TABLE IF NOT EXISTS ledger_bucket (key ${TEXT}, kind ${TEXT}, used bigint NOT NULL, at bigint NOT NULL, PRIMARY KEY (key, kind))`,
  `CREATE TABLE IF NOT EXISTS ledger_reservation (
    id ${TEXT} PRIMARY KEY, key ${TEXT}, granted bigint NOT NULL, available bigint, expires_at bigint NOT NULL,
    model ${TEXT}, operation ${TEXT}, expired_at bigint, expired_in_period bigint)`,
  "CREATE INDEX IF NOT EXISTS ledger_reservation_due ON ledger_reservation (expires_at) WHERE expired_at IS NULL",
  `CREATE TABLE IF NOT EXISTS ledger_usage (
    hour bigint NOT NULL, key ${TEXT}, model ${TEXT}, upstream ${TEXT}, operation ${TEXT}, outcome ${TEXT},
    calls bigint NOT NULL, estimated_calls bigint NOT NULL, input_tokens bigint NOT NULL, cached_input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL, reasoning_tokens bigint NOT NULL, cost bigint NOT NULL,
    PRIMARY KEY (hour, key, model, upstream, operation, outcome))`,
];
