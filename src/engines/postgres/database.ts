/**
 * Relational metadata in PostgreSQL, for any number of processes. Transactions are serialisable and run again when they lost a
 * race or their connection before the commit; after a commit whose answer was lost the server is asked what became of it.
 * Those of one process run one after another in call order, as they do embedded: only processes race.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { Kysely, type Transaction } from "kysely";
import { StrataError } from "../../kernel/errors.ts";
import { SCHEMA_TABLE, digestOf, pendingMigrations, schemaRows, type AppliedMigration } from "../../ports/sql-migrations.ts";
import type { SqlDatabase, SqlMigration } from "../../ports/sql.ts";
import { toPostgres } from "./portable-schema.ts";
import { createPostgresDialect, type ConnectionDoor } from "./postgres-dialect.ts";
import { openPostgresPool, type PostgresOptions, type PostgresPool } from "./postgres-pool.ts";
import { inTransaction, untilKept } from "./transaction.ts";

/** Any number that nobody else takes: "strata" in ASCII. */
const MIGRATION_LOCK = 0x737472617461;

const MIGRATION_TABLE = toPostgres("CREATE TABLE IF NOT EXISTS strata_migrations (domain TEXT NOT NULL, position INTEGER NOT NULL, name TEXT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (domain, position))");

/** RUNTIME_MISSING without pg; ENGINE_UNREACHABLE or ENGINE_REFUSED when the database cannot be used. */
export async function openPostgresDatabase(options: PostgresOptions): Promise<SqlDatabase> {
  const pool = await openPostgresPool(options);
  const door = createDoor(pool.place);
  const kysely = new Kysely<unknown>({ dialect: createPostgresDialect(pool, door) });
  const inside = new AsyncLocalStorage<{ open: boolean }>();
  let latest: Promise<unknown> = Promise.resolve();
  let closing: Promise<void> | undefined;

  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = latest.then(() => {
      const scope = { open: true };
      return inside.run(scope, work).finally(() => { scope.open = false; });
    });
    latest = turn.catch(() => undefined); // told to whoever asked
    return turn;
  };
  const database: SqlDatabase = {
    as: <Tables>() => kysely as unknown as Kysely<Tables>, // only the types differ; the domain that made the tables declares them
    transaction: async <Tables, T>(work: (transaction: Transaction<Tables>) => Promise<T>) => {
      if (inside.getStore()?.open === true) throw new StrataError("SQL_DEADLOCK"); // it would wait for itself
      door.open();
      return inTurn(() => untilKept(pool.timeoutMs, () => database.as<Tables>().transaction().execute(work))).finally(() => door.leave());
    },
    migrate: async (domain, migrations) => {
      door.open();
      await migrate(pool, domain, migrations).finally(() => door.leave());
    },
    close: () => closing ??= door.shut().then(() => pool.close()),
    [Symbol.asyncDispose]: () => database.close(),
  };
  return database;
}

/** One migration per transaction, and one process at a time: whoever waited looks again at what was applied. */
async function migrate(pool: PostgresPool, domain: string, migrations: readonly SqlMigration[]): Promise<void> {
  await inTransaction(pool, { isolation: "READ COMMITTED", lock: MIGRATION_LOCK }, (session) => session.query(`${MIGRATION_TABLE}; ${toPostgres(SCHEMA_TABLE)}`));
  for (let isDone = false; !isDone;) {
    isDone = await inTransaction(pool, { isolation: "READ COMMITTED", lock: MIGRATION_LOCK }, async (session) => {
      const { rows: applied } = await session.query("SELECT name, digest FROM strata_migrations WHERE domain = $1 ORDER BY position", [domain]);
      const [next] = pendingMigrations(domain, migrations, applied as AppliedMigration[]);
      if (next === undefined) return true;
      await session.query("INSERT INTO strata_migrations (domain, position, name, digest) VALUES ($1, $2, $3, $4)", [domain, applied.length, next.name, digestOf(next)]);
      for (const statement of next.statements) await session.query(toPostgres(statement));
      return false;
    });
  }
  await inTransaction(pool, { isolation: "READ COMMITTED", lock: MIGRATION_LOCK }, async (session) => {
    const { rows: [kept] } = await session.query("SELECT count(*) AS count FROM strata_schema WHERE domain = $1", [domain]);
    for (const { position, name, statements } of schemaRows(domain, migrations).slice((kept as { readonly count: number }).count)) {
      await session.query("INSERT INTO strata_schema VALUES ($1, $2, $3, $4)", [domain, position, name, statements]);
    }
  });
}

interface ShutDoor extends ConnectionDoor {
  /** Enters with work of its own: CLOSED once the door is shut. */
  open(): void;
  /** Refuses who comes, and waits for who is inside. */
  shut(): Promise<void>;
}

function createDoor(place: string): ShutDoor {
  let inside = 0;
  let isShut = false;
  const empty = Promise.withResolvers<void>();
  const enterUnless = (isRefused: boolean): void => {
    if (isRefused) throw new StrataError("CLOSED", { what: `The database ${place}` });
    inside++;
  };
  return {
    open: () => enterUnless(isShut),
    enter: () => enterUnless(isShut && inside === 0), // a transaction that is waited for still takes its connection
    leave: () => {
      inside--;
      if (isShut && inside === 0) empty.resolve();
    },
    shut: async () => {
      isShut = true;
      if (inside > 0) await empty.promise;
    },
  };
}
