/**
 * Processes that run SQL beside the server, each with its own cache. A job goes to the one that can start it first:
 * compute/placement decides, by what each has cached and what waits there. They start with the first statement.
 */
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { placeJob, workerModule } from "../../compute/index.ts";
import type { Placement, PlacementWorker } from "../../compute/index.ts";
import type { SqlJob, SqlRun } from "../../data/index.ts";
import type { Clock } from "../../kernel/clock.ts";
import { StrataError } from "../../kernel/errors.ts";
import type { BlobStore } from "../../ports/blob-store.ts";
import { createProcessLink } from "../serve/process-link.ts";
import type { LinkMessage, ProcessLink } from "../serve/process-link.ts";
import type { SqlWorkerHead, SqlWorkerOrders, SqlWorkerPiece } from "./sql-worker.ts";

export interface SqlWorkersOptions {
  readonly count: number;
  readonly blobs: Pick<BlobStore, "getFile">;
  /** Holds a folder per worker. */
  readonly cacheFolder: string;
  /** Of all workers together. */
  readonly cacheBytes: number;
  readonly temporaryFolder: string;
  readonly memoryLimitBytes: number;
  readonly clock: Clock;
}

export interface PlacedRun extends SqlRun {
  readonly placement: Placement;
}

export interface SqlWorkers extends AsyncDisposable {
  run(job: SqlJob, signal?: AbortSignal): Promise<PlacedRun>;
  write(job: SqlJob, path: string, signal?: AbortSignal): Promise<{ readonly rows: number; readonly sizeBytes: number }>;
}

interface Child {
  readonly name: string;
  readonly process: ChildProcess;
  readonly link: ProcessLink;
  readonly exited: Promise<void>;
  cached: ReadonlyMap<string, number>;
  jobs: number;
}

/** A statement waits its turn in a worker; what a worker may run at once is one, so that its memory bound holds. */
const SLOTS = 1;
const START_TIMEOUT_MS = 30_000;
/** Statements have their own time limits; this is beyond the longest. */
const CALL_TIMEOUT_MS = 2 * 3_600_000;
/** Until something was measured. */
const FIRST_RATES = { bytesPerSecond: 100 * 2 ** 20, secondsPerJob: 1 };
/** Weight of the newest measurement. */
const NEW_SHARE = 0.3;

