/**
 * The database under a domain's tests: SQLite in the file that the test names, or, when DOMAIN_DATABASES gives a PostgreSQL server's
 * address, a database of its own there for each file (test/servers/domains.test.ts).
 */
import { openPostgresDatabase } from "../../src/engines/postgres/database.ts";
import { openSqliteDatabase } from "../../src/engines/sqlite/database.ts";
import { sha256 } from "../../src/kernel/hash.ts";
import type { SqlDatabase } from "../../src/ports/sql.ts";

let inMemory = 0;

export async function openDomainDatabase({ file }: { readonly file: string }): Promise<SqlDatabase> {
  const server = process.env["DOMAIN_DATABASES"];
  if (server === undefined) return openSqliteDatabase({ file });
  const name = `domain_${sha256(file === ":memory:" ? `${process.pid} ${inMemory++}` : file).slice(0, 16)}`;
  await createDatabase(server, name);
  return openPostgresDatabase({ url: `${server}/${name}`, connections: 3 });
}

async function createDatabase(server: string, name: string): Promise<void> {
  const { Client } = (await import("pg")).default;
  const client = new Client({ connectionString: `${server}/postgres` });
  await client.connect();
  try {
    await client.query(`CREATE DATABASE ${name}`);
  } catch (thrown) {
    if ((thrown as { code?: string }).code !== "42P04") throw thrown; // it is there: the test opens it again
  } finally {
    await client.end();
  }
}
