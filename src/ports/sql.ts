/**
 * Relational metadata: registry, experiments, journal, catalogue. Kysely is the dialect-neutral surface.
 *
 * Contract: a transaction is durable when it resolves (SQLite synchronous=FULL, Postgres synchronous_commit=on);
 * serialisable for single-writer use; constraint violations are SQL_CONSTRAINT (`details.constraint`: unique, foreign-key,
 * check, not-null or other) and keep the driver's error as cause; a query outside a transaction, started inside it, is
 * refused (SQL_DEADLOCK) where there is one connection.
 * With several writers a lost race is SQL_CONFLICT, a server that is away SQL_UNREACHABLE: both changed nothing, and both are tried
 * again for a while first. A commit that nobody answered for is looked up, and only then SQL_COMMIT_UNKNOWN.
 * Portable subset: text (ordered by its bytes), integer (safe range), real, JSON as text; booleans as 0/1; times as integer ms.
 */
import type { Kysely, Transaction } from "kysely";

/** Each domain declares its own tables and narrows with `database.as<Tables>()`. */
export interface SqlDatabase extends AsyncDisposable {
  /** The same connection seen with a domain's table types. */
  as<Tables>(): Kysely<Tables>;
  /** Runs `work` in one durable transaction. An engine with many writers may run it again when it lost a race: it has no effect outside. */
  transaction<Tables, T>(work: (transaction: Transaction<Tables>) => Promise<T>): Promise<T>;
  /** Applies a domain's migrations in order, each once, each in a transaction. */
  migrate(domain: string, migrations: readonly SqlMigration[]): Promise<void>;
  close(): Promise<void>;
}

export interface SqlMigration {
  readonly name: string;
  /** Statements in the portable subset. */
  readonly statements: readonly string[];
}
