/**
 * The Kysely dialect over sessions. Transactions are serialisable, so domains written for one writer mean the same with
 * many; a statement outside a transaction that changes something runs in one of its own, so that its outcome is always
 * known, and a query that only reads is asked again when the connection breaks.
 */
import {
  CompiledQuery, IdentifierNode, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler, RawNode, createQueryId,
  type DatabaseConnection, type Dialect, type Driver, type QueryResult,
} from "kysely";
import type { QueryResult as DriverResult } from "pg";
import { StrataError } from "../../kernel/errors.ts";
import type { PostgresPool } from "./postgres-pool.ts";
import { createPostgresSession, type PostgresSession } from "./postgres-session.ts";
import { untilKept } from "./transaction.ts";

export interface PostgresConnection extends DatabaseConnection {
  readonly session: PostgresSession;
}

/** Who asks for connections: refused with CLOSED once the database is being closed. */
export interface ConnectionDoor {
  enter(): void;
  leave(): void;
}

export function createPostgresDialect(pool: PostgresPool, door: ConnectionDoor): Dialect {
  return {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => createDriver(pool, door),
    createIntrospector: (database) => new PostgresIntrospector(database),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  };
}

type SavepointStep = NonNullable<Driver["savepoint"]>;

function createDriver(pool: PostgresPool, door: ConnectionDoor): Driver {
  const sessionOf = (connection: DatabaseConnection): PostgresSession => (connection as PostgresConnection).session; // acquireConnection made it
  const savepoint = (command: string): SavepointStep => async (connection, name, compileQuery) => {
    const node = RawNode.createWithChildren([RawNode.createWithSql(`${command} `), IdentifierNode.create(name)]);
    await connection.executeQuery(compileQuery(node, createQueryId()));
  };
  return {
    init: async () => undefined,
    acquireConnection: async () => {
      door.enter();
      return createConnection(pool, createPostgresSession(pool));
    },
    releaseConnection: async (connection) => {
      sessionOf(connection).release();
      door.leave();
    },
    beginTransaction: (connection, { accessMode }) => sessionOf(connection).begin({ isolation: "SERIALIZABLE", readOnly: accessMode === "read only" }),
    commitTransaction: (connection) => sessionOf(connection).commit(),
    rollbackTransaction: (connection) => sessionOf(connection).rollback(),
    savepoint: savepoint("SAVEPOINT"),
    rollbackToSavepoint: savepoint("ROLLBACK TO"),
    releaseSavepoint: savepoint("RELEASE"),
    destroy: async () => undefined,
  };
}

function createConnection(pool: PostgresPool, session: PostgresSession): PostgresConnection {
  const ask = ({ sql, parameters }: CompiledQuery): Promise<DriverResult> => session.query(sql, parameters);
  const alone = async (query: CompiledQuery): Promise<DriverResult> => {
    try {
      await session.begin({ isolation: "SERIALIZABLE" });
      const result = await ask(query);
      await session.commit();
      return result;
    } catch (thrown) {
      await session.rollback();
      throw thrown;
    }
  };
  return {
    session,
    executeQuery: async <Row>(query: CompiledQuery) => {
      if (session.inTransaction()) return resultOf<Row>(await ask(query));
      if (readsOnly(query)) return resultOf<Row>(await untilKept(pool.timeoutMs, () => ask(query)));
      return resultOf<Row>(await untilKept(pool.timeoutMs, () => alone(query)));
    },
    streamQuery: (query, chunkSize) => streamRows(session, query, chunkSize),
  };
}

const readsOnly = (query: CompiledQuery): boolean => query.query.kind === "SelectQueryNode";

/** Commands whose count is that of changed rows. */
const COUNTED: ReadonlySet<string> = new Set(["INSERT", "UPDATE", "DELETE", "MERGE"]);

function resultOf<Row>({ command, rowCount, rows }: DriverResult): QueryResult<Row> {
  return { rows: rows as Row[], ...(COUNTED.has(command) ? { numAffectedRows: BigInt(rowCount ?? 0) } : {}) }; // Kysely's types vouch for the shape
}

async function* streamRows<Row>(session: PostgresSession, { sql, parameters }: CompiledQuery, chunkSize: number): AsyncGenerator<QueryResult<Row>> {
  if (session.inTransaction()) throw new StrataError("SQL_FAILED", { reason: "a result cannot be streamed inside a transaction" });
  await session.begin({ isolation: "SERIALIZABLE", readOnly: true });
  try {
    await session.query(`DECLARE strata_stream NO SCROLL CURSOR FOR ${sql}`, parameters);
    for (;;) {
      const { rows } = await session.query(`FETCH ${chunkSize} FROM strata_stream`);
      if (rows.length > 0) yield { rows: rows as Row[] };
      if (rows.length < chunkSize) return;
    }
  } finally {
    await session.rollback(); // it only read
  }
}
