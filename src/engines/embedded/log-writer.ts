/**
 * The one writer of a log: group commit into the last segment, rotation, and what happens when the disk says no.
 *
 * A group is acknowledged after one write and one sync. When either fails, the group's appends are rejected, the file
 * is cut back to its durable length, and the next group goes to a new segment: after a failed fsync the kernel may drop
 * the dirty pages and report success the next time (Rebello et al., "Can Applications Recover from fsync Failures?",
 * USENIX ATC 2020), so the file is never trusted with new records again.
 */
import type { Clock } from "../../kernel/clock.ts";
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import type { AppendResult, NewRecord } from "../../ports/event-log.ts";
import type { Files, OpenFile } from "./files.ts";
import { createGroupCommit } from "../../kernel/group-commit.ts";
import type { LogState } from "./log-state.ts";
import type { RecentBatch } from "./recent-batches.ts";
import { encodeBatch, sealBatch } from "../../ports/record-batch.ts";
import { createSegmentIndex, noteBatch, segmentAt, type Segment } from "./segment.ts";

export interface LogWriter {
  append(records: readonly NewRecord[]): Promise<AppendResult>;
  /** Bytes waiting to become durable. */
  pendingBytes(): number;
  /** Finishes what is under way and closes the file. */
  close(): Promise<void>;
}

export interface LogWriterOptions {
  readonly files: Files;
  readonly clock: Clock;
  readonly segmentBytes: number;
  /** 32 random bits for a new segment's checksums. */
  readonly newSeed: () => number;
}

interface PendingAppend {
  readonly bytes: Buffer;
  readonly count: number;
  /** Known once written. */
  baseOffset: number;
}

/** Bounds how long one group's write can take: about 10 ms on a disk that takes 800 MB/s. */
const MAX_GROUP_BYTES = 8 * 1024 * 1024;

const NO_BYTES = Buffer.alloc(0);

export function createLogWriter(log: LogState, options: LogWriterOptions): LogWriter {
  const { files } = options;
  let file: OpenFile | undefined;
  let pendingBytes = 0;
  /** The segment whose file may hold bytes past its durable length. */
  let uncut: Segment | undefined;

  const writeGroup = async (appends: readonly PendingAppend[]): Promise<void> => {
    try {
      const nextOffset = place(appends, log.nextOffset);
      if (nextOffset > log.nextOffset) await writeDurably(appends, nextOffset);
    } catch (thrown) {
      await abandonWrite();
      throw new StrataError("LOG_WRITE_FAILED", { log: log.name, reason: reasonOf(thrown) }, { cause: thrown });
    } finally {
      for (const append of appends) pendingBytes -= append.bytes.length;
    }
  };

  const writeDurably = async (appends: readonly PendingAppend[], nextOffset: number): Promise<void> => {
    const parts = appends.map((append) => append.bytes);
    const segment = await segmentFor(parts.reduce((sum, part) => sum + part.length, 0));
    const target = file ??= await files.open(segment.path, "update");
    const appendedAtMs = Math.max(options.clock.now(), log.lastAppendedAtMs);
    const batches = seal(appends, { durableOffset: log.nextOffset, appendedAtMs, seed: segment.seed });
    uncut = segment;
    await target.write(parts, segment.sizeBytes);
    await target.datasync();
    uncut = undefined;
    publish(log, segment, batches);
    log.nextOffset = nextOffset;
    log.lastAppendedAtMs = appendedAtMs;
    log.changed.ring();
  };

  /** The segment to write to: the last one, or a new one when that is missing, sealed or full. */
  const segmentFor = async (sizeBytes: number): Promise<Segment> => {
    const last = log.segments.at(-1);
    const isFull = last !== undefined && last.sizeBytes > 0 && last.sizeBytes + sizeBytes > options.segmentBytes;
    return !last || log.sealed || isFull ? await rotate() : last;
  };

  const rotate = async (): Promise<Segment> => {
    if (uncut) await cutBack(uncut);
    await closeFile();
    const segment = segmentAt(log.folder, log.nextOffset, options.newSeed());
    file = await createDurably(files, log.folder, segment.path);
    log.segments = [...log.segments, segment];
    log.sealed = false;
    return segment;
  };

  const abandonWrite = async (): Promise<void> => {
    if (!uncut) return; // nothing was written: a new file could not be made, say
    log.sealed = true;
    await cutBack(uncut).catch(() => undefined); // tried again before the next write, which fails if this does
  };

  /** Takes the failed group's bytes off the file, so that a later opening does not find records that were rejected. */
  const cutBack = async (segment: Segment): Promise<void> => {
    if (segment.sizeBytes === 0) {
      await closeFile();
      await files.remove(segment.path);
      await files.syncFolder(log.folder);
      log.segments = log.segments.filter((other) => other !== segment);
    } else {
      file ??= await files.open(segment.path, "update");
      await file.truncate(segment.sizeBytes);
      await file.datasync();
      await closeFile();
    }
    uncut = undefined;
  };

  const closeFile = async (): Promise<void> => {
    const closing = file;
    file = undefined;
    await closing?.close().catch(() => undefined); // everything acknowledged is synced already
  };

  const commits = createGroupCommit<PendingAppend>({ write: writeGroup, weigh: (append) => append.bytes.length, maxWeight: MAX_GROUP_BYTES });

  return {
    append: async (records) => {
      const append = { bytes: records.length === 0 ? NO_BYTES : encodeBatch(records), count: records.length, baseOffset: 0 };
      pendingBytes += append.bytes.length;
      await commits.add(append);
      return { baseOffset: append.baseOffset, nextOffset: append.baseOffset + append.count };
    },
    pendingBytes: () => pendingBytes,
    close: async () => {
      await commits.drain();
      await closeFile();
    },
  };
}

/** Gives each append its offsets; returns the offset after the last. */
function place(appends: readonly PendingAppend[], nextOffset: number): number {
  for (const append of appends) {
    append.baseOffset = nextOffset;
    nextOffset += append.count;
  }
  return nextOffset;
}

function seal(appends: readonly PendingAppend[], group: { durableOffset: number; appendedAtMs: number; seed: number }): readonly RecentBatch[] {
  return appends.filter((append) => append.count > 0).map(({ bytes, baseOffset }) => {
    const header = sealBatch(bytes, { baseOffset, durableOffset: group.durableOffset, appendedAtMs: group.appendedAtMs }, group.seed);
    return { header, bytes };
  });
}

/** Makes durable batches visible to readers. */
function publish(log: LogState, segment: Segment, batches: readonly RecentBatch[]): void {
  const index = segment.index ??= createSegmentIndex();
  for (const batch of batches) {
    noteBatch(index, batch.header, { position: segment.sizeBytes, always: false });
    segment.sizeBytes += batch.bytes.length;
    log.recent.push(batch);
  }
}

async function createDurably(files: Files, folder: string, path: string): Promise<OpenFile> {
  await files.makeFolder(folder);
  const file = await files.open(path, "create");
  try {
    await files.syncFolder(folder);
    return file;
  } catch (thrown) {
    await file.close().catch(() => undefined);
    await files.remove(path).catch(() => undefined); // an empty file left behind is removed at the next opening
    throw thrown;
  }
}
