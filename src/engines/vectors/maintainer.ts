/** Starts the building thread, takes over what it has linked as it goes, holds it still, ends it. One at a time. */
import { setTimeout as wait } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import { createRandom } from "../../kernel/random.ts";
import type { VectorRowsOptions } from "../../ports/vector-index.ts";
import type { Arena } from "./arena.ts";
import { HEADER } from "./arena-layout.ts";
import { runMaintenance } from "./maintenance.ts";
import type { MaintenanceTask } from "./maintenance-thread.ts";
import type { RowStates } from "./row-states.ts";

export interface Maintainer {
  /** Takes over what was linked since the last call. */
  absorb(): void;
  isBusy(): boolean;
  run(signal?: AbortSignal): Promise<void>;
  hold(): Promise<AsyncDisposable>;
  close(): Promise<void>;
}

export interface MaintainerOptions {
  readonly options: VectorRowsOptions;
  readonly arena: Arena;
  readonly states: RowStates;
  readonly centre: () => Float32Array | undefined;
}

/** So few rows are linked at once, in this thread: about 20 ms. */
const INLINE_ROWS = 64;

export function createMaintainer({ options, arena, states, centre }: MaintainerOptions): Maintainer {
  let running: { readonly worker: Worker; readonly insert: Int32Array; readonly ended: Promise<void>; absorbed: number } | undefined;
  const header = (): Int32Array => new Int32Array(arena.memory.buffer, 0, 16);

  const absorbRows = (insert: Int32Array, from: number, to: number): void => {
    for (let i = from; i < to; i++) {
      states.queue(insert[i]!, false);
      states.link(insert[i]!);
    }
  };
  const absorb = (): void => {
    if (running === undefined) return;
    const progress = Atomics.load(header(), HEADER.progress);
    absorbRows(running.insert, running.absorbed, progress);
    running.absorbed = progress;
  };
  const start = async (signal?: AbortSignal): Promise<void> => {
    const insert = spread(Int32Array.from(states.tail())), removed = states.rows("ghosts"), linked = states.rows("linked").filter((row) => states.isSet(row));
    const work = { insert, removed, linked, centre: centre() };
    for (const row of insert) states.queue(row, true);
    Atomics.store(header(), HEADER.progress, 0);
    if (insert.length <= INLINE_ROWS && removed.length === 0) {
      runMaintenance(arena, options.hnsw.efConstruction, work);
      absorbRows(insert, 0, insert.length);
      return;
    }
    const task: MaintenanceTask = { options, share: { memory: arena.memory, blocks: arena.blocks }, work };
    const worker = new Worker(workerUrl(), { name: "strata-vectors", workerData: task });
    const done = Promise.withResolvers<boolean>();
    worker.on("message", () => done.resolve(true));
    worker.on("error", (thrown) => done.reject(new StrataError("INTERNAL", { reason: `a vector index could not be built: ${reasonOf(thrown)}` }, { cause: thrown })));
    worker.on("exit", () => done.resolve(false));
    const abort = (): void => { void worker.terminate(); };
    signal?.addEventListener("abort", abort, { once: true });
    const end = async (): Promise<void> => {
      try {
        const isDone = await done.promise;
        absorb();
        if (isDone) for (const row of removed) states.unlink(row);
      } finally {
        signal?.removeEventListener("abort", abort);
        for (const row of insert) states.queue(row, false);
        running = undefined;
        await worker.terminate();
      }
    };
    running = { worker, insert, ended: Promise.resolve(), absorbed: 0 };
    const ended = end();
    ended.catch(() => undefined); // told to whoever waits
    running = { worker, insert, ended, absorbed: 0 };
    if (signal?.aborted) abort();
    await ended;
  };

  return {
    absorb,
    isBusy: () => running !== undefined,
    run: (signal) => running?.ended ?? start(signal),
    hold: async () => {
      if (running === undefined) return { [Symbol.asyncDispose]: async () => undefined };
      Atomics.store(header(), HEADER.pause, 1);
      while (running !== undefined && Atomics.load(header(), HEADER.paused) === 0) await wait(1);
      return {
        [Symbol.asyncDispose]: async () => {
          Atomics.store(header(), HEADER.pause, 0);
          Atomics.notify(header(), HEADER.pause);
        },
      };
    },
    close: async () => {
      const ending = running;
      await ending?.worker.terminate();
      await ending?.ended.catch(() => undefined);
    },
  };
}

/** In a fixed order without the order of arrival, which may go cluster by cluster: the last are to be like the others. */
function spread(rows: Int32Array): Int32Array {
  const random = createRandom(rows.length);
  for (let i = rows.length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [rows[i], rows[j]] = [rows[j]!, rows[i]!];
  }
  return rows;
}

/** Source runs by type stripping, dist as JavaScript; the compiler does not rewrite URLs, so the extension follows this file's own. */
function workerUrl(): URL {
  return new URL(import.meta.url.endsWith(".ts") ? "./maintenance-thread.ts" : "./maintenance-thread.js", import.meta.url);
}
