/** Retention: which of the oldest segments may go, and removing them so that a crash in between leaves no gap. */
import type { RetentionPolicy } from "../../ports/event-log.ts";
import type { BlobStore } from "../../ports/blob-store.ts";
import type { Files } from "./files.ts";
import { tieredOf } from "./log-tiering.ts";
import { writeTierManifest } from "./tier-manifest.ts";
import { indexOf, oldestOffset, type LogState } from "./log-state.ts";

export interface SegmentAge {
  readonly sizeBytes: number;
  /** Append time of its newest readable record; -Infinity when there is none. */
  readonly lastAppendedAtMs: number;
}

/** How many of the oldest segments to drop. The last one, which is being written, always stays. */
export function segmentsToDrop(segments: readonly SegmentAge[], policy: RetentionPolicy, nowMs: number): number {
  let sizeBytes = segments.reduce((sum, segment) => sum + segment.sizeBytes, 0);
  let drop = 0;
  for (; drop < segments.length - 1; drop++) {
    const tooLarge = sizeBytes > (policy.maxBytes ?? Infinity);
    const tooOld = newestTime(segments, drop) < nowMs - (policy.maxAgeMs ?? Infinity);
    if (!tooLarge && !tooOld) break;
    sizeBytes -= segments[drop]!.sizeBytes;
  }
  return drop;
}

/** A segment without readable records is as old as the one after it: damage alone does not age it. */
function newestTime(segments: readonly SegmentAge[], from: number): number {
  return segments.slice(from).find((segment) => segment.lastAppendedAtMs > -Infinity)?.lastAppendedAtMs ?? Infinity;
}

/** Applies the policy; returns how many records were dropped. */
export async function retainLog(log: LogState, policy: RetentionPolicy, context: { files: Files; blobs: BlobStore | undefined; nowMs: number }): Promise<number> {
  const ages = new Map<string, number>();
  if (policy.maxAgeMs !== undefined) {
    for (const segment of log.segments) ages.set(segment.name, segment.lastAppendedAtMs ?? (await indexOf(context.files, log, segment)).lastAppendedAtMs);
  }
  const described = log.segments.map(({ name, sizeBytes }) => ({ sizeBytes, lastAppendedAtMs: ages.get(name) ?? Infinity }));
  const before = oldestOffset(log);
  const dropped = log.segments.slice(0, segmentsToDrop(described, policy, context.nowMs));
  log.segments = log.segments.slice(dropped.length); // readers see the new oldest offset before any file goes
  const kept = oldestOffset(log);
  if (tieredOf({ segments: dropped }).length > 0) await writeTierManifest(context.files, log.folder, tieredOf(log)); // before its blobs go: what is named can be read
  for (const segment of dropped) {
    if (segment.digest !== undefined) {
      await context.blobs?.delete(segment.digest);
      continue;
    }
    await context.files.remove(segment.path);
    await context.files.syncFolder(log.folder); // one by one: after a crash the kept segments are still consecutive
  }
  return kept - before;
}
