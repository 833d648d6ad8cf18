/** SQL over a data folder that no server runs; the folder is locked meanwhile. */
import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { openLakeReader, planSql, runSqlJob } from "../../data/index.ts";
import { openDuckdbAnalytics } from "../../engines/duckdb/duckdb-analytics.ts";
import { openDuckdbSandbox } from "../../engines/duckdb/duckdb-sandbox.ts";
import { openEmbeddedBlobStore } from "../../engines/embedded/blob-store.ts";
import { openEmbeddedFileCache } from "../../engines/embedded/file-cache.ts";
import { nodeFiles } from "../../engines/embedded/files.ts";
import { openSqliteDatabase } from "../../engines/sqlite/database.ts";
import { systemClock } from "../../kernel/clock.ts";
import { StrataError } from "../../kernel/errors.ts";
import type { SqlAnswer, SqlQuestion } from "../../protocols/admin/sql-routes.ts";

export interface OfflineSql extends AsyncDisposable {
  ask(question: SqlQuestion): Promise<SqlAnswer>;
}

const CACHE_BYTES = 2 ** 30;
const LIMITS = { maxRows: 10_000, timeoutMs: 600_000 };

/** FILE_NOT_FOUND when the folder has no lake; DATA_DIR_LOCKED while a server uses it: ask the server then. */
export async function openOfflineSql(dataDir: string): Promise<OfflineSql> {
  const folder = resolve(dataDir);
  const file = join(folder, "strata.db");
  if (await stat(file).catch(() => undefined) === undefined) throw new StrataError("FILE_NOT_FOUND", { path: file });
  await using stack = new AsyncDisposableStack();
  await nodeFiles.makeFolder(join(folder, "log"));
  const lock = await nodeFiles.lock(join(folder, "log"));
  stack.defer(() => lock.release());
  const database = stack.use(await openSqliteDatabase({ file }));
  const blobs = await openEmbeddedBlobStore({ folder: join(folder, "blobs") });
  const cache = stack.use(await openEmbeddedFileCache({ folder: join(folder, "cache"), maxBytes: CACHE_BYTES, blobs }));
  const temporaryFolder = join(folder, "tmp");
  const analytics = stack.use(openDuckdbAnalytics({ temporaryFolder }));
  const sandbox = stack.use(openDuckdbSandbox({ temporaryFolder }));
  const lake = await openLakeReader({ analytics, database, blobs, cache, folder: join(folder, "lake"), clock: systemClock });
  const owned = stack.move();
  return {
    ask: async ({ sql, asOf, maxRows = LIMITS.maxRows, timeoutMs = LIMITS.timeoutMs, signal }) => {
      const startedMs = systemClock.monotonicMs();
      await using run = new AsyncDisposableStack();
      const { job, reading } = run.use(await planSql({ lake, sandbox }, { sql, asOf, limits: { maxRows, timeoutMs }, signal }));
      const answer = run.use(await runSqlJob(job, { sandbox, cache, signal }));
      const held = run.move();
      return { ...answer, reading, placement: { worker: "here", reason: "no server runs over this folder" }, elapsedMs: () => systemClock.monotonicMs() - startedMs, [Symbol.asyncDispose]: () => held.disposeAsync() };
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
