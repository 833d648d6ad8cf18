/**
 * Events of one stream as columns, in offset order: what the lake reads back and what backfills,
 * point-in-time joins and candidate replays consume.
 */
export type EventColumn =
  /** NaN = missing. */
  | { readonly kind: "number"; readonly values: Float64Array }
  /** Dictionary-encoded; code -1 = missing. */
  | { readonly kind: "text"; readonly codes: Int32Array; readonly dictionary: readonly string[] }
  /** 1, 0, or -1 = missing. */
  | { readonly kind: "boolean"; readonly values: Int8Array };

export interface EventColumns {
  readonly rows: number;
  readonly offsets: Float64Array;
  /** Event times, ms since the epoch. */
  readonly timesMs: Float64Array;
  readonly knownAtMs: Float64Array;
  /** By field name; a field that is not in the schema is absent. */
  readonly columns: Readonly<Record<string, EventColumn>>;
}
