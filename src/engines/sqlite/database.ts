/**
 * The embedded relational store: SQLite through node:sqlite with write-ahead log and synchronous=FULL, so that a
 * committed transaction survives power loss. One connection, one writer process.
 */
import { open, mkdir } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Kysely, type Transaction } from "kysely";
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import type { SqlDatabase, SqlMigration } from "../../ports/sql.ts";
import { SCHEMA_TABLE, digestOf, pendingMigrations, schemaRows, type SchemaTables } from "../../ports/sql-migrations.ts";
import { createSqliteConnection, type SqliteConnection } from "./sqlite-connection.ts";
import { createConnectionGate, createSqliteDialect, type ConnectionGate } from "./sqlite-dialect.ts";
import { sqlError } from "./sqlite-errors.ts";

export interface SqliteDatabaseOptions {
  /** Path of the database file; its folder is made when missing. ":memory:" keeps nothing. */
  readonly file: string;
  /** How long a statement waits, holding the event loop, for another process that writes. Default 5000 ms. */
  readonly busyTimeoutMs?: number;
}

interface MigrationTables {
  readonly strata_migrations: { readonly domain: string; readonly position: number; readonly name: string; readonly digest: string };
}

const MIGRATION_TABLE = "CREATE TABLE IF NOT EXISTS strata_migrations (domain TEXT NOT NULL, position INTEGER NOT NULL, name TEXT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (domain, position))";

/** Opens or creates the file. Raises FILE_INVALID when it is not a database, SQL_BUSY when another process holds it. */
export async function openSqliteDatabase(options: SqliteDatabaseOptions): Promise<SqlDatabase> {
  const { file, busyTimeoutMs = 5_000 } = options;
  if (file !== IN_MEMORY) await makeFolder(dirname(resolve(file)));
  const database = openFile(file, busyTimeoutMs);
  const connection = createSqliteConnection(database, file);
  const gate = createConnectionGate(connection, file);
  return createSqlDatabase(database, gate);
}

function createSqlDatabase(database: DatabaseSync, gate: ConnectionGate): SqlDatabase {
  const kysely = new Kysely<unknown>({ dialect: createSqliteDialect(gate) });
  let closing: Promise<void> | undefined;

  const sqlDatabase: SqlDatabase = {
    as: <Tables>() => kysely as unknown as Kysely<Tables>, // only the types differ; the domain that made the tables declares them
    transaction: <Tables, T>(work: (transaction: Transaction<Tables>) => Promise<T>) =>
      sqlDatabase.as<Tables>().transaction().execute((transaction) => gate.inside(() => work(transaction))),
    migrate: (domain, migrations) => migrate(sqlDatabase, gate.connection, { domain, migrations }),
    close: () => closing ??= gate.shut().then(() => database.close()),
    [Symbol.asyncDispose]: () => sqlDatabase.close(),
  };
  return sqlDatabase;
}

async function migrate(database: SqlDatabase, connection: SqliteConnection, plan: { domain: string; migrations: readonly SqlMigration[] }): Promise<void> {
  const { domain, migrations } = plan;
  await database.transaction(async () => connection.execute(`${MIGRATION_TABLE}; ${SCHEMA_TABLE}`));
  const applied = await database.as<MigrationTables>().selectFrom("strata_migrations")
    .select(["name", "digest"]).where("domain", "=", domain).orderBy("position").execute();
  for (const [i, migration] of pendingMigrations(domain, migrations, applied).entries()) {
    await database.transaction<MigrationTables, void>(async (transaction) => {
      const row = { domain, position: applied.length + i, name: migration.name, digest: digestOf(migration) };
      await transaction.insertInto("strata_migrations").values(row).execute(); // first, so that two that race cannot both apply it
      for (const statement of migration.statements) connection.execute(statement);
    });
  }
  const kept = await database.as<SchemaTables>().selectFrom("strata_schema").select("position").where("domain", "=", domain).execute();
  const rows = schemaRows(domain, migrations).slice(kept.length);
  if (rows.length > 0) await database.as<SchemaTables>().insertInto("strata_schema").values(rows).onConflict((conflict) => conflict.doNothing()).execute();
}

const IN_MEMORY = ":memory:";

/** Keeps a log that grew in one large transaction from staying that large for ever. */
const WAL_KEPT_BYTES = 64 * 1024 * 1024;

function openFile(file: string, busyTimeoutMs: number): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: busyTimeoutMs, enableForeignKeyConstraints: true });
  try {
    const { journal_mode: mode } = database.prepare("PRAGMA journal_mode = WAL").get() ?? {};
    if (mode !== "wal" && file !== IN_MEMORY) throw new StrataError("SQL_FAILED", { reason: `the file system of ${file} does not allow a write-ahead log (journal mode is ${String(mode)})` });
    database.exec(`PRAGMA synchronous = FULL; PRAGMA journal_size_limit = ${WAL_KEPT_BYTES}`);
    return database;
  } catch (thrown) {
    database.close();
    throw openError(thrown, file);
  }
}

const NOT_A_DATABASE = 26;
const CORRUPT = 11;

function openError(thrown: unknown, file: string): StrataError {
  const code = thrown instanceof Error && "errcode" in thrown ? thrown.errcode : 0;
  if (code !== NOT_A_DATABASE && code !== CORRUPT) return sqlError(thrown, file);
  return new StrataError("FILE_INVALID", { path: file, format: "SQLite", reason: reasonOf(thrown) }, { cause: thrown });
}

/** Makes the folder so that its name survives power loss; SQLite itself syncs only the folder that holds the file. */
async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = dirname(made)) {
    await using parent = await open(dirname(made), "r");
    await parent.sync();
  }
}
