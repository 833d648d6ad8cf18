/** What a PostgreSQL server says about itself, and what its settings lack for keeping what it acknowledged. */
import { openPostgresPool, type PostgresOptions } from "./postgres-pool.ts";

export interface PostgresFacts {
  /** "PostgreSQL 15.18" */
  readonly version: string;
  /** Sentences; none when a committed transaction survives power loss. */
  readonly warnings: readonly string[];
}

const LOSSES: Readonly<Record<string, string>> = {
  fsync: "fsync is off: power loss may destroy the database; set `fsync = on`",
  synchronous_commit: "synchronous_commit is off: a crash may take the last committed transactions; set `synchronous_commit = on`",
  full_page_writes: "full_page_writes is off: power loss may damage pages; set `full_page_writes = on`",
};

/** ENGINE_UNREACHABLE or ENGINE_REFUSED when the database cannot be used. */
export async function readPostgresFacts(options: PostgresOptions): Promise<PostgresFacts> {
  const pool = await openPostgresPool({ ...options, connections: 1 }, { readsOnly: true });
  try {
    const client = await pool.acquire();
    try {
      const { rows } = await client.query<{ name: string; setting: string }>("SELECT name, setting FROM pg_settings WHERE name = ANY($1::text[])", [["server_version", ...Object.keys(LOSSES)]]);
      const settings = new Map(rows.map(({ name, setting }) => [name, setting]));
      const version = (settings.get("server_version") ?? "of an unknown version").split(" ")[0]!;
      return { version: `PostgreSQL ${version}`, warnings: Object.entries(LOSSES).filter(([name]) => settings.get(name) === "off").map(([, warning]) => warning) };
    } finally {
      client.release();
    }
  } finally {
    await pool.close();
  }
}
