/**
 * Events of one stream as columns, in offset order: what the lake reads back and what backfills,
 * point-in-time joins and candidate replays consume.
 */
import type { Column } from "../../ports/analytics.ts";

export type EventColumn = Column;

export interface EventColumns {
  readonly rows: number;
  readonly offsets: Float64Array;
  /** Event times, ms since the epoch. */
  readonly timesMs: Float64Array;
  readonly knownAtMs: Float64Array;
  /** By field name; a field that is not in the schema is absent. */
  readonly columns: Readonly<Record<string, EventColumn>>;
}
