/**
 * The entry of a process that runs SQL: its own engine, its own cache of the lake's files. It plans nothing and knows no
 * manifest; jobs say where their files are, and what is in the blob store is fetched by the parent, which has its keys.
 */
import type { SqlJob, SqlRun } from "../../data/index.ts";
import { runSqlJob, writeSqlJob } from "../../data/index.ts";
import { openDuckdbSandbox } from "../../engines/duckdb/duckdb-sandbox.ts";
import { openEmbeddedFileCache } from "../../engines/embedded/file-cache.ts";
import { StrataError } from "../../kernel/errors.ts";
import type { StoredBlob } from "../../ports/blob-store.ts";
import { createProcessLink } from "../serve/process-link.ts";
import type { LinkMessage } from "../serve/process-link.ts";

export interface SqlWorkerOrders {
  readonly cacheFolder: string;
  readonly cacheBytes: number;
  readonly temporaryFolder: string;
  readonly memoryLimitBytes: number;
}

export interface SqlWorkerHead {
  readonly columns: SqlRun["columns"];
  readonly fetchedBytes: number;
  readonly cached: ReadonlyMap<string, number>;
}

/** A piece of the rows; the last one has none and says how it ended. */
export interface SqlWorkerPiece {
  readonly rows: readonly (readonly unknown[])[];
  readonly isLast: boolean;
  readonly isTruncated: boolean;
}

interface Running {
  readonly stop: AbortController;
  run?: SqlRun;
  pieces?: AsyncIterator<readonly (readonly unknown[])[]>;
}

/** Longer than any fetch of one file may take. */
const FETCH_TIMEOUT_MS = 600_000;

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined); // the parent ends it
process.on("disconnect", () => process.exit(0));

const link = createProcessLink("the server", {
  send: (message) => { process.send?.(message, undefined, undefined, () => undefined); },
  subscribe: (receive) => { process.on("message", (message) => receive(message as LinkMessage)); }, // the parent is our own program
});
const orders = await link.ask<SqlWorkerOrders>("orders");
const blobs = { getFile: (digest: string, path: string) => link.ask<StoredBlob>("fetch", { digest, path }, FETCH_TIMEOUT_MS) };
const cache = await openEmbeddedFileCache({ folder: orders.cacheFolder, maxBytes: orders.cacheBytes, blobs });
const sandbox = openDuckdbSandbox({ memoryLimitBytes: orders.memoryLimitBytes, temporaryFolder: orders.temporaryFolder });
const running = new Map<number, Running>();

const started = (id: number): Running => {
  const state: Running = { stop: new AbortController() };
  running.set(id, state);
  return state;
};
const found = (id: number): Running => {
  const state = running.get(id);
  if (state === undefined) throw new StrataError("CLOSED", { what: "The statement" });
  return state;
};
const end = async (id: number): Promise<void> => {
  const state = running.get(id);
  running.delete(id);
  state?.stop.abort();
  await state?.run?.[Symbol.asyncDispose]();
};

link.on("open", async ({ id, job }: { readonly id: number; readonly job: SqlJob }): Promise<SqlWorkerHead> => {
  const state = started(id);
  try {
    state.run = await runSqlJob(job, { sandbox, cache, signal: state.stop.signal });
    state.pieces = state.run.pieces[Symbol.asyncIterator]();
    return { columns: state.run.columns, fetchedBytes: state.run.fetchedBytes, cached: cache.contents() };
  } catch (thrown) {
    running.delete(id);
    throw thrown;
  }
});
link.on("next", async ({ id }: { readonly id: number }): Promise<SqlWorkerPiece> => {
  const { pieces, run } = found(id);
  const { value, done } = await pieces!.next(); // opened before
  return done === true ? { rows: [], isLast: true, isTruncated: run!.isTruncated() } : { rows: value, isLast: false, isTruncated: false };
});
link.on("write", async ({ id, job, path }: { readonly id: number; readonly job: SqlJob; readonly path: string }) => {
  const { stop } = started(id);
  try {
    return await writeSqlJob(job, path, { sandbox, cache, signal: stop.signal });
  } finally {
    running.delete(id);
  }
});
link.on("end", async ({ id }: { readonly id: number }) => {
  await end(id);
  return cache.contents();
});
await link.ask("ready", cache.contents());
