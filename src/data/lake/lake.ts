/**
 * The lake: every stream's events as Parquet files, each exactly once, kept when the log drops them. Snapshots name
 * the files of a moment, so that a training set can be built again from the very same events; the lake can go back to
 * one, and nothing that a snapshot names is ever removed.
 */
import type { Clock } from "../../kernel/clock.ts";
import { StrataError } from "../../kernel/errors.ts";
import type { Stream } from "../../define/index.ts";
import type { Analytics, ColumnKind } from "../../ports/analytics.ts";
import type { BlobStore } from "../../ports/blob-store.ts";
import type { EventLog } from "../../ports/event-log.ts";
import type { FileCache } from "../../ports/file-cache.ts";
import type { SqlDatabase } from "../../ports/sql.ts";
import type { Logger, Meter } from "../../ports/telemetry.ts";
import type { EventDecoder } from "../streams/event-decoder.ts";
import type { EventColumns } from "./event-columns.ts";
import { readEventColumns } from "./event-reader.ts";
import type { EventRange } from "./event-reader.ts";
import { fieldKinds } from "./field-kind.ts";
import { createFileRepair } from "./file-repair.ts";
import { createLakeKeeper } from "./lake-keeper.ts";
import type { CollectOptions, Collected, LakeKeeper, StreamStorage, VerifiedStream } from "./lake-keeper.ts";
import { createLakeStorage } from "./lake-storage.ts";
import type { LocatedFiles } from "./lake-storage.ts";
import type { LakeFile } from "./lake-file.ts";
import type { OpenedFiles } from "./located-files.ts";
import { createManifest } from "./manifest.ts";
import { createSnapshotBook } from "./snapshot-book.ts";
import type { RestoredStream, SnapshotBook, SnapshotSummary } from "./snapshot-book.ts";
import { streamOf } from "./snapshot.ts";
import type { LakeSnapshot } from "./snapshot.ts";
import type { Compaction, TierMoves } from "./stream-store.ts";
import { openStreamWriter } from "./stream-writer.ts";
import type { StreamWriter } from "./stream-writer.ts";
import { createTurns } from "./turns.ts";

export interface LakeOptions {
  readonly log: EventLog;
  readonly decoder: EventDecoder;
  readonly analytics: Analytics;
  readonly database: SqlDatabase;
  readonly blobs: BlobStore;
  /** Files of the warm and cold tiers while they are read. */
  readonly cache: FileCache;
  readonly folder: string;
  /** blob: a file is in the blob store before it counts, and the local one is a copy. Default: local. */
  readonly durable?: "local" | "blob";
  /** The streams of the running definition. */
  readonly streams: () => ReadonlyMap<string, Stream>;
  readonly clock: Clock;
  readonly meter: Meter;
  readonly logger: Logger;
  /** A file is written when so many events wait. Default 100,000: about 3 MB, and 0.4 s of DuckDB's time. */
  readonly rowsPerFile?: number;
  /** Small files are merged when a stream has more of them. Default 16. */
  readonly maxSmallFiles?: number;
  /** Most rows of a compacted or cold file. Default 1,000,000: about 30 MB. */
  readonly rowsPerCompactedFile?: number;
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
  /** Events below were stored. */
  readonly endOffset: number;
  /** Events in the log that are not in the lake yet. */
  readonly waitingRows: number;
}

export interface RestoreOptions {
  /** Default: every stream that the snapshot or the lake has. */
  readonly streams?: readonly string[] | undefined;
  /**
   * false (the default): events after the snapshot are set aside, and the log is followed from where it was, so that each
   * new event comes in once. true: the log is followed from the snapshot's end, so that each event after it comes in once more.
   */
  readonly isReplayed?: boolean;
}

export interface Restored {
  /** The snapshot of the lake as it was before; restore it to undo. */
  readonly undo: string;
  readonly snapshot: string;
  readonly streams: readonly RestoredStream[];
}

