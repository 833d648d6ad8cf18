/**
 * The Kysely dialect over one connection. A mutex hands it to one query or one transaction at a time, so that a
 * transaction never mixes with other queries. A query that would wait for the very transaction it was started in is
 * refused (SQL_DEADLOCK) instead of hanging.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { IdentifierNode, RawNode, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler, createQueryId, type Dialect, type Driver } from "kysely";
import { StrataError } from "../../kernel/errors.ts";
import type { SqliteConnection } from "./sqlite-connection.ts";

/** The single connection and who may use it. */
export interface ConnectionGate {
  readonly connection: SqliteConnection;
  /** Resolves when the connection is the caller's alone. */
  enter(): Promise<void>;
  leave(): void;
  /** Runs what happens inside a transaction, so that its queries from outside are noticed. */
  inside<T>(work: () => Promise<T>): Promise<T>;
  /** Waits for whoever is in, then refuses everyone with CLOSED. */
  shut(): Promise<void>;
}

export function createConnectionGate(connection: SqliteConnection, file: string): ConnectionGate {
  const scopes = new AsyncLocalStorage<{ open: boolean }>();
  const waiting: (() => void)[] = [];
  let taken = false;
  let isShut = false;

  const leave = (): void => {
    const next = waiting.shift();
    if (next) next();
    else taken = false;
  };
  const enter = async (): Promise<void> => {
    if (scopes.getStore()?.open) throw new StrataError("SQL_DEADLOCK");
    if (taken) await new Promise<void>((resolve) => waiting.push(resolve));
    taken = true;
    if (!isShut) return;
    leave();
    throw new StrataError("CLOSED", { what: `The database ${file}` });
  };
  return {
    connection, enter, leave,
    inside: (work) => {
      const scope = { open: true };
      return scopes.run(scope, work).finally(() => {
        scope.open = false;
      });
    },
    shut: async () => {
      await enter();
      isShut = true;
      leave();
    },
  };
}

export function createSqliteDialect(gate: ConnectionGate): Dialect {
  return {
    createAdapter: () => new GatedAdapter(),
    createDriver: () => createDriver(gate),
    createIntrospector: (database) => new SqliteIntrospector(database),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}

/** Kysely would add its own mutex, which cannot notice deadlocks; ours does the same work. */
class GatedAdapter extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true;
  }
}

type SavepointStep = NonNullable<Driver["savepoint"]>;

function createDriver({ connection, enter, leave }: ConnectionGate): Driver {
  const savepoint = (command: string): SavepointStep => async (_, name, compileQuery) => {
    const node = RawNode.createWithChildren([RawNode.createWithSql(`${command} `), IdentifierNode.create(name)]);
    await connection.executeQuery(compileQuery(node, createQueryId()));
  };
  return {
    init: async () => undefined,
    acquireConnection: async () => {
      await enter();
      return connection;
    },
    releaseConnection: async () => leave(),
    // IMMEDIATE: a transaction that reads first and writes later must not find that another process wrote in between.
    beginTransaction: async (_, { accessMode }) => connection.execute(accessMode === "read only" ? "BEGIN" : "BEGIN IMMEDIATE"),
    commitTransaction: async () => connection.execute("COMMIT"),
    rollbackTransaction: async () => {
      if (connection.inTransaction()) connection.execute("ROLLBACK");
    },
    savepoint: savepoint("SAVEPOINT"),
    rollbackToSavepoint: savepoint("ROLLBACK TO"),
    releaseSavepoint: savepoint("RELEASE"),
    destroy: async () => undefined,
  };
}
