/**
 * Metric points of runs: appended, never changed. A missing (NaN) value is stored as NULL, because SQL has no NaN
 * that all engines agree on; infinities are stored as they are.
 */
import { sql } from "kysely";
import type { Kysely, Transaction } from "kysely";
import { StrataError } from "../../kernel/errors.ts";
import type { MetricPoint, MetricValue } from "./run.ts";
import type { ExperimentTables } from "./tables.ts";

/** 6 values a row: 3,000 bound values per statement stay below every engine's limit (32,766 in SQLite). */
const ROWS_PER_STATEMENT = 500;

/** Refuses what could not be stored faithfully, naming the first bad point. */
export function checkPoints(points: readonly MetricPoint[]): void {
  for (const [index, { name, step, value, timeMs }] of points.entries()) {
    const problem = name === "" ? "has no name"
      : !Number.isSafeInteger(step) ? `has step ${step}, which is not a whole number`
      : !Number.isSafeInteger(timeMs) ? `has time ${timeMs}, which is not a whole number of milliseconds`
      : typeof value !== "number" ? "has a value that is not a number"
      : undefined;
    if (problem !== undefined) throw new StrataError("REQUEST_INVALID", { reason: `Metric point ${index} ("${name}") ${problem}.` });
  }
}

/** Appends points that take the places `firstSequence`, `firstSequence + 1`, … of the run's history. */
export async function insertPoints(transaction: Transaction<ExperimentTables>, run: string, placed: { readonly points: readonly MetricPoint[]; readonly firstSequence: number }): Promise<void> {
  const { points, firstSequence } = placed;
  const rows = points.map((point, index) => ({ run, sequence: firstSequence + index, ...metricColumns(point) }));
  for (let start = 0; start < rows.length; start += ROWS_PER_STATEMENT) {
    await transaction.insertInto("experiment_metric").values(rows.slice(start, start + ROWS_PER_STATEMENT)).execute();
  }
  const latest = latestPoints(points).map((point) => ({ run, ...metricColumns(point) }));
  for (let start = 0; start < latest.length; start += ROWS_PER_STATEMENT) {
    await upsertLatest(transaction, latest.slice(start, start + ROWS_PER_STATEMENT));
  }
}

async function upsertLatest(transaction: Transaction<ExperimentTables>, rows: readonly ExperimentTables["experiment_metric_latest"][]): Promise<void> {
  await transaction.insertInto("experiment_metric_latest").values(rows).onConflict((conflict) => conflict.columns(["run", "name"])
    .doUpdateSet((column) => ({ step: column.ref("excluded.step"), time_ms: column.ref("excluded.time_ms"), value: column.ref("excluded.value") }))
    .where(sql<boolean>`(excluded.step, excluded.time_ms) >= (experiment_metric_latest.step, experiment_metric_latest.time_ms)`)).execute();
}

/** The point with the highest (step, time) of each name; the later one of equals. */
export function latestPoints(points: readonly MetricPoint[]): readonly MetricPoint[] {
  const latest = new Map<string, MetricPoint>();
  for (const point of points) {
    const known = latest.get(point.name);
    if (known === undefined || point.step > known.step || (point.step === known.step && point.timeMs >= known.timeMs)) latest.set(point.name, point);
  }
  return [...latest.values()];
}

/** In the order of (step, time, logging). */
export async function readHistory(database: Kysely<ExperimentTables>, run: string, query: { readonly name: string; readonly fromStep: number; readonly limit: number }): Promise<readonly MetricValue[]> {
  const rows = await database.selectFrom("experiment_metric").select(["step", "time_ms", "value"])
    .where("run", "=", run).where("name", "=", query.name).where("step", ">=", query.fromStep)
    .orderBy("step").orderBy("time_ms").orderBy("sequence").limit(query.limit).execute();
  return rows.map(metricValue);
}

export function metricValue(row: { readonly step: number; readonly time_ms: number; readonly value: number | null }): MetricValue {
  return { step: row.step, value: row.value ?? Number.NaN, timeMs: row.time_ms };
}

function metricColumns({ name, step, timeMs, value }: MetricPoint) {
  return { name, step, time_ms: timeMs, value: Number.isNaN(value) ? null : value };
}
