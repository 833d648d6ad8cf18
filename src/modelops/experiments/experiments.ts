/**
 * The record of training runs. Metrics keep their history, parameters never change once set, artifacts are blobs,
 * and a run that ended takes nothing more: it may already be evidence.
 * One process owns the runs of a database, so runs found unfinished at opening belong to a process that died.
 */
import type { Transaction } from "kysely";
import type { Clock } from "../../kernel/clock.ts";
import { StrataError } from "../../kernel/errors.ts";
import { canonicalJson } from "../../kernel/hash.ts";
import type { IdSource } from "../../kernel/ids.ts";
import type { BlobStore } from "../../ports/blob-store.ts";
import type { SqlDatabase } from "../../ports/sql.ts";
import { checkPoints, insertPoints, readHistory } from "./metric-history.ts";
import { parametersOf, runFromRow, runRow } from "./run-row.ts";
import type { MetricPoint, MetricValue, NewRun, Run, RunArtifact, RunPage, RunQuery, RunStatus } from "./run.ts";
import { EXPERIMENT_MIGRATIONS } from "./tables.ts";
import type { ExperimentTables } from "./tables.ts";

/** The error of a run whose process ended before it did. */
export const INTERRUPTED = "interrupted";

/** As many points as MLflow answers at once; the rest is a page away. */
const HISTORY_LIMIT = 25_000;

export interface ExperimentsOptions {
  readonly database: SqlDatabase;
  readonly blobs: BlobStore;
  readonly clock: Clock;
  readonly ids: IdSource;
}

export interface Experiments {
  /** Creates the tables and marks runs left running by an earlier process as failed ("interrupted"); returns their ids. */
  open(): Promise<readonly string[]>;
  /** Starts a run and returns its id; ids of later runs sort later. */
  createRun(run: NewRun): Promise<string>;
  /** Appends all points in one transaction, or none. */
  logMetrics(run: string, points: readonly MetricPoint[]): Promise<void>;
  /** Adds parameters. The same value again has no effect; another value for a known name raises RUN_REFUSED. */
  setParameters(run: string, parameters: Readonly<Record<string, unknown>>): Promise<void>;
  /** Stores the bytes and records them under the name; an artifact logged again under its name is replaced. */
  logArtifact(run: string, name: string, content: { readonly bytes: Uint8Array; readonly mediaType: string }): Promise<RunArtifact>;
  /** Ends the run. Ending it again the same way has no effect; another way raises RUN_REFUSED. */
  finish(run: string, status: Exclude<RunStatus, "running">, error?: string): Promise<void>;
  /** RUN_NOT_FOUND when there is none. */
  run(id: string): Promise<Run>;
  listRuns(query: RunQuery): Promise<RunPage>;
  /** In the order of (step, time); the first 25,000 points from `fromStep` on, or `limit`. */
  metricHistory(run: string, name: string, options?: { readonly fromStep?: number; readonly limit?: number }): Promise<readonly MetricValue[]>;
}

