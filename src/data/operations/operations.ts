/**
 * Long work as ordinary operations: each is a row in SQL with its progress, can be cancelled, and goes on after a crash
 * from the cursor it reported last. Work of clients (an import from a file) is recorded the same way; they report it.
 */
import type { Clock } from "../../kernel/clock.ts";
import { StrataError, isStrataError, reasonOf, toStrataError } from "../../kernel/errors.ts";
import type { IdSource } from "../../kernel/ids.ts";
import type { SqlDatabase, SqlMigration } from "../../ports/sql.ts";
import type { Logger } from "../../ports/telemetry.ts";

export const OPERATION_STATES = ["running", "done", "failed", "cancelled"] as const;
export type OperationState = (typeof OPERATION_STATES)[number];

export interface Operation {
  readonly id: string;
  /** "replay", "rebuild", "backfill". */
  readonly kind: string;
  /** What it works on: a stream, a view. */
  readonly subject: string;
  readonly state: OperationState;
  /** Events done and to do; 0 while the total is not known. */
  readonly done: number;
  readonly total: number;
  /** Since it started or went on. */
  readonly perSecond: number;
  /** Estimated; absent when it cannot be. */
  readonly leftMs?: number;
  readonly startedAtMs: number;
  readonly updatedAtMs: number;
  readonly endedAtMs?: number;
  readonly input: unknown;
  readonly result?: unknown;
  /** Why it failed. */
  readonly reason?: string;
}

export interface OperationControl {
  readonly signal: AbortSignal;
  /** What was reported before a crash; undefined at the first start. */
  readonly cursor: unknown;
  readonly report: (progress: { readonly done: number; readonly total: number; readonly cursor?: unknown }) => void;
}

export type OperationHandler = (input: never, control: OperationControl, id: string) => Promise<unknown>;

export interface Operations {
  /** Makes the table and lets interrupted operations go on. */
  open(): Promise<void>;
  start(kind: string, subject: string, input: unknown): Promise<Operation>;
  /** Newest first. */
  list(query?: { readonly state?: OperationState; readonly limit?: number }): Promise<readonly Operation[]>;
  /** OPERATION_NOT_FOUND. */
  get(id: string): Promise<Operation>;
  /** OPERATION_REFUSED when it has ended. */
  cancel(id: string): Promise<Operation>;
  /** For work that a client does: OPERATION_REFUSED for work of the platform and when it has ended. */
  progress(id: string, progress: { readonly done: number; readonly total: number; readonly state: "running" | "done" | "failed" }): Promise<Operation>;
  /** Resolves when the operation has ended. */
  ended(id: string): Promise<void>;
  /** Interrupts what runs; it goes on at the next opening. */
  close(): Promise<void>;
}

interface OperationRow {
  id: string; kind: string; subject: string; state: string; done: number; total: number; started_at_ms: number; updated_at_ms: number; ended_at_ms: number | null;
  input: string; cursor: string | null; result: string | null; reason: string | null;
}

const MIGRATIONS: readonly SqlMigration[] = [{
  name: "operations",
  statements: [
    `create table operation (
      id text not null primary key, kind text not null, subject text not null, state text not null, done integer not null, total integer not null,
      started_at_ms integer not null, updated_at_ms integer not null, ended_at_ms integer, input text not null, cursor text, result text, reason text)`,
    "create index operation_by_state on operation (state)",
  ],
}];

export interface OperationsOptions {
  readonly database: SqlDatabase;
  /** Real time: rates are told to people. */
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly logger: Logger;
  /** By kind; a kind without a handler is a client's. */
  readonly handlers: Readonly<Record<string, OperationHandler>>;
}

interface Running {
  readonly stopping: AbortController;
  readonly ended: Promise<void>;
  readonly begunAtMs: number;
  readonly begunAt: number;
  done: number;
  total: number;
  savedAtMs: number;
  isCancelled: boolean;
}

/** A crash loses at most this much of an operation's progress. */
const SAVE_EVERY_MS = 1_000;

