/**
 * Compares the feature vectors that were served with those computed again from the log: the proof in production that
 * online equals offline. Two numbers agree only when they are the same double, or both missing.
 */
import type { Matrix } from "../../ports/model-runtime.ts";

export interface AuditInput {
  /** Names of the matrices' columns. */
  readonly columns: readonly string[];
  readonly served: Matrix;
  readonly recomputed: Matrix;
  /** Says which vector a row is, for the examples. Default: its number. */
  readonly nameOf?: (row: number) => string;
  /** Most examples in the report. Default 20. */
  readonly maxExamples?: number;
}

export interface AuditExample {
  readonly row: string;
  readonly column: string;
  /** null = missing. */
  readonly served: number | null;
  readonly recomputed: number | null;
}

export interface ColumnAudit {
  readonly column: string;
  readonly mismatches: number;
  /** Served as missing, but there is a value; and the other way round. Both are among the mismatches. */
  readonly missing: number;
  readonly extra: number;
  /** Largest difference between two values. */
  readonly maxDifference: number;
  /** Symmetric mean absolute percentage error of the rows where both have a value, 0 to 2. */
  readonly smape: number;
}

export interface AuditReport {
  /** Vectors compared. */
  readonly checked: number;
  /** Vectors that differ in at least one column. */
  readonly mismatches: number;
  readonly examples: readonly AuditExample[];
  /** Every column, in order. */
  readonly perColumn: readonly ColumnAudit[];
}

/** Throws a RangeError when the matrices and names do not have the same shape. */
export function auditVectors(input: AuditInput): AuditReport {
  checkShapes(input);
  const { columns, served, recomputed, nameOf = String, maxExamples = 20 } = input;
  const examples: AuditExample[] = [];
  const differing = new Set<number>();
  const perColumn = columns.map((column, place) => {
    const tally = createTally(column);
    for (let row = 0; row < served.rows; row++) {
      const was = served.values[row * columns.length + place]!;
      const is = recomputed.values[row * columns.length + place]!;
      if (tally.compare(was, is)) continue;
      differing.add(row);
      if (examples.length < maxExamples) examples.push({ row: nameOf(row), column, served: orNull(was), recomputed: orNull(is) });
    }
    return tally.finish();
  });
  return { checked: served.rows, mismatches: differing.size, examples, perColumn };
}

/** The sum of several reports over the same columns; keeps the first examples. */
export function mergeAudits(reports: readonly AuditReport[], maxExamples = 20): AuditReport {
  const [first] = reports;
  const checked = reports.reduce((sum, report) => sum + report.checked, 0);
  return {
    checked, mismatches: reports.reduce((sum, report) => sum + report.mismatches, 0),
    examples: reports.flatMap((report) => report.examples).slice(0, maxExamples),
    perColumn: (first?.perColumn ?? []).map((column, place) => mergeColumns(column.column, reports.map((report) => ({ ...report.perColumn[place]!, checked: report.checked })))),
  };
}

function mergeColumns(column: string, parts: readonly (ColumnAudit & { readonly checked: number })[]): ColumnAudit {
  const add = (field: "mismatches" | "missing" | "extra"): number => parts.reduce((sum, part) => sum + part[field], 0);
  const rows = parts.reduce((sum, part) => sum + part.checked, 0);
  return {
    column, mismatches: add("mismatches"), missing: add("missing"), extra: add("extra"),
    maxDifference: Math.max(0, ...parts.map((part) => part.maxDifference)),
    smape: rows === 0 ? 0 : parts.reduce((sum, part) => sum + part.smape * part.checked, 0) / rows, // weighted by rows, near enough for a summary
  };
}

function checkShapes({ columns, served, recomputed }: AuditInput): void {
  for (const matrix of [served, recomputed]) {
    if (matrix.columns !== columns.length || matrix.rows !== served.rows || matrix.values.length !== matrix.rows * matrix.columns) {
      throw new RangeError(`an audit compares matrices of one shape: ${columns.length} columns, ${served.rows} rows served, ${recomputed.rows} recomputed`);
    }
  }
}

interface Tally {
  /** Whether the two agree. */
  compare(served: number, recomputed: number): boolean;
  finish(): ColumnAudit;
}

function createTally(column: string): Tally {
  let mismatches = 0, missing = 0, extra = 0, maxDifference = 0, errors = 0, both = 0;
  return {
    compare: (served, recomputed) => {
      const isMissing = Number.isNaN(served);
      if (!isMissing && !Number.isNaN(recomputed)) both++;
      if (Object.is(served, recomputed)) return true;
      mismatches++;
      if (isMissing) missing++;
      else if (Number.isNaN(recomputed)) extra++;
      else {
        const difference = Math.abs(served - recomputed);
        maxDifference = Math.max(maxDifference, difference);
        errors += difference === 0 ? 0 : (2 * difference) / (Math.abs(served) + Math.abs(recomputed));
      }
      return false;
    },
    finish: () => ({ column, mismatches, missing, extra, maxDifference, smape: both === 0 ? 0 : errors / both }),
  };
}

const orNull = (value: number): number | null => (Number.isNaN(value) ? null : value);
