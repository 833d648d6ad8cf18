/**
 * Cold segments in a blob store. A closed segment is checked, stored, recorded, and only then its file goes: a crash at
 * any point leaves it readable in one place or the other. Reading fetches the blob, whose digest is checked, and keeps
 * the last few in memory, so that several readers of old data fetch it once.
 */
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import type { BlobStore } from "../../ports/blob-store.ts";
import type { Logger } from "../../ports/telemetry.ts";
import type { Files, OpenFile } from "./files.ts";
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

/** Opens segments that lie in the blob store. */
export interface TierReader {
  open(log: string, segment: Segment): Promise<OpenFile>;
}

/** A replay reads one segment after another, and a few may run side by side: up to 64 MiB each. */
const KEPT = 2;

export function createTierReader(blobs: () => BlobStore | undefined): TierReader {
  const kept = new Map<string, Promise<Uint8Array>>();

  const fetch = (digest: string): Promise<Uint8Array> => {
    const held = kept.get(digest);
    kept.delete(digest); // and to the end again: the one that was used longest ago leaves
    const store = blobs();
    if (store === undefined) return Promise.reject(new Error("it lies in a blob store, and none is open"));
    const bytes = held ?? store.get(digest);
    kept.set(digest, bytes);
    bytes.catch(() => kept.delete(digest));
    for (const oldest of kept.keys()) {
      if (kept.size <= KEPT) break;
      kept.delete(oldest);
    }
    return bytes;
  };

  return {
    open: async (log, segment) => {
      try {
        return fileOf(await fetch(segment.digest!));
      } catch (thrown) {
        throw new StrataError("LOG_CORRUPT", { log, file: `${segment.name} (blob ${segment.digest})`, position: 0, reason: reasonOf(thrown) }, { cause: thrown });
      }
    },
  };
}

function fileOf(bytes: Uint8Array): OpenFile {
  const refuse = (): Promise<never> => Promise.reject(new Error("a segment in the blob store is not written to"));
  return {
    read: async (buffer, position) => {
      const part = bytes.subarray(position, position + buffer.length);
      buffer.set(part);
      return part.length;
    },
    write: refuse, datasync: refuse, truncate: refuse,
    size: async () => bytes.length,
    close: async () => undefined,
  };
}
