/** Retention: which of the oldest segments may go, and removing them so that a crash in between leaves no gap. */
import type { RetentionPolicy } from "../../ports/event-log.ts";
import type { Files } from "./files.ts";
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
export async function retainLog(log: LogState, policy: RetentionPolicy, context: { files: Files; nowMs: number }): Promise<number> {
  const ages = new Map<string, number>();
  if (policy.maxAgeMs !== undefined) {
    for (const segment of log.segments) ages.set(segment.name, (await indexOf(context.files, log, segment)).lastAppendedAtMs);
  }
  const described = log.segments.map(({ name, sizeBytes }) => ({ sizeBytes, lastAppendedAtMs: ages.get(name) ?? Infinity }));
  const before = oldestOffset(log);
  const dropped = log.segments.slice(0, segmentsToDrop(described, policy, context.nowMs));
  log.segments = log.segments.slice(dropped.length); // readers see the new oldest offset before any file goes
  const kept = oldestOffset(log);
  for (const segment of dropped) {
    await context.files.remove(segment.path);
    await context.files.syncFolder(log.folder); // one by one: after a crash the kept segments are still consecutive
  }
  return kept - before;
}
