/**
 * Reading a log: from memory while the wanted records are recent, else from disk with every checksum verified.
 * Serves only what was durable; stops with LOG_CORRUPT at damage.
 */
import { StrataError } from "../../kernel/errors.ts";
import type { ReadOptions, RecordBatch } from "../../ports/event-log.ts";
import { createReadWindow } from "./read-window.ts";
import type { Files, OpenFile } from "./files.ts";
import { indexOf, oldestOffset, openKept, type LogState } from "./log-state.ts";
import { decodeBatch, type BatchHeader } from "../../ports/record-batch.ts";
import { batchAt, headerAt, isDamage, type BatchAt, type Damage, type SegmentBytes } from "./segment-walk.ts";
import { markBeforeOffset, markBeforeTime, segmentHolding, type Segment } from "./segment.ts";

/** Large enough that reading costs few system calls, small enough to hold for every slow consumer. */
const READ_CHUNK_BYTES = 1024 * 1024;

/** See `EventLog.read`. Without `follow` it ends at what was durable when the iteration began. */
export async function* readLog(log: LogState, files: Files, options: ReadOptions): AsyncGenerator<RecordBatch, void, undefined> {
  const { signal, follow = false } = options;
  refuseClosed(log);
  const end = follow ? Infinity : log.nextOffset;
  const sinceMs = "appendedAtMs" in options.from ? options.from.appendedAtMs : -Infinity;
  let offset = "offset" in options.from ? options.from.offset : await offsetBefore(log, files, sinceMs);
  const disk = createDiskReader(log, files);
  try {
    for (;;) {
      if (offset >= end || signal?.aborted) return;
      refuseClosed(log);
      if (offset < oldestOffset(log)) throw offsetGone(log, offset);
      if (offset >= log.nextOffset) {
        await log.changed.wait(signal);
        continue;
      }
      const { bytes, header } = log.recent.find(offset) ?? await disk.batch(offset);
      if (header.appendedAtMs >= sinceMs) yield decodeBatch(bytes, header, offset);
      offset = header.baseOffset + header.count;
    }
  } finally {
    await disk.close();
  }
}

function offsetGone(log: LogState, offset: number): StrataError {
  return new StrataError("LOG_OFFSET_GONE", { log: log.name, offset, oldest: oldestOffset(log) });
}

function refuseClosed(log: LogState): void {
  if (log.closed) throw new StrataError("CLOSED", { what: "The event log" });
}

/** An offset from which walking meets every batch appended at or after `timeMs`, and few before. */
async function offsetBefore(log: LogState, files: Files, timeMs: number): Promise<number> {
  for (const segment of log.segments.toReversed()) {
    const mark = markBeforeTime(await indexOf(files, log, segment), timeMs);
    if (mark) return Math.max(mark.offset, oldestOffset(log)); // retention may have been here meanwhile
  }
  return oldestOffset(log);
}

interface DiskReader {
  /** The verified batch that holds `offset`. */
  batch(offset: number): Promise<{ readonly header: BatchHeader; readonly bytes: Buffer }>;
  close(): Promise<void>;
}

/** Where a reader stands in an open segment file. */
interface Cursor {
  readonly segment: Segment;
  readonly file: OpenFile;
  readonly window: SegmentBytes["window"];
  position: number;
  offset: number;
}

function createDiskReader(log: LogState, files: Files): DiskReader {
  let cursor: Cursor | undefined;

  const close = async (): Promise<void> => {
    const closing = cursor?.file;
    cursor = undefined;
    await closing?.close();
  };

  const open = async (segment: Segment): Promise<Cursor> => {
    await close();
    const file = await openKept(files, log, segment);
    if (!file) throw offsetGone(log, segment.baseOffset);
    const window = createReadWindow(file, () => segment.sizeBytes, READ_CHUNK_BYTES);
    return cursor = { segment, file, window, position: 0, offset: segment.baseOffset };
  };

  const seek = async (offset: number): Promise<Cursor> => {
    const segment = segmentHolding(log.segments, offset);
    if (!segment) throw offsetGone(log, offset);
    if (cursor?.segment === segment && cursor.offset === offset) return cursor;
    const found = cursor?.segment === segment ? cursor : await open(segment);
    const mark = offset === segment.baseOffset ? undefined : markBeforeOffset(await indexOf(files, log, segment), offset);
    found.position = mark?.position ?? 0;
    found.offset = mark?.offset ?? segment.baseOffset;
    return found;
  };

  return {
    batch: async (offset) => {
      const at = await seek(offset);
      while (at.offset < offset && await skipBatch(log, at, offset));
      const batch = intactOrThrow(log, at.segment, await batchAt(bytesOf(at), at.position, at.offset));
      moveOn(at, batch.header);
      return batch;
    },
    close,
  };
}

/** Steps over a batch that ends at or before `offset`, by its header alone; false when it holds the offset. */
async function skipBatch(log: LogState, at: Cursor, offset: number): Promise<boolean> {
  const { header } = intactOrThrow(log, at.segment, await headerAt(bytesOf(at), at.position, at.offset));
  if (header.baseOffset + header.count > offset) return false;
  moveOn(at, header);
  return true;
}

function moveOn(at: Cursor, header: BatchHeader): void {
  at.position += header.sizeBytes;
  at.offset = header.baseOffset + header.count;
}

function bytesOf({ window, segment }: Cursor): SegmentBytes {
  return { window, seed: segment.seed, sizeBytes: segment.sizeBytes };
}

function intactOrThrow<Found extends BatchAt>(log: LogState, segment: Segment, found: Found | Damage): Found {
  if (!isDamage(found)) return found;
  throw new StrataError("LOG_CORRUPT", { log: log.name, file: segment.path, position: found.position, reason: found.reason });
}
