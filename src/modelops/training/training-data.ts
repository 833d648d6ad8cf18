/**
 * What a trainer learns from: columns of numbers, labels, optional weights and query groups, and the checks
 * that keep a bad value from turning into a silently bad model. The arrays are read, never kept or changed.
 */
import { StrataError } from "../../kernel/errors.ts";
import { CATEGORY_CODE_LIMIT } from "../../ports/tree-model.ts";
import type { ResolvedParameters } from "./parameters.ts";

export interface TrainingColumn {
  readonly name: string;
  readonly kind: "numeric" | "categorical";
  /** One per row; NaN = missing. Categorical: whole codes from 0 to 2^24 - 1. Infinities count as the largest finite numbers. */
  readonly values: Float64Array;
  /** Names of the codes, kept with the model. */
  readonly categories?: readonly string[];
}

export interface LabeledRows {
  readonly columns: readonly TrainingColumn[];
  /** binary: 0 or 1; multiclass: class number; lambdarank: relevance 0 .. 30; regression: any number up to 1e150. */
  readonly label: Float64Array;
  /** Importance of each row, at least 0; all 1 when absent. */
  readonly weight?: Float64Array;
  /** Rows per query, in row order, for lambdarank only. */
  readonly groups?: Uint32Array;
}

export interface TrainingData extends LabeledRows {
  /** Held-out rows with the same columns in the same order, for progress and early stopping. */
  readonly validation?: LabeledRows;
}

/** 2^24: beyond it the exact integer histogram sums (see fixed-point.ts) would be left with under 5 bits per hessian. */
export const ROW_LIMIT = 2 ** 24;

/** Raises TRAINING_DATA_INVALID with the first problem and its place. Categorical codes are checked while they are binned. */
export function checkTrainingData(data: TrainingData, parameters: ResolvedParameters): void {
  if (data.columns.length === 0) refuse("there are no columns");
  if (new Set(data.columns.map((column) => column.name)).size !== data.columns.length) refuse("two columns have the same name");
  checkRows(data, parameters, "");
  if (!data.validation) return;
  const differs = data.columns.find((column, i) => {
    const other = data.validation!.columns[i];
    return other?.name !== column.name || other.kind !== column.kind;
  });
  if (differs || data.validation.columns.length !== data.columns.length) refuse("the validation columns differ from the training columns");
  checkRows(data.validation, parameters, "validation ");
}

function checkRows({ columns, label, weight, groups }: LabeledRows, parameters: ResolvedParameters, where: string): void {
  const rows = label.length;
  if (rows === 0) refuse(`there are no ${where}rows`);
  if (rows > ROW_LIMIT) refuse(`${rows} ${where}rows are more than ${ROW_LIMIT}; sample them`);
  for (const column of columns) {
    if (column.values.length !== rows) refuse(`${where}column "${column.name}" has ${column.values.length} values for ${rows} labels`);
  }
  const badLabel = label.findIndex((value) => !labelFits(value, parameters));
  if (badLabel >= 0) refuse(`${where}label ${label[badLabel]} of row ${badLabel} does not fit objective ${parameters.objective}`);
  if (weight) checkWeight(weight, rows, where);
  checkGroups(groups, parameters.objective === "lambdarank", rows, where);
}

function labelFits(value: number, { objective, outputs }: ResolvedParameters): boolean {
  switch (objective) {
    case "binary": return value === 0 || value === 1;
    case "multiclass": return Number.isInteger(value) && value >= 0 && value < outputs;
    case "lambdarank": return Number.isInteger(value) && value >= 0 && value <= 30; // 2^30 - 1 is the largest gain
    case "regression": return Math.abs(value) <= 1e150; // squared errors must stay finite
  }
}

function checkWeight(weight: Float64Array, rows: number, where: string): void {
  if (weight.length !== rows) refuse(`there are ${weight.length} ${where}weights for ${rows} rows`);
  const bad = weight.findIndex((value) => !(value >= 0 && value < Infinity));
  if (bad >= 0) refuse(`${where}weight ${weight[bad]} of row ${bad} is not a finite number of at least 0`);
  if (!weight.some((value) => value > 0)) refuse(`every ${where}weight is 0`);
}

function checkGroups(groups: Uint32Array | undefined, needed: boolean, rows: number, where: string): void {
  if (!needed) return groups ? refuse(`${where}groups belong to objective lambdarank only`) : undefined;
  if (!groups) return refuse(`objective lambdarank needs ${where}groups, the number of rows of each query`);
  const total = groups.reduce((sum, size) => sum + size, 0);
  if (total !== rows) refuse(`the ${where}groups cover ${total} rows of ${rows}`);
  if (groups.includes(0)) refuse(`a ${where}group is empty`);
}

/** A categorical value must be NaN or a whole code in range, and have a name when the column names its codes. */
export function checkCategory(value: number, row: number, { name, categories }: TrainingColumn): void {
  const limit = categories?.length ?? CATEGORY_CODE_LIMIT;
  if (!Number.isInteger(value) || value < 0 || value >= limit) {
    refuse(`value ${value} of categorical column "${name}" in row ${row} is not a whole code from 0 to ${limit - 1}`);
  }
}

function refuse(reason: string): never {
  throw new StrataError("TRAINING_DATA_INVALID", { reason });
}
