/** The SQLite budget ledger: the port's contract, and what is SQLite's own. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { test } from "node:test";
import { openSqliteBudgetLedger } from "../../src/engines/sqlite/budget-ledger.ts";
import { budgetLedgerConformance } from "./budget-ledger.ts";
import { keyRecord, reservation, settlement } from "./ledger-records.ts";
import { temporaryFolder } from "./temporary-folder.ts";

budgetLedgerConformance("SQLite", async () => {
  const folder = await temporaryFolder();
  return {
    open: () => openSqliteBudgetLedger({ file: join(folder.path, "sub", "ledger.db") }),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
});

test("a lock of another process is waited for with a free event loop, and given up after its time", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "ledger.db");
  await using ledger = await openSqliteBudgetLedger({ file, busyTimeoutMs: 30 });
  await ledger.putKey(keyRecord("a", { budgetNanoUsd: 100 }));
  using other = new DatabaseSync(file);
  other.exec("BEGIN IMMEDIATE");
  const waiting = ledger.reserve([reservation("r", 10)]);
  let ticks = 0;
  const ticking = setInterval(() => { ticks += 1; }, 1);
  await assert.rejects(waiting, { code: "LEDGER_FAILED" });
  clearInterval(ticking);
  assert.ok(ticks >= 10, `${ticks} ticks`);
  assert.equal((await ledger.balance("a", 0)).reservedNanoUsd, 0);
  const again = ledger.reserve([reservation("r", 10)]);
  setTimeout(() => other.exec("COMMIT"), 5);
  assert.equal((await again)[0]?.grantedNanoUsd, 10);
});

test("calls that come together share a transaction", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "ledger.db");
  await using ledger = await openSqliteBudgetLedger({ file });
  await ledger.putKey(keyRecord("a", { budgetNanoUsd: 1_000 }));
  using other = new DatabaseSync(file);
  const version = (): unknown => other.prepare("PRAGMA data_version").get()?.["data_version"];
  const before = version();
  const versions = new Set<unknown>();
  await Promise.all(Array.from({ length: 100 }, async (_, i) => {
    await ledger.reserve([reservation(`r${i}`, 10)]);
    versions.add(version());
  }));
  assert.equal(versions.size, 1);
  assert.notEqual([...versions][0], before);
});

test("a transaction that fails fails for all who share it, changes nothing, and the next one works", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "ledger.db");
  await using ledger = await openSqliteBudgetLedger({ file });
  await ledger.putKey(keyRecord("a", { budgetNanoUsd: 100 }));
  using other = new DatabaseSync(file);
  other.exec("ALTER TABLE usage RENAME TO away");
  const outcomes = await Promise.allSettled([ledger.reserve([reservation("r", 10)]), ledger.settle([settlement("s", 5, { isReserved: false })])]);
  assert.deepEqual(outcomes.map((outcome) => outcome.status === "rejected" && outcome.reason.code), ["LEDGER_FAILED", "LEDGER_FAILED"]);
  assert.deepEqual(await ledger.balance("a", 0), { key: "a", spentNanoUsd: 0, reservedNanoUsd: 0, periodStartMs: 0 });
  other.exec("ALTER TABLE away RENAME TO usage");
  await ledger.settle([settlement("s", 5, { isReserved: false })]); // its id is not taken for settled
  assert.equal((await ledger.balance("a", 0)).spentNanoUsd, 5);
});

test("a file that is no ledger is refused with its name", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "ledger.db");
  await writeFile(file, "this is not a database, but long enough to be read as the header of one, as SQLite wants one hundred bytes");
  await assert.rejects(openSqliteBudgetLedger({ file }), { code: "LEDGER_FAILED", message: /ledger\.db cannot be opened/ });
});
