/** People's SQL over the lake: planned here, run where its files are. */
import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { planSql, runSqlJob, writeSqlJob } from "../../data/index.ts";
import type { Lake, SqlJob } from "../../data/index.ts";
import { openDuckdbSandbox } from "../../engines/duckdb/duckdb-sandbox.ts";
import { systemClock } from "../../kernel/clock.ts";
import type { BlobStore } from "../../ports/blob-store.ts";
import type { FileCache } from "../../ports/file-cache.ts";
import type { SqlDesk, SqlQuestion } from "../../protocols/admin/sql-routes.ts";
import type { Config } from "../config.ts";
import { openSqlWorkers } from "./sql-workers.ts";

export interface SqlLayer extends SqlDesk, AsyncDisposable {}

export interface SqlLayerOptions {
  readonly lake: Lake;
  readonly cache: FileCache;
  readonly blobs: BlobStore;
  readonly config: Config;
}

const MIB = 2 ** 20;
const PARQUET_ROWS = 1_000_000_000;

export function openSqlLayer({ lake, cache, blobs, config }: SqlLayerOptions): SqlLayer {
  const temporaryFolder = join(resolve(config.dataDir), "tmp");
  const sandbox = openDuckdbSandbox({ memoryLimitBytes: config.sqlMemoryMiB * MIB, temporaryFolder });
  const limitsOf = ({ maxRows, timeoutMs }: SqlQuestion, rows: number) => ({ maxRows: maxRows ?? rows, timeoutMs: timeoutMs ?? config.sqlTimeoutSeconds * 1_000 });
  const plan = (question: SqlQuestion, rows: number) => planSql({ lake, sandbox }, { sql: question.sql, asOf: question.asOf, limits: limitsOf(question, rows), signal: question.signal });
  const stack = new AsyncDisposableStack();
  stack.use(sandbox);
  const workers = config.sqlWorkers === 0 ? undefined : stack.use(openSqlWorkers({
    count: config.sqlWorkers, blobs, cacheFolder: join(resolve(config.dataDir), "cache"), cacheBytes: config.lakeCacheBytes, temporaryFolder, memoryLimitBytes: config.sqlMemoryMiB * MIB, clock: systemClock,
  }));
  const here = { worker: "server", reason: "statements run in the server's own process" };
  const start = async (job: SqlJob, signal: AbortSignal) => (workers === undefined ? { ...await runSqlJob(job, { sandbox, cache, signal }), placement: here } : workers.run(job, signal));
  return {
    ask: async (question) => {
      const startedMs = systemClock.monotonicMs();
      await using held = new AsyncDisposableStack();
      const { job, reading } = held.use(await plan(question, config.sqlMaxRows));
      const run = held.use(await start(job, question.signal));
      const owned = held.move();
      const { worker, reason } = run.placement;
      return { ...run, reading, placement: { worker, reason }, elapsedMs: () => systemClock.monotonicMs() - startedMs, [Symbol.asyncDispose]: () => owned.disposeAsync() };
    },
    file: async (question) => {
      await using planned = await plan(question, PARQUET_ROWS);
      await mkdir(temporaryFolder, { recursive: true });
      const path = join(temporaryFolder, `result-${randomUUID()}.parquet`);
      const written = workers === undefined ? await writeSqlJob(planned.job, path, { sandbox, cache, signal: question.signal }) : await workers.write(planned.job, path, question.signal);
      return { ...written, bytes: createReadStream(path), [Symbol.asyncDispose]: () => rm(path, { force: true }) };
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
