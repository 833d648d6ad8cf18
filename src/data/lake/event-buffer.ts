/** Events of one stream on their way into a file: consecutive offsets, as columns, under one schema. */
import type { z } from "zod";
import type { Column, ColumnTable } from "../../ports/analytics.ts";
import type { DecodedBatch } from "../streams/decoded-batch.ts";
import { createColumnBuilder } from "./column-builder.ts";
import type { ColumnBuilder } from "./column-builder.ts";
import { fieldKinds } from "./field-kind.ts";
import { KNOWN_COLUMN, OFFSET_COLUMN, TIME_COLUMN, assignColumns } from "./lake-file.ts";
import type { LakeFile, StoredField } from "./lake-file.ts";

export interface EventBuffer {
  readonly schema: z.ZodObject;
  readonly fromOffset: number;
  readonly rows: number;
  append(batch: DecodedBatch): void;
  /** What to write: the file's table, and the file without its name and size. */
  finish(known: readonly StoredField[]): { readonly table: ColumnTable; readonly file: Omit<LakeFile, "name" | "sizeBytes"> };
}

export function createEventBuffer(schema: z.ZodObject, fromOffset: number): EventBuffer {
  const kinds = fieldKinds(schema);
  const builder = createColumnBuilder(kinds);
  const times: Float64Array[] = [];
  const known: Float64Array[] = [];
  return {
    schema, fromOffset,
    get rows() { return builder.rows; },
    append: (batch) => {
      builder.append(batch.rows);
      times.push(batch.timesMs);
      known.push(batch.knownAtMs);
    },
    finish: (stored) => {
      const fields = assignColumns(kinds, stored);
      const timesMs = concatenate(times, builder.rows);
      const table = tableOf(builder, fields, { fromOffset, timesMs, knownAtMs: concatenate(known, builder.rows) });
      const toOffset = fromOffset + builder.rows;
      return { table, file: { fromOffset, toOffset, rows: builder.rows, minTimeMs: least(timesMs), maxTimeMs: greatest(timesMs), fields } };
    },
  };
}

interface EventTimes {
  readonly fromOffset: number;
  readonly timesMs: Float64Array;
  readonly knownAtMs: Float64Array;
}

function tableOf(builder: ColumnBuilder, fields: readonly StoredField[], { fromOffset, timesMs, knownAtMs }: EventTimes): ColumnTable {
  const built = builder.finish();
  const number = (values: Float64Array): Column => ({ kind: "number", values });
  const offsets = new Float64Array(builder.rows);
  for (let row = 0; row < offsets.length; row++) offsets[row] = fromOffset + row;
  return {
    rows: builder.rows,
    columns: Object.fromEntries([
      [OFFSET_COLUMN, number(offsets)],
      [TIME_COLUMN, number(timesMs)], [KNOWN_COLUMN, number(knownAtMs)],
      ...fields.map(({ field, column }): [string, Column] => [column, built.get(field)!]),
    ]),
  };
}

function concatenate(parts: readonly Float64Array[], length: number): Float64Array {
  const whole = new Float64Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const least = (values: Float64Array): number => values.reduce((a, b) => Math.min(a, b), Infinity);
const greatest = (values: Float64Array): number => values.reduce((a, b) => Math.max(a, b), -Infinity);
