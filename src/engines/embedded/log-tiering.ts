/**
 * Cold segments in a blob store. A closed segment is checked, stored, recorded, and only then its file goes: a crash at
 * any point leaves it readable in one place or the other (tier-reader.ts).
 */
import type { BlobStore } from "../../ports/blob-store.ts";
import type { Logger } from "../../ports/telemetry.ts";
import type { Files } from "./files.ts";
import { verifySegment } from "./log-verification.ts";
import { endOffset, indexOf, type LogState } from "./log-state.ts";
import type { Segment } from "./segment.ts";
import { writeTierManifest, type TieredSegment } from "./tier-manifest.ts";

export interface TierContext {
  readonly files: Files;
  readonly blobs: BlobStore;
  readonly logger: Logger;
}

/** Moves closed segments whose newest record was appended before `beforeMs`, the oldest first; returns how many bytes left the disk. */
export async function tierLog(log: LogState, beforeMs: number, context: TierContext): Promise<number> {
  let movedBytes = 0;
  for (const segment of log.segments.slice(0, -1)) {
    if (segment.digest !== undefined) continue;
    const { lastAppendedAtMs } = await indexOf(context.files, log, segment);
    if (!(lastAppendedAtMs < beforeMs)) break;
    if (!await moveSegment(log, segment, { ...context, lastAppendedAtMs })) break;
    movedBytes += segment.sizeBytes;
  }
  return movedBytes;
}

async function moveSegment(log: LogState, segment: Segment, { files, blobs, logger, lastAppendedAtMs }: TierContext & { readonly lastAppendedAtMs: number }): Promise<boolean> {
  const damages = await verifySegment(log, segment, { files, untilOffset: endOffset(log, segment) });
  if (damages.length > 0) {
    logger.log("error", `Segment ${segment.name} of log "${log.name}" is damaged and stays where it is`, { file: segment.path, reason: damages[0]!.reason });
    return false;
  }
  const contents = await files.contents(segment.path);
  if (contents === undefined || !log.segments.includes(segment)) return false; // retention was faster
  const digest = await blobs.put(contents.subarray(0, segment.sizeBytes));
  segment.lastAppendedAtMs = lastAppendedAtMs;
  await writeTierManifest(files, log.folder, [...tieredOf(log), { name: segment.name, sizeBytes: segment.sizeBytes, lastAppendedAtMs, digest }]);
  segment.digest = digest; // from here on it is read from there
  await files.remove(segment.path);
  await files.syncFolder(log.folder);
  return true;
}

/** The segments that lie in the blob store. */
export function tieredOf(log: Pick<LogState, "segments">): readonly TieredSegment[] {
  return log.segments.flatMap(({ name, sizeBytes, digest, lastAppendedAtMs = -Infinity }) => (digest === undefined ? [] : [{ name, sizeBytes, lastAppendedAtMs, digest }]));
}
