/**
 * Walking a segment batch by batch: what stands at a position, and where to go on after damage.
 * Scanning at open reads headers only; readers and verification check whole batches.
 */
import { ALIGNMENT, HEADER_BYTES, bodyIsIntact, looksLikeHeader, readHeader, type BatchHeader } from "../../ports/record-batch.ts";
import type { ReadWindow } from "./read-window.ts";

export interface SegmentBytes {
  readonly window: ReadWindow;
  readonly seed: number;
  /** Where the bytes end. */
  readonly sizeBytes: number;
}

export interface Damage {
  readonly position: number;
  /** What was to be found there. */
  readonly expectedOffset: number;
  readonly reason: string;
  /** Set when the header is whole and only the records are not: where the next batch starts. */
  readonly nextPosition?: number;
}

export interface BatchAt {
  readonly position: number;
  readonly header: BatchHeader;
}

/** A batch with its verified bytes. */
export interface IntactBatch extends BatchAt {
  readonly bytes: Buffer;
}

export function isDamage<Found extends BatchAt>(found: Damage | Found): found is Damage {
  return "reason" in found;
}

/** The header that should stand at `position` and continue at `expectedOffset`. */
export async function headerAt(segment: SegmentBytes, position: number, expectedOffset: number): Promise<BatchAt | Damage> {
  const bytes = await segment.window.bytes(position, HEADER_BYTES);
  if (!bytes) return { position, expectedOffset, reason: "the file ends inside a batch header" };
  const header = readHeader(bytes, 0, segment.seed);
  if (typeof header === "string") return { position, expectedOffset, reason: header };
  if (header.baseOffset !== expectedOffset) return { position, expectedOffset, reason: `offset ${expectedOffset} was expected, the batch starts at ${header.baseOffset}` };
  if (position + header.sizeBytes > segment.sizeBytes) return { position, expectedOffset, reason: "the file ends inside the batch" };
  return { position, header };
}

/** The whole batch at `position`, its checksum verified. */
export async function batchAt(segment: SegmentBytes, position: number, expectedOffset: number): Promise<IntactBatch | Damage> {
  const found = await headerAt(segment, position, expectedOffset);
  if (isDamage(found)) return found;
  const bytes = await segment.window.bytes(position, found.header.sizeBytes);
  if (!bytes) return { position, expectedOffset, reason: "the file ends inside the batch" };
  if (!bodyIsIntact(bytes, found.header, segment.seed)) {
    return { position, expectedOffset, reason: "the batch's checksum does not hold", nextPosition: position + found.header.sizeBytes };
  }
  return { ...found, bytes };
}

/** The first whole batch after a damaged one: at the place the damaged header names, else by searching for one. */
export async function resumeAfter(segment: SegmentBytes, damage: Damage): Promise<IntactBatch | undefined> {
  let position = damage.nextPosition ?? damage.position + ALIGNMENT;
  for (;;) {
    const candidate = await findHeader(segment, position);
    if (candidate === undefined) return undefined;
    if (candidate.baseOffset >= damage.expectedOffset) {
      const found = await batchAt(segment, candidate.position, candidate.baseOffset);
      if (!isDamage(found)) return found;
    }
    position = candidate.position + ALIGNMENT;
  }
}

/** Searched in steps of this much, so that the search is a plain loop over bytes. */
const SEARCH_BYTES = 64 * 1024;

/** The next place at or after `position` where a header's own checksum holds. */
async function findHeader(segment: SegmentBytes, position: number): Promise<{ position: number; baseOffset: number } | undefined> {
  for (let start = position; start + HEADER_BYTES <= segment.sizeBytes; start += SEARCH_BYTES) {
    const bytes = await segment.window.bytes(start, Math.min(SEARCH_BYTES + HEADER_BYTES, segment.sizeBytes - start));
    if (!bytes) return undefined;
    for (let at = 0; at < SEARCH_BYTES && at + HEADER_BYTES <= bytes.length; at += ALIGNMENT) {
      if (!looksLikeHeader(bytes, at)) continue;
      const header = readHeader(bytes, at, segment.seed);
      if (typeof header !== "string") return { position: start + at, baseOffset: header.baseOffset };
    }
  }
  return undefined;
}
