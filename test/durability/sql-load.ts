/** A load on the SQLite database, run as a process: `node sql-load.ts <file> <producers>`. Each transaction inserts an item of two rows. */
import { writeSync } from "node:fs";
import { openSqliteDatabase } from "../../src/engines/sqlite/database.ts";
import { MIGRATIONS, rowsOfItem, type ItemTables } from "./sql-items.ts";

const [file = "", producers = ""] = process.argv.slice(2);
const database = await openSqliteDatabase({ file });
await database.migrate("load", MIGRATIONS);
writeSync(1, "ready\n");

async function produce(producer: number): Promise<never> {
  for (let item = 0; ; item++) {
    await database.transaction<ItemTables, void>(async (transaction) => {
      for (const row of rowsOfItem(producer, item)) await transaction.insertInto("item_part").values(row).execute();
    });
    writeSync(1, `a ${producer} ${item}\n`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

await Promise.all(Array.from({ length: Number(producers) }, (_, producer) => produce(producer)));