export function createExperiments({ database, blobs, clock, ids }: ExperimentsOptions): Experiments {
  const tables = database.as<ExperimentTables>();
  const transact = <T>(work: (transaction: Transaction<ExperimentTables>) => Promise<T>): Promise<T> => database.transaction<ExperimentTables, T>(work);

  const assemble = async (rows: readonly ExperimentTables["experiment_run"][]): Promise<readonly Run[]> => {
    if (rows.length === 0) return [];
    const runs = rows.map((row) => row.id);
    const metrics = await tables.selectFrom("experiment_metric_latest").selectAll().where("run", "in", runs).orderBy("name").execute();
    const artifacts = await tables.selectFrom("experiment_artifact").selectAll().where("run", "in", runs).orderBy("name").execute();
    const metricsByRun = Map.groupBy(metrics, (metric) => metric.run);
    const artifactsByRun = Map.groupBy(artifacts, (artifact) => artifact.run);
    return rows.map((row) => runFromRow(row, { metrics: metricsByRun.get(row.id) ?? [], artifacts: artifactsByRun.get(row.id) ?? [] }));
  };

  return {
    open: async () => {
      await database.migrate("experiments", EXPERIMENT_MIGRATIONS);
      const interrupted = await tables.updateTable("experiment_run")
        .set({ status: "failed", error: INTERRUPTED, finished_at_ms: clock.now() })
        .where("status", "=", "running").returning("id").execute();
      return interrupted.map((row) => row.id);
    },

    createRun: async (run) => {
      const id = ids.next();
      await transact((transaction) => transaction.insertInto("experiment_run").values(runRow(id, clock.now(), run)).execute());
      return id;
    },

    logMetrics: async (run, points) => {
      checkPoints(points);
      if (points.length === 0) return;
      await transact(async (transaction) => {
        const row = await runningRow(transaction, run);
        await transaction.updateTable("experiment_run").set({ metric_count: row.metric_count + points.length }).where("id", "=", run).execute();
        await insertPoints(transaction, run, { points, firstSequence: row.metric_count });
      });
    },

    setParameters: (run, parameters) => transact(async (transaction) => {
      const known = parametersOf(await runningRow(transaction, run));
      const changed = Object.entries(parameters).find(([name, value]) => Object.hasOwn(known, name) && canonicalJson(known[name]) !== canonicalJson(value));
      if (changed !== undefined) {
        const [name, value] = changed;
        throw refused(run, `parameter "${name}" is ${canonicalJson(known[name])} and cannot become ${canonicalJson(value)}`);
      }
      await transaction.updateTable("experiment_run").set({ parameters: canonicalJson({ ...known, ...parameters }) }).where("id", "=", run).execute();
    }),

    logArtifact: async (run, name, { bytes, mediaType }) => {
      if (name === "") throw new StrataError("REQUEST_INVALID", { reason: "An artifact needs a name." });
      const digest = await blobs.put(bytes);
      const artifact: RunArtifact = { name, digest, sizeBytes: bytes.byteLength, mediaType, timeMs: clock.now() };
      await transact(async (transaction) => {
        await runningRow(transaction, run);
        await upsertArtifact(transaction, run, artifact);
      });
      return artifact;
    },

    finish: (run, status, error) => transact(async (transaction) => {
      const row = await rowOf(transaction, run);
      if (row.status === status) return;
      if (row.status !== "running") throw refused(run, `it is ${row.status} and cannot become ${status}`);
      await transaction.updateTable("experiment_run").set({ status, error: error ?? null, finished_at_ms: clock.now() }).where("id", "=", run).execute();
    }),

    run: async (id) => {
      const [run] = await assemble([await rowOf(tables, id)]);
      return run!;
    },

    listRuns: async ({ model, status, limit, cursor }) => {
      if (!(Number.isInteger(limit) && limit >= 1 && limit <= 1_000)) throw new StrataError("REQUEST_INVALID", { reason: `The limit must be 1 to 1,000, not ${limit}.` });
      let query = tables.selectFrom("experiment_run").selectAll().orderBy("id", "desc").limit(limit + 1);
      if (model !== undefined) query = query.where("model", "=", model);
      if (status !== undefined) query = query.where("status", "=", status);
      if (cursor !== undefined) query = query.where("id", "<", cursor);
      const rows = await query.execute();
      const page = rows.slice(0, limit);
      return { runs: await assemble(page), nextCursor: rows.length > limit ? page.at(-1)?.id : undefined };
    },

    metricHistory: async (run, name, options = {}) => {
      await rowOf(tables, run);
      return readHistory(tables, run, { name, fromStep: options.fromStep ?? Number.MIN_SAFE_INTEGER, limit: options.limit ?? HISTORY_LIMIT });
    },
  };
}

type Reader = Pick<Transaction<ExperimentTables>, "selectFrom">;

async function rowOf(reader: Reader, run: string): Promise<ExperimentTables["experiment_run"]> {
  const row = await reader.selectFrom("experiment_run").selectAll().where("id", "=", run).executeTakeFirst();
  if (row === undefined) throw new StrataError("RUN_NOT_FOUND", { run });
  return row;
}

async function runningRow(reader: Reader, run: string): Promise<ExperimentTables["experiment_run"]> {
  const row = await rowOf(reader, run);
  if (row.status !== "running") throw refused(run, `it is ${row.status}`);
  return row;
}

async function upsertArtifact(transaction: Transaction<ExperimentTables>, run: string, artifact: RunArtifact): Promise<void> {
  const content = { digest: artifact.digest, size_bytes: artifact.sizeBytes, media_type: artifact.mediaType, time_ms: artifact.timeMs };
  await transaction.insertInto("experiment_artifact").values({ run, name: artifact.name, ...content })
    .onConflict((conflict) => conflict.columns(["run", "name"]).doUpdateSet(content)).execute();
}

function refused(run: string, reason: string): StrataError {
  return new StrataError("RUN_REFUSED", { run, reason });
}
