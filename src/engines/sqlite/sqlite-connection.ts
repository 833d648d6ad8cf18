/**
 * One node:sqlite connection as Kysely sees it: statements are prepared once and kept, and driver errors become
 * StrataErrors with the driver's as cause. node:sqlite is synchronous: a statement holds the event loop while it runs
 * (5-7 µs for a point read, one disk sync for a commit).
 */
import type { CompiledQuery, DatabaseConnection, QueryResult } from "kysely";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { bindable } from "./sqlite-values.ts";
import { sqlError } from "./sqlite-errors.ts";

/** An application has a few hundred distinct statements; those with lists of varying length would grow without a bound. */
const MAX_STATEMENTS = 500;

export interface SqliteConnection extends DatabaseConnection {
  /** Runs statements without parameters. */
  execute(sql: string): void;
  /** False also after SQLite rolled back by itself, as it does when the disk is full. */
  inTransaction(): boolean;
}

interface Prepared {
  readonly statement: StatementSync;
  readonly returnsRows: boolean;
}

export function createSqliteConnection(database: DatabaseSync, file: string): SqliteConnection {
  const kept = new Map<string, Prepared>();

  const prepare = (sql: string): Prepared => {
    const statement = database.prepare(sql);
    return { statement, returnsRows: statement.columns().length > 0 };
  };
  const prepared = (sql: string): Prepared => {
    const found = kept.get(sql) ?? prepare(sql);
    kept.delete(sql);
    kept.set(sql, found); // a Map keeps insertion order: its first key is the least recently used
    if (kept.size > MAX_STATEMENTS) kept.delete(kept.keys().next().value!);
    return found;
  };
  const attempt = <T>(work: () => T): T => {
    try {
      return work();
    } catch (thrown) {
      throw sqlError(thrown, file);
    }
  };

  return {
    executeQuery: async <Row>({ sql, parameters }: CompiledQuery) => attempt(() => run<Row>(prepared(sql), parameters)),
    async *streamQuery<Row>({ sql, parameters }: CompiledQuery, chunkSize: number) {
      const rows = attempt(() => prepare(sql).statement.iterate(...parameters.map(bindable))); // its own statement: a kept one might be run again meanwhile
      for (;;) {
        const chunk = attempt(() => takeRows<Row>(rows, chunkSize));
        if (chunk.length > 0) yield { rows: chunk };
        if (chunk.length < chunkSize) return;
      }
    },
    execute: (sql) => attempt(() => database.exec(sql)),
    inTransaction: () => database.isTransaction,
  };
}

function run<Row>({ statement, returnsRows }: Prepared, parameters: readonly unknown[]): QueryResult<Row> {
  const values = parameters.map(bindable);
  if (returnsRows) return { rows: statement.all(...values).map((row) => plainRow<Row>(row)) };
  const { changes, lastInsertRowid } = statement.run(...values);
  return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
}

function takeRows<Row>(rows: Iterator<Record<string, unknown>>, count: number): Row[] {
  const taken: Row[] = [];
  while (taken.length < count) {
    const next = rows.next();
    if (next.done) break;
    taken.push(plainRow<Row>(next.value));
  }
  return taken;
}

/** node:sqlite's rows have no prototype, which surprises comparisons; Kysely's types vouch for the shape. */
function plainRow<Row>(row: Record<string, unknown>): Row {
  return { ...row } as Row;
}
