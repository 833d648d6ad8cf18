/** The latest examples are held out by time, in whole groups; pure. */
import type { ExampleRows } from "./example-rows.ts";
import { sliceRows } from "./key-columns.ts";

export interface TimeSplit {
  readonly training: ExampleRows;
  readonly validation: ExampleRows;
  /** The training rows are the first so many, the held-out ones those from here on. */
  readonly trainingRows: number;
  readonly validationFrom: number;
  /** Examples or groups left out because their label window reaches into the held-out time. */
  readonly overlapping: number;
}

export interface SplitRule {
  /** Default: the latest fifth of examples or groups. */
  readonly holdoutMs: number | undefined;
  readonly labelWindowMs: number;
}

/**
 * Training examples whose label window reaches past the first held-out example are left out: the same outcome would
 * be learned from and judged by (purging, López de Prado 2018, chapter 7).
 */
export function splitByTime(examples: ExampleRows, { holdoutMs, labelWindowMs }: SplitRule): TimeSplit {
  const starts = unitStarts(examples);
  const timeOf = (unit: number): number => examples.timesMs[starts[unit]!]!;
  const units = starts.length - 1;
  const cutMs = cutTime(units, timeOf, holdoutMs);
  const validationFrom = firstUnit(units, (unit) => timeOf(unit) >= cutMs);
  const trainingTo = firstUnit(units, (unit) => timeOf(unit) + labelWindowMs >= cutMs || timeOf(unit) >= cutMs);
  return {
    training: sliceUnits(examples, starts, { from: 0, to: trainingTo }),
    validation: sliceUnits(examples, starts, { from: validationFrom, to: units }),
    trainingRows: starts[trainingTo]!, validationFrom: starts[validationFrom]!,
    overlapping: validationFrom - trainingTo,
  };
}

/** Where each group (or row) starts, and the end. */
function unitStarts({ rows, groups }: ExampleRows): Float64Array {
  const starts = new Float64Array((groups?.length ?? rows) + 1);
  for (let unit = 1; unit < starts.length; unit++) starts[unit] = starts[unit - 1]! + (groups?.[unit - 1] ?? 1);
  return starts;
}

function cutTime(units: number, timeOf: (unit: number) => number, holdoutMs: number | undefined): number {
  if (units === 0) return Infinity;
  return holdoutMs === undefined ? timeOf(Math.min(units - 1, Math.floor(units * 0.8))) : timeOf(units - 1) - holdoutMs;
}

function firstUnit(units: number, holds: (unit: number) => boolean): number {
  let unit = 0;
  while (unit < units && !holds(unit)) unit++;
  return unit;
}

function sliceUnits(examples: ExampleRows, starts: Float64Array, { from, to }: { readonly from: number; readonly to: number }): ExampleRows {
  const [start, end] = [starts[from]!, starts[to]!];
  return {
    rows: end - start, timesMs: examples.timesMs.slice(start, end), label: examples.label.slice(start, end),
    keys: Object.fromEntries(Object.entries(examples.keys).map(([entity, column]) => [entity, sliceRows(column, start, end)])),
    candidateFeatures: {}, // the vectors have them
    ...(examples.groups ? { groups: examples.groups.slice(from, to) } : {}),
    ...(examples.totalRelevant ? { totalRelevant: examples.totalRelevant.slice(from, to) } : {}),
  };
}
