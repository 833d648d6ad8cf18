/**
 * The lake: every stream's events as Parquet files, each exactly once, kept when the log drops them. Snapshots name
 * the files of a moment, so that a training set can be built again from the very same events.
 */
import { join } from "node:path";
import type { Clock } from "../../kernel/clock.ts";
import { StrataError } from "../../kernel/errors.ts";
import type { Stream } from "../../define/index.ts";
import type { Analytics, ColumnKind } from "../../ports/analytics.ts";
import type { EventLog } from "../../ports/event-log.ts";
import type { SqlDatabase } from "../../ports/sql.ts";
import type { Logger, Meter } from "../../ports/telemetry.ts";
import type { EventDecoder } from "../streams/event-decoder.ts";
import type { EventColumns } from "./event-columns.ts";
import { readEventColumns } from "./event-reader.ts";
import type { EventRange } from "./event-reader.ts";
import { fieldKinds } from "./field-kind.ts";
import { createManifest } from "./manifest.ts";
import { streamOf } from "./snapshot.ts";
import type { LakeSnapshot } from "./snapshot.ts";
import { openStreamWriter } from "./stream-writer.ts";
import type { StreamWriter } from "./stream-writer.ts";

export interface LakeOptions {
  readonly log: EventLog;
  readonly decoder: EventDecoder;
  readonly analytics: Analytics;
  readonly database: SqlDatabase;
  readonly folder: string;
  /** The streams of the running definition. */
  readonly streams: () => ReadonlyMap<string, Stream>;
  readonly clock: Clock;
  readonly meter: Meter;
  readonly logger: Logger;
  /** A file is written when so many events wait. Default 100,000: about 3 MB, and 0.4 s of DuckDB's time. */
  readonly rowsPerFile?: number;
  /** Small files are merged when a stream has more of them. Default 16. */
  readonly maxSmallFiles?: number;
}

export interface ReadEventsOptions extends EventRange {
  readonly snapshot: LakeSnapshot;
  /** Fields of the stream's schema; see fieldsOf for those of an expression. */
  readonly fields: Iterable<string>;
  readonly signal?: AbortSignal;
}

export interface LakeStatistics {
  readonly files: number;
  readonly rows: number;
  readonly sizeBytes: number;
  /** Events below are in the lake. */
  readonly endOffset: number;
  /** Events in the log that are not in the lake yet. */
  readonly waitingRows: number;
}

export interface Lake extends AsyncDisposable {
  /** Makes the tables, removes leftovers of a crash and follows every stream. */
  start(): Promise<void>;
  /** Follows streams that came with a new definition. */
  followNewStreams(): Promise<void>;
  /** Resolves when every event durable in the log now (of one stream, or all) is in the lake. */
  flush(stream?: string, options?: { readonly signal?: AbortSignal }): Promise<void>;
  /** Events below this offset need the log no more: retention must stop here. */
  safeOffset(stream: string): number;
  /** What is in the lake now; its files are kept until the snapshot is forgotten. Call `flush` before. */
  snapshot(): Promise<LakeSnapshot>;
  /** A snapshot taken earlier; SNAPSHOT_NOT_FOUND when there is none. */
  openSnapshot(id: string): Promise<LakeSnapshot>;
  /** Newest first. */
  snapshots(): Promise<readonly { readonly id: string; readonly createdAtMs: number }[]>;
  /** Lets go of the snapshot and of files that only it still named. */
  forgetSnapshot(id: string): Promise<void>;
  /** A stream's events, by the field kinds of the running definition. STREAM_NOT_FOUND, REQUEST_INVALID for an unknown field. */
  readEvents(stream: string, options: ReadEventsOptions): Promise<EventColumns>;
  statistics(): Readonly<Record<string, LakeStatistics>>;
  close(): Promise<void>;
}

/** Does nothing until `start`. */
export function createLake(options: LakeOptions): Lake {
  const { log, decoder, analytics, database, folder, streams, clock, meter, logger } = options;
  const rule = { rowsPerFile: options.rowsPerFile ?? 100_000, maxSmallFiles: options.maxSmallFiles ?? 16 };
  const manifest = createManifest(database);
  const writers = new Map<string, StreamWriter>();
  const folderOf = (stream: string): string => join(folder, stream);
  let following: Promise<void> = Promise.resolve();

  const follow = async (): Promise<void> => {
    const stored = await manifest.streams();
    for (const stream of streams().keys()) {
      if (writers.has(stream)) continue;
      const definition = (): Stream | undefined => streams().get(stream);
      writers.set(stream, await openStreamWriter({ stream, log, decoder, analytics, manifest, folder: folderOf(stream), definition, clock, meter, logger, rule }, stored.get(stream)));
    }
  };
  const followNewStreams = (): Promise<void> => {
    const next = following.catch(() => undefined).then(follow); // one after the other, so that a stream gets one writer
    following = next;
    return next;
  };
  const writerOf = (stream: string): StreamWriter => {
    const writer = writers.get(stream);
    if (!writer) throw streamNotFound(stream, writers.keys());
    return writer;
  };
  const close = async (): Promise<void> => {
    await following.catch(() => undefined);
    await Promise.all([...writers.values()].map((writer) => writer.close()));
  };

  return {
    start: async () => {
      await manifest.open();
      await followNewStreams();
    },
    followNewStreams,
    flush: async (stream, { signal } = {}) => {
      const wanted = stream === undefined ? [...writers.values()] : [writerOf(stream)];
      await Promise.all(wanted.map((writer) => writer.flush(signal)));
    },
    safeOffset: (stream) => writers.get(stream)?.durableOffset ?? 0,
    snapshot: () => manifest.takeSnapshot(clock.now()),
    openSnapshot: (id) => manifest.snapshot(id),
    snapshots: () => manifest.snapshots(),
    forgetSnapshot: async (id) => {
      await manifest.forgetSnapshot(id);
      for (const writer of writers.values()) await writer.collect();
    },
    readEvents: async (stream, { snapshot, fields, ...range }) => {
      const definition = streams().get(stream);
      if (!definition) throw streamNotFound(stream, streams().keys());
      return readEventColumns(analytics, { ...range, files: streamOf(snapshot, stream).files, folder: folderOf(stream), fields: kindsOf(definition, fields) });
    },
    statistics: () => Object.fromEntries([...writers].map(([stream, writer]) => [stream, statisticsOf(writer, log.statistics(stream).nextOffset)])),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function streamNotFound(stream: string, known: Iterable<string>): StrataError {
  return new StrataError("STREAM_NOT_FOUND", { stream, known: [...known].join(", ") });
}

function kindsOf(stream: Stream, fields: Iterable<string>): ReadonlyMap<string, ColumnKind> {
  const kinds = fieldKinds(stream.schema);
  return new Map([...new Set(fields)].map((field) => {
    const kind = kinds.get(field);
    if (kind === undefined) throw new StrataError("REQUEST_INVALID", { reason: `Stream "${stream.name}" has no field "${field}"; it has ${[...kinds.keys()].join(", ")}.` });
    return [field, kind];
  }));
}

function statisticsOf(writer: StreamWriter, nextOffset: number): LakeStatistics {
  const { files, durableOffset } = writer;
  return {
    files: files.length,
    rows: files.reduce((sum, file) => sum + file.rows, 0), sizeBytes: files.reduce((sum, file) => sum + file.sizeBytes, 0),
    endOffset: durableOffset, waitingRows: nextOffset - durableOffset,
  };
}
