/**
 * The embedded analytics engine: DuckDB in memory, stateless over Parquet files. The native library (70 MB) is loaded
 * with the first use, about 0.3 s. Extensions are never fetched.
 */
import type { DuckDBInstance } from "@duckdb/node-api";
import { mkdir, readdir, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { StrataError } from "../../kernel/errors.ts";
import type { Analytics, AnalyticsOptions } from "../../ports/analytics.ts";
import { digestOf, stampOf } from "./file-digest.ts";
import { createSlots } from "./slots.ts";

export interface DuckdbAnalyticsOptions {
  /** Threads of one query. Default: all cores. */
  readonly threads?: number;
  /** Default 1 GiB: a point-in-time join of 10 million rows took the same time as without a limit. */
  readonly memoryLimitBytes?: number;
  /** Where intermediate results go that do not fit into memory; made when needed. */
  readonly temporaryFolder: string;
}

const DEFAULT_MEMORY_LIMIT_BYTES = 2 ** 30;
const PARALLEL_CALLS = 2;

type Modules = Awaited<ReturnType<typeof loadModules>>;
interface Engine {
  readonly instance: DuckDBInstance;
  readonly modules: Modules;
}

/** Opens the engine; nothing native is loaded before the first call that needs it. */
export function openDuckdbAnalytics(options: DuckdbAnalyticsOptions): Analytics {
  const slots = createSlots(PARALLEL_CALLS);
  const closing = new AbortController();
  const running = new Set<Promise<unknown>>();
  let engine: Promise<Engine> | undefined;
  let written = 0;

  const work = <T>({ signal }: AnalyticsOptions, task: (engine: Engine, signal: AbortSignal) => Promise<T>): Promise<T> => {
    const cancelled = signal ? AbortSignal.any([signal, closing.signal]) : closing.signal;
    const result = slots.use(async () => {
      if (cancelled.aborted) throw new StrataError("ABORTED", { what: "The lake query" });
      engine ??= startEngine(options).catch((thrown: unknown) => {
        engine = undefined; // the next call tries again
        throw thrown;
      });
      return task(await engine, cancelled);
    }, cancelled).catch((thrown: unknown) => {
      checkOpen(thrown);
      throw thrown;
    });
    running.add(result);
    const forget = (): void => { running.delete(result); };
    result.then(forget, forget);
    return result;
  };
  const checkOpen = (cause?: unknown): void => {
    if (closing.signal.aborted) throw new StrataError("CLOSED", { what: "The analytics engine" }, { cause });
  };
  const fileWork = async <T>(task: () => Promise<T>): Promise<T> => {
    checkOpen();
    return task();
  };
  const target = (path: string) => ({ path, temporaryPath: `${path}.${written++}.temporary` });
  const close = async (): Promise<void> => {
    if (closing.signal.aborted) return;
    closing.abort();
    await Promise.allSettled(running);
    const started = await engine?.catch(() => undefined);
    started?.instance.closeSync();
  };

  return {
    query: (query, callOptions = {}) => work(callOptions, ({ instance, modules }, signal) =>
      modules.withSession(instance, signal, (session) => modules.readTable(session, query))),
    writeTable: (path, table, callOptions = {}) => work(callOptions, ({ instance, modules }, signal) =>
      modules.withSession(instance, signal, async (session) => modules.writeParquet(session, await modules.loadTable(session, table), target(path)))),
    writeQuery: (path, query, callOptions = {}) => work(callOptions, ({ instance, modules }, signal) =>
      modules.withSession(instance, signal, async (session) => {
        await modules.createViews(session, query);
        return modules.writeParquet(session, query.sql, { ...target(path), compressionLevel: callOptions.compressionLevel });
      })),
    makeFolder: (folder) => fileWork(() => makeFolder(folder)),
    list: (folder) => fileWork(() => listFiles(folder)),
    stamp: (path) => fileWork(() => stampOf(path)),
    digest: (path, callOptions = {}) => fileWork(() => digestOf(path, callOptions)),
    remove: (path) => fileWork(() => rm(path, { force: true })),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** The modules that import the native package, so that importing this file stays cheap. */
async function loadModules() {
  await import("@duckdb/node-api").catch((thrown: unknown) => {
    throw new StrataError("RUNTIME_MISSING", { runtime: "DuckDB", package: "@duckdb/node-api" }, { cause: thrown });
  });
  const [{ DuckDBInstance }, { withSession }, { readTable, createViews }, { loadTable }, { writeParquet }] = await Promise.all([
    import("@duckdb/node-api"), import("./session.ts"), import("./result-reader.ts"), import("./table-loader.ts"), import("./parquet-writer.ts"),
  ]);
  return { DuckDBInstance, withSession, readTable, createViews, loadTable, writeParquet };
}

async function startEngine(options: DuckdbAnalyticsOptions): Promise<Engine> {
  const modules = await loadModules();
  const instance = await modules.DuckDBInstance.create(":memory:", {
    ...(options.threads === undefined ? {} : { threads: String(options.threads) }),
    memory_limit: `${options.memoryLimitBytes ?? DEFAULT_MEMORY_LIMIT_BYTES}B`,
    temp_directory: options.temporaryFolder,
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
  });
  return { instance, modules };
}

async function makeFolder(folder: string): Promise<void> {
  const { syncFolder } = await import("./parquet-writer.ts");
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
}

async function listFiles(folder: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => entry.name).toSorted();
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT") return [];
    throw thrown;
  }
}
