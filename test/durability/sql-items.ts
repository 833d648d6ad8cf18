/** The rows of a load's items, and checking what is found of them. */
import assert from "node:assert/strict";
import { sql } from "kysely";
import type { SqlDatabase, SqlMigration } from "../../src/ports/sql.ts";
import { noteItem } from "./sequences.ts";

export interface ItemTables {
  readonly item_part: { readonly producer: number; readonly item: number; readonly part: number; readonly text: string };
}

export const MIGRATIONS: readonly SqlMigration[] = [{
  name: "items",
  statements: ["CREATE TABLE item_part (producer INTEGER NOT NULL, item INTEGER NOT NULL, part INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY (producer, item, part))"],
}];

export function rowsOfItem(producer: number, item: number): readonly ItemTables["item_part"][] {
  return [0, 1].map((part) => ({ producer, item, part, text: `${producer}.${item}.${part} `.repeat(1 + (item % 30)) }));
}

/** Checks the database's own integrity and that every item is whole and once; returns how many items of each producer there are. */
export async function checkRows(database: SqlDatabase): Promise<ReadonlyMap<number, number>> {
  const { rows: verdict } = await sql`PRAGMA integrity_check`.execute(database.as<object>());
  assert.deepEqual(verdict, [{ integrity_check: "ok" }]);
  await database.migrate("load", MIGRATIONS);
  const rows = await database.as<ItemTables>().selectFrom("item_part").selectAll().orderBy("producer").orderBy("item").orderBy("part").execute();
  const found = new Map<number, number>();
  for (let i = 0; i < rows.length; i += 2) {
    const { producer, item } = rows[i]!;
    assert.deepEqual(rows.slice(i, i + 2), rowsOfItem(producer, item));
    noteItem(found, producer, item);
  }
  return found;
}