export function openSqlWorkers(options: SqlWorkersOptions): SqlWorkers {
  const { count, clock } = options;
  const children = new Map<string, Promise<Child>>();
  let rates = FIRST_RATES;
  let lastId = 0;
  let isClosed = false;

  const start = (name: string): Promise<Child> => {
    const starting = startChild(name, options);
    children.set(name, starting);
    const forget = (): void => { if (children.get(name) === starting) children.delete(name); };
    starting.then(({ exited }) => exited.then(forget), forget); // the next statement starts another
    return starting;
  };
  const all = (): Promise<readonly Child[]> => {
    if (isClosed) throw new StrataError("CLOSED", { what: "SQL over the lake" });
    return Promise.all(Array.from({ length: count }, (_, index) => `sql-${index + 1}`).map((name) => children.get(name) ?? start(name)));
  };
  const place = async (job: SqlJob): Promise<{ readonly child: Child; readonly placement: Placement }> => {
    const workers = await all();
    const needs = new Map(job.tables.flatMap(({ files }) => files.flatMap(({ path, blob }) => (path === undefined && blob !== undefined ? [[blob.digest, blob.sizeBytes] as const] : []))));
    const placement = placeJob({ needs }, workers.map((child): PlacementWorker => ({ name: child.name, cached: child.cached, slots: SLOTS, jobs: child.jobs })), rates)!; // there is at least one
    const child = workers.find(({ name }) => name === placement.worker)!;
    child.jobs += 1;
    // What it will have soon counts as there, so that the next question about the same files follows this one.
    child.cached = new Map([...child.cached, ...needs]);
    return { child, placement };
  };
  const measure = (startedMs: number, { placement }: { readonly placement: Placement }): void => {
    const missing = placement.neededBytes - placement.cachedBytes;
    const seconds = Math.max(0.001, (clock.monotonicMs() - startedMs) / 1_000);
    const blend = (old: number, now: number): number => old * (1 - NEW_SHARE) + now * NEW_SHARE;
    rates = missing > 0 ? { ...rates, bytesPerSecond: blend(rates.bytesPerSecond, missing / seconds) } : { ...rates, secondsPerJob: blend(rates.secondsPerJob, seconds) };
  };
  const leave = async (child: Child, id: number): Promise<void> => {
    child.cached = await child.link.ask<ReadonlyMap<string, number>>("end", { id }).catch(() => new Map<string, number>());
  };

  return {
    run: async (job, signal) => {
      const id = ++lastId;
      const { child, placement } = await place(job);
      const { link } = child;
      const abort = (): void => { void leave(child, id); };
      let isOver = false;
      const finish = async (): Promise<void> => {
        if (isOver) return;
        isOver = true;
        signal?.removeEventListener("abort", abort);
        child.jobs -= 1;
        await leave(child, id);
      };
      try {
        signal?.addEventListener("abort", abort, { once: true });
        const startedMs = clock.monotonicMs();
        const { columns, fetchedBytes, cached } = await link.ask<SqlWorkerHead>("open", { id, job }, CALL_TIMEOUT_MS);
        child.cached = cached;
        measure(startedMs, { placement });
        let isTruncated = false;
        async function* pieces(): AsyncGenerator<readonly (readonly unknown[])[]> {
          for (;;) {
            const piece = await link.ask<SqlWorkerPiece>("next", { id }, CALL_TIMEOUT_MS);
            isTruncated = piece.isTruncated;
            if (piece.isLast) return;
            yield piece.rows;
          }
        }
        return { columns, fetchedBytes, placement, pieces: pieces(), isTruncated: () => isTruncated, [Symbol.asyncDispose]: finish };
      } catch (thrown) {
        await finish();
        throw thrown;
      }
    },
    write: async (job, path, signal) => {
      const id = ++lastId;
      const { child } = await place(job);
      const abort = (): void => { void leave(child, id); };
      signal?.addEventListener("abort", abort, { once: true });
      try {
        return await child.link.ask("write", { id, job, path }, CALL_TIMEOUT_MS);
      } finally {
        signal?.removeEventListener("abort", abort);
        child.jobs -= 1;
        await leave(child, id);
      }
    },
    [Symbol.asyncDispose]: async () => {
      isClosed = true;
      for (const starting of children.values()) {
        const child = await starting.catch(() => undefined);
        child?.process.kill("SIGKILL"); // it holds nothing that a crash could break
        await child?.exited;
      }
    },
  };
}

async function startChild(name: string, { count, blobs, cacheFolder, cacheBytes, temporaryFolder, memoryLimitBytes }: SqlWorkersOptions): Promise<Child> {
  const child = fork(fileURLToPath(workerModule("sql-worker", import.meta.url)), [], { serialization: "advanced", execArgv: process.execArgv.filter((word) => !word.startsWith("--test")), stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const link = createProcessLink(name, {
    send: (message) => { if (child.connected) child.send(message, () => undefined); },
    subscribe: (receive) => { child.on("message", (message) => receive(message as LinkMessage)); }, // the child is our own program
  });
  const exited = new Promise<void>((resolve) => child.once("exit", () => { link.close(); resolve(); }));
  const orders: SqlWorkerOrders = { cacheFolder: join(cacheFolder, name), cacheBytes: Math.floor(cacheBytes / count), temporaryFolder: join(temporaryFolder, name), memoryLimitBytes };
  link.on("orders", () => orders);
  link.on("fetch", ({ digest, path }: { readonly digest: string; readonly path: string }) => blobs.getFile(digest, path));
  const ready = new Promise<ReadonlyMap<string, number>>((resolve, reject) => {
    link.on("ready", (cached: ReadonlyMap<string, number>) => resolve(cached));
    void exited.then(() => reject(new StrataError("SERVICE_START_FAILED", { service: "a SQL process", reason: "it ended before it was ready" })));
    setTimeout(() => reject(new StrataError("SERVICE_START_FAILED", { service: "a SQL process", reason: `it was not ready within ${START_TIMEOUT_MS} ms` })), START_TIMEOUT_MS).unref();
  });
  try {
    return { name, process: child, link, exited, cached: await ready, jobs: 0 };
  } catch (thrown) {
    child.kill("SIGKILL");
    throw thrown;
  }
}
