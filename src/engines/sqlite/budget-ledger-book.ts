/** The ledger's book over the tables of one file: what a transaction decides is written before it ends. */
import type { DatabaseSync } from "node:sqlite";
import { createLedgerBook, type LedgerBook, type LedgerReservations, type StoredReservation } from "../../ports/ledger-book.ts";
import { createLedgerAccounts } from "./budget-ledger-accounts.ts";
import { createUsageBook } from "./budget-ledger-usage.ts";

export interface BookInFile extends LedgerBook {
  /** Before the transaction ends: what was decided goes to the file. */
  write(): void;
}

export function createBookInFile(database: DatabaseSync): BookInFile {
  const accounts = createLedgerAccounts(database);
  const usage = createUsageBook(database);
  const shelves = { accounts, usage, reservations: createReservations(database) };
  const book = createLedgerBook(() => shelves);
  return {
    ...book,
    write: () => {
      accounts.write();
      usage.write();
    },
    forget: () => {
      accounts.forget();
      usage.clear();
      book.forget();
    },
  };
}

function createReservations(database: DatabaseSync): LedgerReservations {
  const insert = database.prepare("INSERT INTO reservation (id, key, granted, available, expires_at, model, operation) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING");
  const find = database.prepare("SELECT granted, available FROM reservation WHERE id = ?");
  const close = database.prepare("DELETE FROM reservation WHERE id = ? RETURNING *");
  const overdue = database.prepare("SELECT * FROM reservation WHERE expired_at IS NULL AND expires_at <= ?");
  const markExpired = database.prepare("UPDATE reservation SET expired_at = ?, expired_in_period = ? WHERE id = ?");
  const dropExpired = database.prepare("DELETE FROM reservation WHERE expired_at <= ?");
  return {
    insert: ({ id, key, granted, available, expires_at: expiresAt, model, operation }) => insert.run(id, key, granted, available, expiresAt, model, operation).changes !== 0,
    find: (id) => find.get(id) as StoredReservation | undefined, // the columns named above
    close: (id) => close.get(id) as unknown as StoredReservation | undefined, // the table's columns
    overdue: (nowMs) => overdue.all(nowMs) as unknown as readonly StoredReservation[], // the table's columns
    markExpired: (id, atMs, inPeriod) => void markExpired.run(atMs, inPeriod, id),
    dropExpired: (untilMs) => void dropExpired.run(untilMs),
  };
}
