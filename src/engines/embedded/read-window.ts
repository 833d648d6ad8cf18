/**
 * Reads a file through one chunk at a time, so that walking many small batches costs few system calls.
 * A chunk is never overwritten: what was returned stays valid as long as someone holds it.
 */
import type { OpenFile } from "./files.ts";
import { alignedBuffer } from "../../ports/record-batch.ts";

export interface ReadWindow {
  /** The bytes at `position`, or undefined when the file has fewer. `position` must be a multiple of the alignment of batches. */
  bytes(position: number, sizeBytes: number): Promise<Buffer | undefined>;
}

/** `limit` tells how far reading may go: the durable length, which grows while the file is written. */
export function createReadWindow(file: OpenFile, limit: () => number, chunkBytes: number): ReadWindow {
  let chunk: Buffer = Buffer.alloc(0);
  let chunkAt = 0;

  const covers = (position: number, sizeBytes: number): boolean => position >= chunkAt && position + sizeBytes <= chunkAt + chunk.length;

  const load = async (position: number, sizeBytes: number): Promise<void> => {
    const wanted = Math.min(Math.max(sizeBytes, chunkBytes), limit() - position);
    const fresh = alignedBuffer(wanted);
    chunk = fresh.subarray(0, await file.read(fresh, position));
    chunkAt = position;
  };

  return {
    bytes: async (position, sizeBytes) => {
      if (position + sizeBytes > limit()) return undefined;
      if (!covers(position, sizeBytes)) await load(position, sizeBytes);
      return covers(position, sizeBytes) ? chunk.subarray(position - chunkAt, position - chunkAt + sizeBytes) : undefined;
    },
  };
}