export interface WorkOptions {
  readonly onProgress?: (progress: { readonly stream: string; readonly share: number }) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface HeldSnapshot extends Disposable {
  readonly snapshot: LakeSnapshot;
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
  /** The first offset from which on the lake has every event up to this one; this one itself when it lacks the event before. */
  unbrokenFrom(stream: string, toOffset: number): number;
  /** What is in the lake now; its files are kept until the snapshot is forgotten. Call `flush` before. */
  snapshot(options?: { readonly note?: string }): Promise<LakeSnapshot>;
  /** What is in the lake now, or a snapshot, readable until disposed; leaves no record. */
  hold(id?: string): Promise<HeldSnapshot>;
  /** A snapshot taken earlier, by its id or the beginning of it; SNAPSHOT_NOT_FOUND when there is none. */
  openSnapshot(id: string): Promise<LakeSnapshot>;
  /** Newest first. */
  snapshots(): Promise<readonly SnapshotSummary[]>;
  /** The snapshot cannot be forgotten while somebody relies on it. SNAPSHOT_NOT_FOUND. */
  pin(id: string, holder: string): Promise<void>;
  unpin(id: string, holder: string): Promise<void>;
  /** Lets go of the snapshot and of files that only it still named. SNAPSHOT_PINNED while something relies on it. */
  forgetSnapshot(id: string): Promise<void>;
  /** Makes a snapshot's files the lake's again. LAKE_RESTORE_REFUSED when the log cannot replay what comes after. */
  restore(id: string, options?: RestoreOptions): Promise<Restored>;
  /** A stream's events, by the field kinds of the running definition. STREAM_NOT_FOUND, REQUEST_INVALID for an unknown field, LAKE_FILE_DAMAGED. */
  readEvents(stream: string, options: ReadEventsOptions): Promise<EventColumns>;
  /** Where the bytes of a stream's files are, whole and kept there until disposed: what whoever reads them needs, here or in another process. LAKE_FILE_DAMAGED. */
  locate(stream: string, files: readonly LakeFile[], options?: { readonly signal?: AbortSignal | undefined }): Promise<LocatedFiles>;
  /** Merges neighbouring files of one stream, or of all. */
  compact(stream?: string, options?: WorkOptions): Promise<readonly Compaction[]>;
  /** Moves files to the tiers of the definition. */
  applyPolicies(options?: WorkOptions): Promise<Readonly<Record<string, TierMoves>>>;
  /** Forgets unpinned snapshots older than that, and removes whatever nothing needs. */
  collect(options?: CollectOptions): Promise<Collected>;
  /** Looks at the bytes of every stored file, local or in the blob store, and brings back what can be. */
  verify(options?: WorkOptions): Promise<readonly VerifiedStream[]>;
  /** Files and bytes per stream and tier. */
  storage(): Promise<readonly StreamStorage[]>;
  statistics(): Readonly<Record<string, LakeStatistics>>;
  close(): Promise<void>;
}

/** Does nothing until `start`. */
export function createLake(options: LakeOptions): Lake {
  const { log, decoder, analytics, database, blobs, cache, folder, streams, clock, meter, logger, durable = "local" } = options;
  const rule = { rowsPerFile: options.rowsPerFile ?? 100_000, maxSmallFiles: options.maxSmallFiles ?? 16, coldRowsPerFile: options.rowsPerCompactedFile ?? 1_000_000 };
  const manifest = createManifest(database);
  const book = createSnapshotBook(database);
  const storage = createLakeStorage({ analytics, blobs, cache, manifest, folder, durable, logger, repair: createFileRepair({ log, decoder, analytics, streams }) });
  const keeper = createLakeKeeper({ manifest, storage, book, clock });
  const writers = new Map<string, StreamWriter>();
  /** Following and restoring take turns, so that a stream has one writer at a time. */
  const turns = createTurns();
  /** While a restore asks for events again, the log must keep them. */
  const floors = new Map<string, number>();

  const follow = async (): Promise<void> => {
    const stored = await manifest.streams();
    for (const stream of streams().keys()) {
      if (writers.has(stream)) continue;
      const definition = (): Stream | undefined => streams().get(stream);
      writers.set(stream, await openStreamWriter({ stream, log, decoder, analytics, manifest, storage, definition, clock, meter, logger, rule }, stored.get(stream)));
    }
  };
  const writerOf = (stream: string): StreamWriter => {
    const writer = writers.get(stream);
    if (!writer) throw streamNotFound(stream, writers.keys());
    return writer;
  };
  const close = async (): Promise<void> => {
    await turns.idle();
    await Promise.all([...writers.values()].map((writer) => writer.close()));
  };
  const flush: Lake["flush"] = async (stream, { signal } = {}) => {
    await turns.idle();
    const wanted = stream === undefined ? [...writers.values()] : [writerOf(stream)];
    await Promise.all(wanted.map((writer) => writer.flush(signal)));
  };
  const restore: Lake["restore"] = async (id, { streams: chosen, isReplayed = false } = {}) => {
    const snapshot = await book.find(id);
    if (!isReplayed) await flush(); // what came before the restore is set aside with the rest
    return turns.run(async () => {
      const known = await manifest.streams();
      const names = chosen ?? [...new Set([...known.keys(), ...Object.keys(snapshot.streams)])];
      const unknown = names.find((name) => !known.has(name));
      if (unknown !== undefined) throw streamNotFound(unknown, known.keys());
      await Promise.all(names.map(async (name) => writers.get(name)?.close()));
      try {
        if (isReplayed) for (const name of names) floors.set(name, streamOf(snapshot, name).endOffset);
        if (isReplayed) checkReplay(log, snapshot, names);
        const { undo, streams: restored } = await book.restore({ snapshot, streams: names, isReplayed, undoNote: `before restoring ${snapshot.id.slice(0, 12)}` }, clock.now());
        return { undo: undo.id, snapshot: snapshot.id, streams: restored };
      } finally {
        for (const name of names) writers.delete(name);
        await follow();
        floors.clear();
      }
    });
  };
  const eachWriter = async <T>(stream: string | undefined, work: (writer: StreamWriter, name: string) => Promise<T>): Promise<ReadonlyMap<string, T>> => {
    await turns.idle();
    const results = new Map<string, T>();
    for (const [name, writer] of stream === undefined ? [...writers] : [[stream, writerOf(stream)] as const]) results.set(name, await work(writer, name));
    return results;
  };

  return {
    start: async () => {
      await manifest.open();
      await turns.run(follow);
    },
    followNewStreams: () => turns.run(follow),
    flush,
    safeOffset: (stream) => Math.min(floors.get(stream) ?? Infinity, writers.get(stream)?.durableOffset ?? 0),
    unbrokenFrom: (stream, toOffset) => unbrokenFrom(writers.get(stream)?.files ?? [], toOffset),
    ...snapshotCalls({ book, clock, keeper }),
    restore,
    hold: (id) => keeper.hold(id),
    readEvents: async (stream, { snapshot, fields, signal, ...range }) => {
      const definition = streams().get(stream);
      if (!definition) throw streamNotFound(stream, streams().keys());
      const open = (files: readonly LakeFile[]): Promise<OpenedFiles> => storage.open(stream, files, { signal });
      return readEventColumns(analytics, { ...range, signal, files: streamOf(snapshot, stream).files, open, fields: kindsOf(definition, fields) });
    },
    locate: storage.locate,
    verify: (workOptions) => keeper.verify(workOptions),
    compact: async (stream, { onProgress, signal } = {}) =>
      [...(await eachWriter(stream, (writer, name) => writer.compact((share) => onProgress?.({ stream: name, share }), signal))).values()],
    applyPolicies: async ({ onProgress, signal } = {}) => Object.fromEntries(await eachWriter(undefined, async (writer, name) => {
      if (Object.keys(streams().get(name)?.storage ?? {}).length === 0) return { warmed: 0, cooled: 0, movedBytes: 0 };
      onProgress?.({ stream: name, share: 0 });
      return writer.applyPolicy(signal);
    })),
    collect: (collectOptions) => keeper.collect(collectOptions),
    storage: () => keeper.storage(),
    statistics: () => Object.fromEntries([...writers].map(([stream, writer]) => [stream, statisticsOf(writer, log.statistics(stream).nextOffset)])),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function snapshotCalls({ book, clock, keeper }: { readonly book: SnapshotBook; readonly clock: Clock; readonly keeper: LakeKeeper }): Pick<Lake, "snapshot" | "openSnapshot" | "snapshots" | "pin" | "unpin" | "forgetSnapshot"> {
  return {
    snapshot: ({ note = "" } = {}) => book.take(clock.now(), note),
    openSnapshot: (id) => book.find(id),
    snapshots: () => book.list(),
    pin: (id, holder) => book.pin(id, holder, clock.now()),
    unpin: (id, holder) => book.unpin(id, holder),
    forgetSnapshot: async (id) => {
      await book.forget((await book.find(id)).id);
      await keeper.collect();
    },
  };
}

function unbrokenFrom(files: readonly LakeFile[], toOffset: number): number {
  return files.toReversed().reduce((from, file) => (file.fromOffset < from && file.toOffset >= from ? file.fromOffset : from), toOffset);
}

/** Every event after the snapshot must still be in the log, or it would be lost. */
function checkReplay(log: EventLog, snapshot: LakeSnapshot, streams: readonly string[]): void {
  for (const stream of streams) {
    const { oldestOffset } = log.statistics(stream);
    const { endOffset } = streamOf(snapshot, stream);
    if (oldestOffset <= endOffset) continue;
    throw new StrataError("LAKE_RESTORE_REFUSED", { snapshot: snapshot.id, reason: `the log of stream "${stream}" begins at offset ${oldestOffset} and the snapshot ends at ${endOffset}, so the events between could not be stored again` });
  }
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
