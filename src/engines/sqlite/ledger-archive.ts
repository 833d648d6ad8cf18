/** The ledger file as rows, for copies. */
import { DatabaseSync } from "node:sqlite";
import { LEDGER_COLUMNS, type LedgerArchive, type LedgerRow, type LedgerTable } from "../../ports/ledger-archive.ts";
import { openSqliteBudgetLedger } from "./budget-ledger.ts";

export async function openSqliteLedgerArchive(file: string): Promise<LedgerArchive> {
  await (await openSqliteBudgetLedger({ file }))[Symbol.asyncDispose](); // makes the tables where there are none
  const database = new DatabaseSync(file);
  database.exec("PRAGMA synchronous = FULL");
  const nameOf = (table: LedgerTable): string => (table === "key" ? "virtual_key" : table);
  return {
    read: async (table) => database.prepare(`SELECT ${LEDGER_COLUMNS[table].join(", ")} FROM ${nameOf(table)}`).all().map((row) => LEDGER_COLUMNS[table].map((column) => row[column] as LedgerRow[number])), // STRICT tables of text and integers
    replace: async (table, rows) => {
      const insert = database.prepare(`INSERT INTO ${nameOf(table)} (${LEDGER_COLUMNS[table].join(", ")}) VALUES (${LEDGER_COLUMNS[table].map(() => "?").join(", ")})`);
      database.exec(`BEGIN IMMEDIATE; DELETE FROM ${nameOf(table)}`);
      try {
        for (const row of rows) insert.run(...row);
        database.exec("COMMIT");
      } catch (thrown) {
        database.exec("ROLLBACK");
        throw thrown;
      }
    },
    [Symbol.asyncDispose]: async () => database.close(),
  };
}
