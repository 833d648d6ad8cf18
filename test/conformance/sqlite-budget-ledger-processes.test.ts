/** The SQLite ledger shared by processes. */
import { join } from "node:path";
import { openSqliteBudgetLedger } from "../../src/engines/sqlite/budget-ledger.ts";
import { budgetLedgerProcesses } from "./budget-ledger-processes.ts";
import { temporaryFolder } from "./temporary-folder.ts";

budgetLedgerProcesses("SQLite", async () => {
  const folder = await temporaryFolder();
  const address = join(folder.path, "ledger.db");
  return { address, open: () => openSqliteBudgetLedger({ file: address }), [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
});
