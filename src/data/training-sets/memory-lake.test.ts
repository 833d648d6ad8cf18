/** Test material: a lake in memory, whose columns come from the same code that fills Parquet files. */
import type { Stream } from "../../define/index.ts";
import type { EventColumns } from "../lake/event-columns.ts";
import { createEventBuffer } from "../lake/event-buffer.ts";
import type { Lake } from "../lake/lake.ts";
import type { LakeSnapshot } from "../lake/snapshot.ts";

export interface TestEvent {
  readonly stream: Stream;
  readonly timeMs: number;
  /** Default: the event's time. */
  readonly knownAtMs?: number;
  readonly row: Readonly<Record<string, unknown>>;
}

export interface MemoryLake {
  readonly lake: Pick<Lake, "readEvents">;
  readonly snapshot: LakeSnapshot;
}

/** Offsets are the events' positions within their stream. */
export function createMemoryLake(events: readonly TestEvent[]): MemoryLake {
  const byStream = Map.groupBy(events, ({ stream }) => stream.name);
  const streams = Object.fromEntries([...byStream].map(([name, group]) => [name, { files: [], rows: group.length, endOffset: group.length }]));
  return {
    snapshot: { id: "memory", createdAtMs: 0, streams },
    lake: { readEvents: async (stream, { fields }) => columnsOf(byStream.get(stream) ?? [], new Set(fields)) },
  };
}

function columnsOf(events: readonly TestEvent[], fields: ReadonlySet<string>): EventColumns {
  const none = new Float64Array(0);
  if (events.length === 0) return { rows: 0, offsets: none, timesMs: none, knownAtMs: none, columns: {} };
  const timesMs = Float64Array.from(events, (event) => event.timeMs);
  const knownAtMs = Float64Array.from(events, (event) => event.knownAtMs ?? event.timeMs);
  const buffer = createEventBuffer(events[0]!.stream.schema, 0);
  buffer.append({ stream: events[0]!.stream.name, baseOffset: 0, timesMs, knownAtMs, rows: events.map(({ row }) => row) });
  const { table, file } = buffer.finish([]);
  const columns = Object.fromEntries(file.fields.filter(({ field }) => fields.has(field)).map(({ field, column }) => [field, table.columns[column]!]));
  return { rows: events.length, offsets: timesMs.map((_, row) => row), timesMs, knownAtMs, columns };
}
