/**
 * A stream's events from before its log's oldest one, read back from the lake in pieces: what a view is built from
 * where retention has removed events from the log. The rows have the fields as the lake gives them back, which is how
 * a view sees those of the log, too.
 */
import { StrataError } from "../../kernel/errors.ts";
import type { Stream } from "../../define/index.ts";
import type { EventColumns } from "../lake/event-columns.ts";
import type { Lake } from "../lake/lake.ts";
import type { LakeFile } from "../lake/lake-file.ts";
import { streamOf } from "../lake/snapshot.ts";
import type { LakeSnapshot } from "../lake/snapshot.ts";
import type { DecodedBatch } from "../streams/decoded-batch.ts";
import { valueAt } from "./event-cursor.ts";

export interface HistoryRange {
  readonly fromOffset: number;
  /** Events below this offset are read. */
  readonly toOffset: number;
  /** Fields of the stream's schema that are wanted; the rows have no others. */
  readonly fields: Iterable<string>;
  readonly signal?: AbortSignal;
}

export interface StreamHistory {
  /** The first offset from which on every event up to this one can be read; this one itself when none can. */
  oldestOffset(stream: string, toOffset: number): number;
  /** The range's events in offset order. LAKE_QUERY_FAILED when one is not there. */
  read(stream: Stream, range: HistoryRange): AsyncIterable<DecodedBatch>;
}

export interface StreamHistoryOptions {
  readonly lake: Pick<Lake, "hold" | "readEvents" | "unbrokenFrom">;
  /** Rows read from a file at a time. Default 20,000: a few MB, and tens of milliseconds of DuckDB's time. */
  readonly rowsPerRead?: number;
}

/** Rows given out at a time, so that whoever applies them can let others run: about 10 ms. */
const ROWS_PER_BATCH = 2_000;

export function createStreamHistory({ lake, rowsPerRead = 20_000 }: StreamHistoryOptions): StreamHistory {
  const readPiece = (stream: Stream, snapshot: LakeSnapshot, { fields, ...range }: HistoryRange): Promise<EventColumns> =>
    lake.readEvents(stream.name, { ...range, snapshot, fields: [...fields].filter((field) => Object.hasOwn(stream.schema.shape, field)) });

  return {
    oldestOffset: lake.unbrokenFrom,
    read: async function* (stream, range) {
      let next = range.fromOffset;
      while (next < range.toOffset) {
        // One file at a time: files may be merged meanwhile, and only what is being read is held.
        using held = await lake.hold();
        const file = streamOf(held.snapshot, stream.name).files.find(({ fromOffset, toOffset }) => fromOffset <= next && next < toOffset);
        if (file === undefined) throw missing(stream, next);
        const snapshot = onlyFile(held.snapshot, stream.name, file);
        const endOffset = Math.min(file.toOffset, range.toOffset);
        while (next < endOffset) {
          const toOffset = Math.min(next + rowsPerRead, endOffset);
          const events = await readPiece(stream, snapshot, { ...range, fromOffset: next, toOffset });
          if (events.rows !== toOffset - next || events.offsets[0] !== next) throw missing(stream, next);
          yield* batchesOf(stream.name, events);
          next = toOffset;
        }
      }
    },
  };
}

function onlyFile(snapshot: LakeSnapshot, stream: string, file: LakeFile): LakeSnapshot {
  return { ...snapshot, streams: { [stream]: { files: [file], rows: file.rows, endOffset: file.toOffset } } };
}

function missing({ name }: Stream, offset: number): StrataError {
  return new StrataError("LAKE_QUERY_FAILED", { reason: `the lake lacks events of stream "${name}" from offset ${offset} on` });
}

/** Offsets are consecutive: the caller has counted them. */
function* batchesOf(stream: string, { rows, offsets, timesMs, knownAtMs, columns }: EventColumns): Generator<DecodedBatch> {
  const fields = Object.entries(columns);
  for (let from = 0; from < rows; from += ROWS_PER_BATCH) {
    const to = Math.min(from + ROWS_PER_BATCH, rows);
    yield {
      stream, baseOffset: offsets[from]!, timesMs: timesMs.subarray(from, to), knownAtMs: knownAtMs.subarray(from, to),
      rows: Array.from({ length: to - from }, (_, index) => Object.fromEntries(fields.map(([field, column]) => [field, valueAt(column, from + index)]))),
    };
  }
}
