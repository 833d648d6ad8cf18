/** Between a run and its rows. */
import { canonicalJson } from "../../kernel/hash.ts";
import { metricValue } from "./metric-history.ts";
import type { NewRun, Run, RunArtifact } from "./run.ts";
import type { ExperimentTables } from "./tables.ts";

type Origin = Required<Omit<NewRun, "model" | "parameters">>;

export function runRow(id: string, startedAtMs: number, run: NewRun): ExperimentTables["experiment_run"] {
  const { model, parameters, trigger, snapshot, definitionHash, codeHash, environment, tags } = run;
  const origin: Origin = { trigger, snapshot, definitionHash, codeHash, environment, tags: tags ?? {} };
  return {
    id, model, status: "running", started_at_ms: startedAtMs, finished_at_ms: null, error: null,
    origin: canonicalJson(origin), parameters: canonicalJson(parameters ?? {}), metric_count: 0,
  };
}

export interface RunParts {
  readonly metrics: readonly ExperimentTables["experiment_metric_latest"][];
  readonly artifacts: readonly ExperimentTables["experiment_artifact"][];
}

export function runFromRow(row: ExperimentTables["experiment_run"], { metrics, artifacts }: RunParts): Run {
  const origin = JSON.parse(row.origin) as Origin; // written by runRow
  return {
    id: row.id, model: row.model, status: row.status, startedAtMs: row.started_at_ms,
    finishedAtMs: row.finished_at_ms ?? undefined, error: row.error ?? undefined,
    ...origin, parameters: parametersOf(row),
    metrics: Object.fromEntries(metrics.map((metric) => [metric.name, metricValue(metric)])),
    artifacts: artifacts.map(artifactFromRow),
  };
}

export function parametersOf(row: { readonly parameters: string }): Readonly<Record<string, unknown>> {
  return JSON.parse(row.parameters) as Readonly<Record<string, unknown>>; // written by runRow and setParameters
}

function artifactFromRow(row: ExperimentTables["experiment_artifact"]): RunArtifact {
  return { name: row.name, digest: row.digest, sizeBytes: row.size_bytes, mediaType: row.media_type, timeMs: row.time_ms };
}
