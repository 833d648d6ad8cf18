/**
 * SQL over the lake: streams as tables, now or as of a snapshot or a time. The statement's own conditions on event time
 * choose the files before anything is fetched or opened. What runs is a job of plain data, so that it can run in this
 * process or in another one that has the files.
 */
import { StrataError, isStrataError } from "../../kernel/errors.ts";
import type { FileCache } from "../../ports/file-cache.ts";
import type { NumberRange, QueryLimits, QueryRun, QuerySandbox, QueryTable } from "../../ports/query-sandbox.ts";
import type { HeldSnapshot, Lake } from "./lake.ts";
import { KNOWN_COLUMN, TIME_COLUMN } from "./lake-file.ts";
import type { LakeFile } from "./lake-file.ts";
import { fetchFiles } from "./located-files.ts";
import type { LocatedFile, OpenedFiles } from "./located-files.ts";
import { columnsWithin, sqlTableOf } from "./sql-tables.ts";

export interface SqlRequest {
  readonly sql: string;
  /** A snapshot's id or the beginning of it, or a time (ISO 8601): only events that were known by then. Default: now. */
  readonly asOf?: string | undefined;
  readonly limits: QueryLimits;
  readonly signal?: AbortSignal | undefined;
}

/** Which files the statement needs. */
export interface SqlReading {
  readonly files: number;
  readonly skippedFiles: number;
  readonly sizeBytes: number;
}

/** A statement with everything needed to run it; plain data. */
export interface SqlJob {
  readonly sql: string;
  readonly tables: readonly (Omit<QueryTable, "files"> & { readonly files: readonly LocatedFile[] })[];
  readonly limits: QueryLimits;
}

export interface PlannedSql extends AsyncDisposable {
  readonly job: SqlJob;
  readonly reading: SqlReading;
}

export interface SqlRun extends QueryRun, AsyncDisposable {
  /** Bytes brought from the blob store for it. */
  readonly fetchedBytes: number;
}

export interface LakeSqlOptions {
  readonly lake: Pick<Lake, "hold" | "locate">;
  readonly sandbox: Pick<QuerySandbox, "inspect">;
}

/** The statement's tables and files, held until disposed. */
export async function planSql({ lake, sandbox }: LakeSqlOptions, { sql, asOf, limits, signal }: SqlRequest): Promise<PlannedSql> {
  await using stack = new AsyncDisposableStack();
  const { held, knownByMs } = await holdAsOf(lake, asOf);
  stack.use(held);
  const streams = Object.entries(held.snapshot.streams).map(([name, { files }]) => ({ name, files, shape: sqlTableOf(files) }));
  const uses = new Map((await sandbox.inspect(sql, new Map(streams.map(({ name, shape }) => [name, shape.timeColumn])), { signal })).map(({ name, times }) => [name, times]));
  const tables: SqlJob["tables"][number][] = [];
  let skippedFiles = 0;
  for (const { name, files, shape } of streams) {
    const times = uses.get(name) ?? [];
    const chosen = files.filter((file) => times.some((range) => overlaps(file, range)));
    if (times.length > 0) skippedFiles += files.length - chosen.length;
    const { located } = stack.use(await lake.locate(name, chosen, { signal }));
    const only = [...onlyTimes(times), ...(knownByMs === undefined ? [] : [{ column: KNOWN_COLUMN, from: -Infinity, to: knownByMs + 1 }])];
    tables.push({ name, columns: columnsWithin(shape.columns, chosen), only, files: located });
  }
  const owned = stack.move();
  const needed = tables.flatMap(({ files }) => files);
  return {
    job: { sql, tables, limits }, [Symbol.asyncDispose]: () => owned.disposeAsync(),
    reading: { files: needed.length, skippedFiles, sizeBytes: needed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) },
  };
}

/** Runs a planned statement where the cache and the sandbox are. */
export async function runSqlJob(job: SqlJob, { sandbox, cache, signal }: { readonly sandbox: QuerySandbox; readonly cache: FileCache; readonly signal?: AbortSignal | undefined }): Promise<SqlRun> {
  const opened = await openTables(job, cache, signal);
  try {
    const run = await sandbox.run(job.sql, { ...job.limits, tables: opened.tables, signal });
    return {
      ...run, fetchedBytes: opened.fetchedBytes,
      [Symbol.asyncDispose]: async () => {
        await run[Symbol.asyncDispose]();
        opened.release();
      },
    };
  } catch (thrown) {
    opened.release();
    throw thrown;
  }
}

/** Writes a planned statement's result as a Parquet file. */
export async function writeSqlJob(job: SqlJob, path: string, { sandbox, cache, signal }: { readonly sandbox: QuerySandbox; readonly cache: FileCache; readonly signal?: AbortSignal | undefined }): Promise<{ readonly rows: number; readonly sizeBytes: number }> {
  const opened = await openTables(job, cache, signal);
  try {
    return await sandbox.write(job.sql, path, { ...job.limits, tables: opened.tables, signal });
  } finally {
    opened.release();
  }
}

async function openTables(job: SqlJob, cache: FileCache, signal: AbortSignal | undefined) {
  const opened: OpenedFiles[] = [];
  const release = (): void => { for (const files of opened) files[Symbol.dispose](); };
  try {
    for (const { files } of job.tables) opened.push(await fetchFiles(files, cache, { signal }));
  } catch (thrown) {
    release();
    throw thrown;
  }
  return { tables: job.tables.map((table, index): QueryTable => ({ ...table, files: opened[index]!.parts })), fetchedBytes: opened.reduce((sum, { fetchedBytes }) => sum + fetchedBytes, 0), release };
}

async function holdAsOf(lake: Pick<Lake, "hold">, asOf: string | undefined): Promise<{ readonly held: HeldSnapshot; readonly knownByMs: number | undefined }> {
  if (asOf === undefined) return { held: await lake.hold(), knownByMs: undefined };
  const knownByMs = Date.parse(asOf);
  if (Number.isNaN(knownByMs) || !asOf.includes("-")) return { held: await lake.hold(asOf).catch(explainAsOf(asOf)), knownByMs: undefined };
  return { held: await lake.hold(), knownByMs };
}

const explainAsOf = (asOf: string) => (thrown: unknown): never => {
  if (isStrataError(thrown) && thrown.code === "SNAPSHOT_NOT_FOUND" && !/^[0-9a-f]{6,}$/.test(asOf)) {
    throw new StrataError("REQUEST_INVALID", { reason: `"${asOf}" is neither a snapshot's id nor a time such as 2026-01-31T12:00:00Z.` });
  }
  throw thrown;
};

const overlaps = ({ minTimeMs, maxTimeMs }: LakeFile, { from, to }: NumberRange): boolean => maxTimeMs >= from && minTimeMs < to;

/** One range around all that is wanted, so that row groups outside are skipped too. */
function onlyTimes(times: readonly NumberRange[]): readonly (NumberRange & { readonly column: string })[] {
  if (times.length === 0) return [];
  const [from, to] = [Math.min(...times.map((range) => range.from)), Math.max(...times.map((range) => range.to))];
  return from === -Infinity && to === Infinity ? [] : [{ column: TIME_COLUMN, from, to }];
}
