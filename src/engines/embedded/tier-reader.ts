/**
 * Reads segments that lie in a blob store: fetches the blob, whose digest is checked, and keeps the last few in memory,
 * so that several readers of old data fetch it once.
 */
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import type { BlobStore } from "../../ports/blob-store.ts";
import type { OpenFile } from "./files.ts";
import type { Segment } from "./segment.ts";

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
