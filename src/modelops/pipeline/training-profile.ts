/** What a version remembers of its training data, to compare live rows with: stored with it as the artifact "profile". */
import type { ColumnProfile } from "../../observe/index.ts";
import { profileColumn } from "../../observe/index.ts";
import type { TrainingColumn } from "../training/training-data.ts";

export interface TrainingProfile {
  readonly columns: Readonly<Record<string, ColumnProfile>>;
  readonly score: ColumnProfile;
  /** Share of each column in the model's total gain; weighs its drift. */
  readonly importances: Readonly<Record<string, number>>;
}

export function profileTraining(columns: readonly TrainingColumn[], scores: Float64Array, gains: Readonly<Record<string, number>>): TrainingProfile {
  const total = Object.values(gains).reduce((sum, gain) => sum + gain, 0);
  return {
    columns: Object.fromEntries(columns.map((column) => [column.name, profileColumn(column.values, { kind: column.kind })])),
    score: profileColumn(scores, { kind: "numeric" }),
    importances: Object.fromEntries(Object.entries(gains).map(([name, gain]) => [name, total > 0 ? gain / total : 0])),
  };
}
