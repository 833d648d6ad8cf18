/** What is known of one log while it is open; shared by its writer, its readers and retention. */
import type { LogDamage } from "../../ports/event-log.ts";
import { createBell, type Bell } from "../../kernel/bell.ts";
import { createReadWindow } from "./read-window.ts";
import type { Files, OpenFile } from "./files.ts";
import { createRecentBatches, type RecentBatches } from "./recent-batches.ts";
import { scanSegment } from "./segment-scan.ts";
import { createSegmentIndex, type Segment, type SegmentIndex } from "./segment.ts";
import type { TierReader } from "./tier-reader.ts";

export interface LogState {
  readonly name: string;
  readonly folder: string;
  /** Oldest first; the last one is written to unless `sealed`. */
  segments: readonly Segment[];
  /** True when the last segment must not grow: it is damaged at its end, or a write to it failed. */
  sealed: boolean;
  /** One past the last durable record. */
  nextOffset: number;
  /** Append times never go back, so that reading from a time is a binary search. */
  lastAppendedAtMs: number;
  readonly recent: RecentBatches;
  /** Rings when records became durable, and when the log closes. */
  readonly changed: Bell;
  closed: boolean;
  /** Opens segments that lie in the blob store. */
  readonly tier: TierReader;
  /** Cut at opening and not yet handed out by `verify`. */
  tornTails: readonly LogDamage[];
}

export function createLogState(name: string, place: { folder: string; tailBytes: number; tier: TierReader }): LogState {
  return {
    name, folder: place.folder, segments: [], sealed: false, nextOffset: 0, lastAppendedAtMs: 0,
    recent: createRecentBatches(place.tailBytes), changed: createBell(), closed: false, tier: place.tier, tornTails: [],
  };
}

export function oldestOffset(log: LogState): number {
  return log.segments[0]?.baseOffset ?? log.nextOffset;
}

/** Where a segment's records end: at the next segment, or at the end of the log. */
export function endOffset(log: LogState, segment: Segment): number {
  return log.segments[log.segments.indexOf(segment) + 1]?.baseOffset ?? log.nextOffset;
}

/** Opens a segment's file, or its bytes from the blob store; undefined when retention was faster. */
export async function openKept(files: Files, log: LogState, segment: Segment): Promise<OpenFile | undefined> {
  const isLocal = segment.digest === undefined;
  try {
    return isLocal ? await files.open(segment.path, "read") : await log.tier.open(log.name, segment);
  } catch (thrown) {
    if (!log.segments.includes(segment)) return undefined;
    if (isLocal && segment.digest !== undefined) return openKept(files, log, segment); // it moved meanwhile
    throw thrown;
  }
}

/** Enough for a few hundred headers of small batches; larger batches are skipped over. */
const SCAN_CHUNK_BYTES = 64 * 1024;

/** The segment's index, rebuilt from its headers the first time it is asked for; empty when the segment is gone. */
export async function indexOf(files: Files, log: LogState, segment: Segment): Promise<SegmentIndex> {
  if (segment.index) return segment.index;
  const file = await openKept(files, log, segment);
  if (!file) return createSegmentIndex();
  try {
    const window = createReadWindow(file, () => segment.sizeBytes, SCAN_CHUNK_BYTES);
    const scan = await scanSegment({ window, seed: segment.seed, sizeBytes: segment.sizeBytes }, segment.baseOffset, endOffset(log, segment));
    segment.index = scan.index;
    return scan.index;
  } finally {
    await file.close();
  }
}