export function createOperations({ database, clock, ids, logger, handlers }: OperationsOptions): Operations {
  const tables = database.as<{ operation: OperationRow }>();
  const running = new Map<string, Running>();
  let isClosing = false;

  const rowOf = async (id: string): Promise<OperationRow> => {
    const row = await tables.selectFrom("operation").selectAll().where("id", "=", id).executeTakeFirst();
    if (row === undefined) throw new StrataError("OPERATION_NOT_FOUND", { operation: id });
    return row;
  };
  const describe = (row: OperationRow): Operation => {
    const live = running.get(row.id);
    const { done, total } = live ?? row;
    const nowMs = clock.now();
    const perSecond = live === undefined ? (done * 1000) / Math.max(1, (row.ended_at_ms ?? row.updated_at_ms) - row.started_at_ms) : ((done - live.begunAt) * 1000) / Math.max(1, nowMs - live.begunAtMs);
    return {
      id: row.id, kind: row.kind, subject: row.subject, state: row.state as OperationState, done, total, perSecond, // `state` is written here only
      ...(row.state === "running" && total > done && perSecond > 0 ? { leftMs: ((total - done) * 1000) / perSecond } : {}),
      startedAtMs: row.started_at_ms, updatedAtMs: row.updated_at_ms, ...(row.ended_at_ms === null ? {} : { endedAtMs: row.ended_at_ms }),
      input: JSON.parse(row.input) as unknown, ...(row.result === null ? {} : { result: JSON.parse(row.result) as unknown }), ...(row.reason === null ? {} : { reason: row.reason }),
    };
  };
  const update = async (id: string, values: Partial<OperationRow>): Promise<void> => {
    await tables.updateTable("operation").set({ ...values, updated_at_ms: clock.now() }).where("id", "=", id).execute();
  };
  const end = async (id: string, state: OperationState, values: Partial<OperationRow>): Promise<void> => {
    const { done, total } = running.get(id)!; // it runs until this is written
    await update(id, { ...values, state, done, total, ended_at_ms: clock.now() });
  };

  const run = (row: OperationRow): void => {
    const handler = handlers[row.kind];
    if (handler === undefined) return;
    const stopping = new AbortController();
    const finished = Promise.withResolvers<void>();
    const live: Running = { stopping, ended: finished.promise, begunAtMs: clock.now(), begunAt: row.done, done: row.done, total: row.total, savedAtMs: clock.now(), isCancelled: false };
    running.set(row.id, live);
    let saving: Promise<void> = Promise.resolve();
    const report: OperationControl["report"] = ({ done, total, cursor }) => {
      Object.assign(live, { done, total });
      if (clock.now() - live.savedAtMs < SAVE_EVERY_MS) return;
      live.savedAtMs = clock.now();
      saving = saving.then(() => update(row.id, { done, total, ...(cursor === undefined ? {} : { cursor: JSON.stringify(cursor) }) })).catch((thrown: unknown) => logger.log("warn", `The progress of operation ${row.id} was not stored: ${reasonOf(thrown)}`));
    };
    const work = async (): Promise<void> => {
      try {
        const result = await handler(JSON.parse(row.input) as never, { signal: stopping.signal, cursor: row.cursor === null ? undefined : JSON.parse(row.cursor) as unknown, report }, row.id); // each kind reads the input that was stored for it
        await saving;
        await end(row.id, "done", { result: JSON.stringify(result ?? null) });
      } catch (thrown) {
        await saving;
        if (live.isCancelled) await end(row.id, "cancelled", {});
        else if (!isClosing && !(isStrataError(thrown) && thrown.code === "CLOSED")) await end(row.id, "failed", { reason: toStrataError(thrown).message });
      }
    };
    void work().catch((thrown: unknown) => logger.log("error", `Operation ${row.id} ended and this was not stored: ${reasonOf(thrown)}`)).finally(() => {
      running.delete(row.id);
      finished.resolve();
    });
  };

  return {
    open: async () => {
      await database.migrate("operations", MIGRATIONS);
      for (const row of await tables.selectFrom("operation").selectAll().where("state", "=", "running").orderBy("id").execute()) run(row);
    },
    start: async (kind, subject, input) => {
      const nowMs = clock.now();
      const row: OperationRow = { id: ids.next(), kind, subject, state: "running", done: 0, total: 0, started_at_ms: nowMs, updated_at_ms: nowMs, ended_at_ms: null, input: JSON.stringify(input ?? null), cursor: null, result: null, reason: null };
      await tables.insertInto("operation").values(row).execute();
      run(row);
      return describe(row);
    },
    list: async ({ state, limit = 50 } = {}) => {
      const all = tables.selectFrom("operation").selectAll().orderBy("id", "desc").limit(limit);
      return (await (state === undefined ? all : all.where("state", "=", state)).execute()).map(describe);
    },
    get: async (id) => describe(await rowOf(id)),
    cancel: async (id) => {
      const row = await rowOf(id);
      if (row.state !== "running") throw new StrataError("OPERATION_REFUSED", { operation: id, reason: `it is ${row.state}` });
      const live = running.get(id);
      if (live === undefined) await update(id, { state: "cancelled", ended_at_ms: clock.now() });
      else {
        live.isCancelled = true;
        live.stopping.abort();
        await live.ended;
      }
      return describe(await rowOf(id));
    },
    progress: async (id, { done, total, state }) => {
      const row = await rowOf(id);
      if (row.state !== "running") throw new StrataError("OPERATION_REFUSED", { operation: id, reason: `it is ${row.state}` });
      if (row.kind in handlers) throw new StrataError("OPERATION_REFUSED", { operation: id, reason: "the platform itself does it" });
      await update(id, { done, total, state, ...(state === "running" ? {} : { ended_at_ms: clock.now() }) });
      return describe(await rowOf(id));
    },
    ended: async (id) => {
      await running.get(id)?.ended;
    },
    close: async () => {
      isClosing = true;
      const all = [...running.values()];
      for (const { stopping } of all) stopping.abort();
      await Promise.all(all.map(({ ended }) => ended));
    },
  };
}
