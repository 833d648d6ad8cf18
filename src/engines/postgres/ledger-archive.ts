/** The ledger's tables as rows, for copies. */
import { LEDGER_COLUMNS, type LedgerArchive, type LedgerRow } from "../../ports/ledger-archive.ts";
import { openPostgresBudgetLedger } from "./budget-ledger.ts";
import { openPostgresPool, type PostgresOptions } from "./postgres-pool.ts";
import { inTransaction } from "./transaction.ts";

export async function openPostgresLedgerArchive(options: PostgresOptions): Promise<LedgerArchive> {
  await (await openPostgresBudgetLedger(options))[Symbol.asyncDispose](); // makes the tables where there are none
  const pool = await openPostgresPool({ ...options, connections: 1 });
  return {
    read: (table) => inTransaction(pool, { isolation: "READ COMMITTED", readOnly: true }, async (session) => {
      const { rows } = await session.query(`SELECT ${LEDGER_COLUMNS[table].join(", ")} FROM ledger_${table}`);
      return (rows as Record<string, LedgerRow[number]>[]).map((row) => LEDGER_COLUMNS[table].map((column) => row[column]!));
    }),
    replace: (table, rows) => inTransaction(pool, { isolation: "READ COMMITTED" }, async (session) => {
      await session.query(`DELETE FROM ledger_${table}`);
      const columns = LEDGER_COLUMNS[table];
      for (const row of rows) await session.query(`INSERT INTO ledger_${table} (${columns.join(", ")}) VALUES (${columns.map((_, i) => `$${i + 1}`).join(", ")})`, row);
    }),
    [Symbol.asyncDispose]: () => pool.close(),
  };
}
