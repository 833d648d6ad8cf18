/**
 * A segment: one file of record batches, named after its first offset and the seed of its checksums,
 * with a sparse index in memory (every 256 KiB: offset → position and time). The index of a closed segment is
 * rebuilt from its headers when first needed; the active segment's grows as it is written.
 */
import { join } from "node:path";
import type { BatchHeader } from "../../ports/record-batch.ts";

export interface Segment {
  readonly name: string;
  readonly path: string;
  readonly baseOffset: number;
  readonly seed: number;
  /** Durable length; readers go no further. */
  sizeBytes: number;
  /** Undefined until it was needed. */
  index: SegmentIndex | undefined;
  /** Where its bytes are in the blob store; undefined while they are in its file. */
  digest?: string;
  /** Append time of its newest record, known without reading it; of segments in the blob store. */
  lastAppendedAtMs?: number;
}

/** Where a batch starts, kept for about every MARK_BYTES of file and after each damaged stretch. */
export interface SegmentMark {
  readonly offset: number;
  readonly position: number;
  readonly appendedAtMs: number;
}

export interface SegmentIndex {
  readonly marks: SegmentMark[];
  /** Append time of the newest batch whose header is readable; -Infinity when there is none. */
  lastAppendedAtMs: number;
}

/** A random read skims at most this much, and a 64 MiB segment's index stays around 256 marks. */
const MARK_BYTES = 256 * 1024;

const NAME = /^(\d{16})-([0-9a-f]{8})\.segment$/;

export function segmentAt(folder: string, baseOffset: number, seed: number): Segment {
  const name = `${String(baseOffset).padStart(16, "0")}-${seed.toString(16).padStart(8, "0")}.segment`;
  return { name, path: join(folder, name), baseOffset, seed, sizeBytes: 0, index: createSegmentIndex() };
}

/** The segment a file name stands for, or undefined for other files. Its size and index are not known yet. */
export function segmentOfFile(folder: string, name: string): Segment | undefined {
  const match = NAME.exec(name);
  if (!match) return undefined;
  return { name, path: join(folder, name), baseOffset: Number(match[1]), seed: Number.parseInt(match[2]!, 16), sizeBytes: 0, index: undefined };
}

/** The segment that holds `offset`, if it is kept: the last one that starts at or before it. */
export function segmentHolding(segments: readonly Segment[], offset: number): Segment | undefined {
  return segments[lastIndexWhere(segments, (segment) => segment.baseOffset <= offset)];
}

export function createSegmentIndex(): SegmentIndex {
  return { marks: [], lastAppendedAtMs: -Infinity };
}

/** Takes note of a batch; `always` where a reader must be able to start, whatever the distance. */
export function noteBatch(index: SegmentIndex, header: Pick<BatchHeader, "baseOffset" | "appendedAtMs">, at: { position: number; always: boolean }): void {
  const last = index.marks.at(-1);
  if (at.always || !last || at.position - last.position >= MARK_BYTES) {
    index.marks.push({ offset: header.baseOffset, position: at.position, appendedAtMs: header.appendedAtMs });
  }
  index.lastAppendedAtMs = header.appendedAtMs;
}

/** The nearest mark from which walking forward reaches `offset`. */
export function markBeforeOffset(index: SegmentIndex, offset: number): SegmentMark | undefined {
  return index.marks[lastIndexWhere(index.marks, (mark) => mark.offset <= offset)];
}

/** The last mark of a batch appended before `timeMs`: walking from it meets every batch at or after that time. */
export function markBeforeTime(index: SegmentIndex, timeMs: number): SegmentMark | undefined {
  return index.marks[lastIndexWhere(index.marks, (mark) => mark.appendedAtMs < timeMs)];
}

/** Index of the last item that satisfies a condition true for a prefix of the list; -1 when none does. */
export function lastIndexWhere<T>(items: readonly T[], holds: (item: T) => boolean): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(items[middle]!)) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
