/** Cuts the held-out rows in two by time, whole groups at a time: the earlier part stops the training, the later is only judged on. */
import type { TrainingRows } from "../../data/index.ts";

export interface HeldOut {
  /** Both parts together. */
  readonly heldOut: TrainingRows;
  readonly validation: TrainingRows;
  readonly test: TrainingRows;
}

/** Stopping needs a trend, judging needs narrow intervals: the larger part is for judging. */
const VALIDATION_SHARE = 0.35;

export function splitHeldOut(rows: TrainingRows): HeldOut {
  const { groups } = rows;
  const cutGroup = groups ? Math.floor(groups.length * VALIDATION_SHARE) : 0;
  const cutRow = groups ? groups.subarray(0, cutGroup).reduce((sum, size) => sum + size, 0) : Math.floor(rows.rows * VALIDATION_SHARE);
  return { heldOut: rows, validation: slice(rows, [0, cutRow], [0, cutGroup]), test: slice(rows, [cutRow, rows.rows], [cutGroup, groups?.length ?? 0]) };
}

type Range = readonly [from: number, to: number];

function slice({ columns, label, timesMs, keys, groups, totalRelevant }: TrainingRows, [from, to]: Range, [firstGroup, lastGroup]: Range): TrainingRows {
  return {
    rows: to - from,
    columns: columns.map((column) => ({ ...column, values: column.values.subarray(from, to) })),
    label: label.subarray(from, to), timesMs: timesMs.subarray(from, to),
    keys: Object.fromEntries(Object.entries(keys).map(([entity, column]) => [entity, { ...column, codes: column.codes.subarray(from, to) }])),
    ...(groups ? { groups: groups.subarray(firstGroup, lastGroup) } : {}),
    ...(totalRelevant ? { totalRelevant: totalRelevant.subarray(firstGroup, lastGroup) } : {}),
  };
}
