/**
 * Turns record batches into rows. Ingestion hands over the rows it has just parsed, so that consumers in the same
 * process get them without parsing again; what is not at hand is parsed from the payloads. Both ways give the same
 * rows: the output of the stream's schema, so that defaults and conversions hold for replays too.
 */
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import { SYSTEM_STREAM_PREFIX } from "../../define/index.ts";
import type { Stream } from "../../define/index.ts";
import type { LogRecord, RecordBatch } from "../../ports/event-log.ts";
import type { DecodedBatch } from "./decoded-batch.ts";
import { createRecentRows } from "./recent-rows.ts";
import type { Row } from "./recent-rows.ts";
import { compileSchema } from "./schema-check.ts";
import type { SchemaCheck } from "./schema-check.ts";

export interface EventDecoder {
  /**
   * Says that rows are on their way: an append is under way whose offsets are not known yet. Call the result when it
   * has settled, after `offer` or after the failure.
   */
  announce(stream: string): () => void;
  /** True when the batch is new and announced rows may be its own: waiting one turn of the event loop may save parsing it. */
  isAwaited(stream: string, batch: RecordBatch): boolean;
  /** Takes over rows that were just appended to `stream` from `baseOffset` on: the schema's output, in offset order. The caller must not change them. */
  offer(stream: string, baseOffset: number, rows: readonly Row[]): void;
  /**
   * The batch with its payloads parsed. A row that the stream's schema refuses (it was accepted by an earlier schema)
   * stays as it was sent. EVENT_UNREADABLE when a payload is no JSON object.
   */
  decode(stream: string, batch: RecordBatch): DecodedBatch;
  /** Rows delivered so far without parsing and with. */
  statistics(): { readonly sharedRows: number; readonly parsedRows: number };
}

export interface EventDecoderOptions {
  /** Definitions whose schemas the rows go through; streams that are not listed (the platform's own) keep the parsed JSON. */
  readonly streams?: () => ReadonlyMap<string, Stream>;
  /** Rows kept for sharing, over all streams. Default 65,536: about 22 MB of rows of 10 fields, 0.3 s at full speed. */
  readonly maxCachedRows?: number;
}

export function createEventDecoder(options: EventDecoderOptions = {}): EventDecoder {
  const recent = createRecentRows(options.maxCachedRows ?? 65_536);
  const checkOf = (stream: string): SchemaCheck | undefined => {
    const definition = options.streams?.().get(stream);
    return definition === undefined ? undefined : compileSchema(definition.schema);
  };
  const announced = new Map<string, number>();
  const announcedFor = (stream: string): number => announced.get(stream) ?? 0;
  let sharedRows = 0, parsedRows = 0;

  const rowsOf = (stream: string, batch: RecordBatch): readonly Row[] => {
    const end = batch.baseOffset + batch.records.length;
    const shared = recent.find(stream, batch.baseOffset, end);
    if (shared !== undefined) {
      sharedRows += shared.length;
      return shared;
    }
    const check = checkOf(stream);
    const rows = batch.records.map((record) => parseRow(stream, record, check));
    parsedRows += rows.length;
    // Others follow; history would push out the present. The platform's own streams have one reader and large rows (a
    // stored answer takes some 20 kB as objects): keeping them cost 600 MB under load.
    if (!stream.startsWith(SYSTEM_STREAM_PREFIX) && batch.baseOffset >= recent.newestOffset(stream)) recent.add(stream, batch.baseOffset, rows);
    return rows;
  };

  return {
    announce: (stream) => {
      announced.set(stream, announcedFor(stream) + 1);
      return () => void announced.set(stream, announcedFor(stream) - 1);
    },
    isAwaited: (stream, batch) => announcedFor(stream) > 0 && batch.baseOffset >= recent.newestOffset(stream),
    offer: recent.add,
    decode: (stream, batch) => ({ stream, baseOffset: batch.baseOffset, ...timesOf(batch.records), rows: rowsOf(stream, batch) }),
    statistics: () => ({ sharedRows, parsedRows }),
  };
}

function timesOf(records: readonly LogRecord[]): Pick<DecodedBatch, "timesMs" | "knownAtMs"> {
  const timesMs = new Float64Array(records.length), knownAtMs = new Float64Array(records.length);
  for (const [index, record] of records.entries()) {
    timesMs[index] = record.timeMs;
    knownAtMs[index] = record.knownAtMs;
  }
  return { timesMs, knownAtMs };
}

function parseRow(stream: string, record: LogRecord, check: SchemaCheck | undefined): Row {
  const value = parsePayload(stream, record);
  if (!isObject(value)) throw unreadable(stream, record, "it is not an object");
  if (check === undefined) return value;
  const checked = check(value);
  return checked.success ? checked.data : value;
}

function parsePayload(stream: string, { offset, payload }: LogRecord): unknown {
  try {
    return JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString());
  } catch (thrown) {
    throw unreadable(stream, { offset }, reasonOf(thrown));
  }
}

function isObject(value: unknown): value is Row {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function unreadable(stream: string, { offset }: { readonly offset: number }, reason: string): StrataError {
  return new StrataError("EVENT_UNREADABLE", { stream, offset, reason });
}
