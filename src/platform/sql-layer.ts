/** People's SQL over the lake: planned here, run where its files are. */
import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { planSql, runSqlJob, writeSqlJob } from "../data/index.ts";
import type { Lake } from "../data/index.ts";
import { openDuckdbSandbox } from "../engines/duckdb/duckdb-sandbox.ts";
import { systemClock } from "../kernel/clock.ts";
import type { FileCache } from "../ports/file-cache.ts";
import type { SqlDesk, SqlQuestion } from "../protocols/admin/sql-routes.ts";
import type { Config } from "./config.ts";

export interface SqlLayer extends SqlDesk, AsyncDisposable {}

export interface SqlLayerOptions {
  readonly lake: Lake;
  readonly cache: FileCache;
  readonly config: Config;
}

const MIB = 2 ** 20;
const PARQUET_ROWS = 1_000_000_000;

export function openSqlLayer({ lake, cache, config }: SqlLayerOptions): SqlLayer {
  const temporaryFolder = join(resolve(config.dataDir), "tmp");
  const sandbox = openDuckdbSandbox({ memoryLimitBytes: config.sqlMemoryMiB * MIB, temporaryFolder });
  const limitsOf = ({ maxRows, timeoutMs }: SqlQuestion, rows: number) => ({ maxRows: maxRows ?? rows, timeoutMs: timeoutMs ?? config.sqlTimeoutSeconds * 1_000 });
  const plan = (question: SqlQuestion, rows: number) => planSql({ lake, sandbox }, { sql: question.sql, asOf: question.asOf, limits: limitsOf(question, rows), signal: question.signal });
  const placement = { worker: "server", reason: "statements run in the server's own process" };
  return {
    ask: async (question) => {
      const startedMs = systemClock.monotonicMs();
      await using stack = new AsyncDisposableStack();
      const { job, reading } = stack.use(await plan(question, config.sqlMaxRows));
      const run = stack.use(await runSqlJob(job, { sandbox, cache, signal: question.signal }));
      const owned = stack.move();
      return { ...run, reading, placement, elapsedMs: () => systemClock.monotonicMs() - startedMs, [Symbol.asyncDispose]: () => owned.disposeAsync() };
    },
    file: async (question) => {
      await using planned = await plan(question, PARQUET_ROWS);
      await mkdir(temporaryFolder, { recursive: true });
      const path = join(temporaryFolder, `result-${randomUUID()}.parquet`);
      const written = await writeSqlJob(planned.job, path, { sandbox, cache, signal: question.signal });
      return { ...written, bytes: createReadStream(path), [Symbol.asyncDispose]: () => rm(path, { force: true }) };
    },
    [Symbol.asyncDispose]: () => sandbox.close(),
  };
}
