/**
 * People's SQL in DuckDB. Every run has an instance of its own, locked before the statement is looked at: no file but
 * the tables' own, no extension, no change of a setting. Those files could still be written by COPY, so nothing but a
 * SELECT is ever run: the engine's own parser says what a statement is.
 */
import type { DuckDBInstance } from "@duckdb/node-api";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { StrataError, isStrataError, reasonOf } from "../../kernel/errors.ts";
import { quoteText } from "../../ports/analytics.ts";
import type { TableFile } from "../../ports/analytics.ts";
import type { QueryOptions, QueryRun, QuerySandbox } from "../../ports/query-sandbox.ts";
import { createSlots } from "./slots.ts";

export interface DuckdbSandboxOptions {
  /** Threads of one run. Default 2. */
  readonly threads?: number;
  /** Memory of one run. Default 512 MiB. */
  readonly memoryLimitBytes?: number;
  /** Runs at once; each holds one of libuv's four threads. Default 1. */
  readonly parallelRuns?: number;
  /** For what does not fit into memory, up to four times as much; made when needed. */
  readonly temporaryFolder: string;
}

const DEFAULT_MEMORY_BYTES = 512 * 2 ** 20;
const SPILL_FACTOR = 4;

type Modules = Awaited<ReturnType<typeof loadModules>>;
type Session = Parameters<Parameters<Modules["withSession"]>[2]>[0];

export function openDuckdbSandbox(options: DuckdbSandboxOptions): QuerySandbox {
  const { threads = 2, memoryLimitBytes = DEFAULT_MEMORY_BYTES, parallelRuns = 1 } = options;
  const slots = createSlots(parallelRuns);
  const closing = new AbortController();
  const running = new Set<Promise<unknown>>();
  let modules: Promise<Modules> | undefined;
  let runs = 0;

  /** Runs `work` in a session of a new instance, within the limits. */
  const inSandbox = async <T>(limits: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined }, work: (session: Session, loaded: Modules) => Promise<T>): Promise<T> => {
    if (closing.signal.aborted) throw new StrataError("CLOSED", { what: "SQL over the lake" });
    const timeout = AbortSignal.timeout(limits.timeoutMs);
    const signal = AbortSignal.any([closing.signal, timeout, ...(limits.signal ? [limits.signal] : [])]);
    const spill = join(options.temporaryFolder, `sql-${process.pid}-${runs++}`);
    const result = slots.use(async () => {
      if (signal.aborted) throw new StrataError("ABORTED", { what: "The statement" });
      const loaded = await (modules ??= loadModules());
      await mkdir(spill, { recursive: true });
      const instance = await openInstance(loaded, { threads, memoryLimitBytes, spill });
      try {
        return await loaded.withSession(instance, signal, (session) => work(session, loaded));
      } finally {
        instance.closeSync();
        await rm(spill, { recursive: true, force: true });
      }
    }, signal).catch((thrown: unknown) => {
      if (closing.signal.aborted) throw new StrataError("CLOSED", { what: "SQL over the lake" }, { cause: thrown });
      if (limits.signal?.aborted !== true && timeout.aborted) throw new StrataError("DEADLINE_EXCEEDED", { what: "The statement", timeoutMs: limits.timeoutMs }, { cause: thrown });
      throw explain(thrown);
    });
    running.add(result);
    const forget = (): void => { running.delete(result); };
    result.then(forget, forget);
    return result;
  };

  const prepare = async (session: Session, sql: string, { query, loaded, writable = [] }: { readonly query: QueryOptions; readonly loaded: Modules; readonly writable?: readonly string[] }) => {
    for (const table of query.tables) await session.execute(loaded.viewOf(table));
    const read = query.tables.flatMap(({ files }) => files.map(pathOf));
    const paths = new Set([...read, ...read.map(loaded.literalGlob), ...writable]); // DuckDB asks for the pattern first, then for the file
    await session.execute(`SET allowed_paths = [${[...paths].map(quoteText).join(", ")}]`);
    await lock(session);
    return loaded.parseStatement(session, sql);
  };

  const close = async (): Promise<void> => {
    closing.abort();
    await Promise.allSettled(running);
  };
  return {
    inspect: (sql, timeColumns, { signal } = {}) => inSandbox({ timeoutMs: INSPECT_TIMEOUT_MS, signal }, async (session, loaded) => {
      await session.execute("SET TimeZone = 'UTC'");
      await lock(session);
      return loaded.tablesRead(session, await loaded.parseStatement(session, sql), timeColumns);
    }),
    run: (sql, query) => startRun((started) => inSandbox(query, async (session, loaded) => {
      await session.execute("SET TimeZone = 'UTC'");
      const { explain: prefix, select } = await prepare(session, sql, { query, loaded });
      await session.result(`${prefix}${select}`, started);
    }), query),
    write: (sql, path, query) => inSandbox(query, async (session, loaded) => {
      await session.execute("SET TimeZone = 'UTC'");
      const temporaryPath = `${path}.${runs++}.temporary`;
      const { select } = await prepare(session, sql, { query, loaded, writable: [temporaryPath] });
      return loaded.writeParquet(session, `SELECT * FROM (${select}\n) LIMIT ${query.maxRows}`, { path, temporaryPath });
    }),
    close, [Symbol.asyncDispose]: close,
  };
}

