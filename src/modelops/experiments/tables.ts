/**
 * Tables of the experiments: one row per run (its document in JSON columns), metric history, the latest value of
 * each metric kept beside it so that a listing never scans a history, and artifacts by blob digest.
 */
import type { SqlMigration } from "../../ports/sql.ts";
import type { RunStatus } from "./run.ts";

export interface ExperimentTables {
  experiment_run: {
    id: string;
    model: string;
    status: RunStatus;
    started_at_ms: number;
    finished_at_ms: number | null;
    error: string | null;
    /** JSON: trigger, snapshot, definitionHash, codeHash, environment, tags. */
    origin: string;
    /** JSON. */
    parameters: string;
    /** Points logged so far; gives each point its place in the history. */
    metric_count: number;
  };
  experiment_metric: { run: string; sequence: number; name: string; step: number; time_ms: number; value: number | null };
  experiment_metric_latest: { run: string; name: string; step: number; time_ms: number; value: number | null };
  experiment_artifact: { run: string; name: string; digest: string; size_bytes: number; media_type: string; time_ms: number };
}

export const EXPERIMENT_MIGRATIONS: readonly SqlMigration[] = [{
  name: "runs",
  statements: [
    `create table experiment_run (
      id text primary key, model text not null, status text not null, started_at_ms integer not null, finished_at_ms integer,
      error text, origin text not null, parameters text not null, metric_count integer not null)`,
    "create index experiment_run_by_model on experiment_run (model, id)",
    "create index experiment_run_by_status on experiment_run (status, id)",
    `create table experiment_metric (
      run text not null, sequence integer not null, name text not null, step integer not null, time_ms integer not null, value real,
      primary key (run, sequence))`,
    "create index experiment_metric_by_name on experiment_metric (run, name, step, time_ms, sequence)",
    `create table experiment_metric_latest (
      run text not null, name text not null, step integer not null, time_ms integer not null, value real,
      primary key (run, name))`,
    `create table experiment_artifact (
      run text not null, name text not null, digest text not null, size_bytes integer not null, media_type text not null, time_ms integer not null,
      primary key (run, name))`,
  ],
}];