const INSPECT_TIMEOUT_MS = 10_000;
const pathOf = (file: TableFile): string => (typeof file === "string" ? file : file.path);

async function loadModules() {
  await import("@duckdb/node-api").catch((thrown: unknown) => {
    throw new StrataError("RUNTIME_MISSING", { runtime: "DuckDB", package: "@duckdb/node-api" }, { cause: thrown });
  });
  const [{ DuckDBInstance }, { withSession }, { parseStatement, tablesRead }, { viewOf }, { writeParquet }, { literalGlob }] = await Promise.all([
    import("@duckdb/node-api"), import("./session.ts"), import("./statement.ts"), import("./sandbox-tables.ts"), import("./parquet-writer.ts"), import("./parquet-source.ts"),
  ]);
  return { DuckDBInstance, withSession, parseStatement, tablesRead, viewOf, writeParquet, literalGlob };
}

function openInstance({ DuckDBInstance }: Modules, { threads, memoryLimitBytes, spill }: { readonly threads: number; readonly memoryLimitBytes: number; readonly spill: string }): Promise<DuckDBInstance> {
  return DuckDBInstance.create(":memory:", {
    threads: String(threads), memory_limit: `${memoryLimitBytes}B`, temp_directory: spill, max_temp_directory_size: `${memoryLimitBytes * SPILL_FACTOR}B`,
    autoinstall_known_extensions: "false", autoload_known_extensions: "false", allow_community_extensions: "false",
  });
}

/** From here on the statement can neither reach a file nor take the lock off again. */
async function lock(session: Session): Promise<void> {
  await session.execute("SET enable_external_access = false");
  await session.execute("SET lock_configuration = true");
}

function explain(thrown: unknown): unknown {
  const reason = reasonOf(isStrataError(thrown) && thrown.code === "LAKE_QUERY_FAILED" ? thrown.cause ?? thrown : thrown);
  if (/^Out of Memory Error|max_temp_directory_size/i.test(reason)) return new StrataError("QUERY_TOO_LARGE", { reason }, { cause: thrown });
  if (/^Permission Error|disabled by configuration|configuration has been locked/i.test(reason)) return new StrataError("QUERY_REFUSED", { reason }, { cause: thrown });
  if (isStrataError(thrown) && thrown.code === "LAKE_QUERY_FAILED") return new StrataError("QUERY_INVALID", { reason }, { cause: thrown });
  return thrown;
}

type Piece = readonly (readonly unknown[])[];

/** What a run tells while it goes on: its columns, then rows as fast as they are taken. */
export interface RunListener {
  columns(columns: QueryRun["columns"]): void;
  /** Resolves when more is wanted, with false when nothing is. */
  rows(piece: Piece): Promise<boolean>;
}

/** Turns a run that pushes into one that is pulled, so that the session lives exactly as long as its reader. */
async function startRun(run: (listener: RunListener) => Promise<void>, { maxRows }: QueryOptions): Promise<QueryRun & AsyncDisposable> {
  const head = Promise.withResolvers<QueryRun["columns"]>();
  const waiting: { piece: Piece; taken: (wantsMore: boolean) => void }[] = [];
  let bell = Promise.withResolvers<void>();
  let isOver = false;
  let rows = 0;
  let isTruncated = false;
  const finished = run({
    columns: head.resolve,
    rows: (piece) => {
      if (isOver) return Promise.resolve(false);
      const left = piece.slice(0, maxRows - rows);
      isTruncated = left.length < piece.length;
      rows += left.length;
      const { promise, resolve } = Promise.withResolvers<boolean>();
      waiting.push({ piece: left, taken: (wantsMore) => resolve(wantsMore && !isTruncated) });
      bell.resolve();
      return promise;
    },
  });
  const ended = finished.then(() => ({ failure: undefined }), (thrown: unknown) => ({ failure: { thrown } })).finally(() => bell.resolve());
  finished.catch(head.reject);
  const columns = await head.promise;

  const dispose = async (): Promise<void> => {
    isOver = true;
    for (const { taken } of waiting.splice(0)) taken(false);
    await ended;
  };
  let isDone = false;
  void ended.then(() => { isDone = true; });
  async function* pieces(): AsyncGenerator<Piece> {
    try {
      for (;;) {
        const next = waiting.shift();
        if (next !== undefined) {
          let isWanted = false;
          try {
            yield next.piece;
            isWanted = true;
          } finally {
            next.taken(isWanted); // also when the reader leaves the loop here
          }
          continue;
        }
        if (isDone) break;
        await bell.promise;
        bell = Promise.withResolvers<void>();
        if (waiting.length === 0) await Promise.race([ended, bell.promise]);
      }
      const { failure } = await ended;
      if (failure !== undefined) throw failure.thrown;
    } finally {
      await dispose();
    }
  }
  return { columns, pieces: pieces(), isTruncated: () => isTruncated, [Symbol.asyncDispose]: dispose };
}
