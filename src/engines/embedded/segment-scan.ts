/**
 * What opening a log learns from a segment by reading its headers: the index, where the readable records end,
 * what is damaged, and how far durability is proven. Deciding what to do about it is `log-recovery.ts`.
 */
import { createSegmentIndex, noteBatch, type SegmentIndex } from "./segment.ts";
import { batchAt, headerAt, isDamage, resumeAfter, type BatchAt, type Damage, type SegmentBytes } from "./segment-walk.ts";

export interface SegmentScan {
  readonly index: SegmentIndex;
  /** One past the last record of the last readable batch. */
  readonly nextOffset: number;
  /** The highest durable offset any header claims: all records below it were acknowledged or could have been. */
  readonly durableOffset: number;
  /** In file order; the last may be an unreadable end. */
  readonly damages: readonly Damage[];
  /** Batches not below `durableOffset`: written by the last group commit, perhaps not completely. */
  readonly unproven: readonly BatchAt[];
}

/** Reads the headers from the segment's start up to `untilOffset`, where the next segment takes over. */
export async function scanSegment(segment: SegmentBytes, baseOffset: number, untilOffset = Infinity): Promise<SegmentScan> {
  const index = createSegmentIndex();
  const damages: Damage[] = [];
  let unproven: BatchAt[] = [];
  let [position, nextOffset, durableOffset] = [0, baseOffset, baseOffset];
  while (position < segment.sizeBytes && nextOffset < untilOffset) {
    let found: BatchAt | Damage | undefined = await headerAt(segment, position, nextOffset);
    const damaged = isDamage(found);
    if (isDamage(found)) {
      damages.push(found);
      found = await resumeAfter(segment, found);
      if (!found) break;
    }
    if (found.header.durableOffset > durableOffset) {
      durableOffset = found.header.durableOffset;
      unproven = unproven.filter((batch) => batch.header.baseOffset >= durableOffset);
    }
    unproven.push({ position: found.position, header: found.header });
    noteBatch(index, found.header, { position: found.position, always: damaged });
    position = found.position + found.header.sizeBytes;
    nextOffset = found.header.baseOffset + found.header.count;
  }
  return { index, nextOffset, durableOffset, damages, unproven };
}

/** The first of these batches whose records are damaged. */
export async function firstDamaged(segment: SegmentBytes, batches: readonly BatchAt[]): Promise<Damage | undefined> {
  for (const batch of batches) {
    const found = await batchAt(segment, batch.position, batch.header.baseOffset);
    if (isDamage(found)) return found;
  }
  return undefined;
}

/** What is left of a log's last segment, and what to do about its end. */
export type TailDecision =
  | { readonly kind: "whole"; readonly nextOffset: number }
  /** The end was never acknowledged: cut it and go on there. */
  | { readonly kind: "cut"; readonly nextOffset: number; readonly damage: Damage }
  /** Acknowledged records are unreadable: keep the bytes for repair and go on in a new segment after them. */
  | { readonly kind: "seal"; readonly nextOffset: number; readonly damage: Damage };

/**
 * Tells a torn tail from damage. `provenOffset`: every record below it is known to have been durable (from headers,
 * consumer checkpoints and the mark of a clean close); `damagedBody` is the first unproven batch whose records do not hold.
 */
export function decideTail(scan: SegmentScan, end: { provenOffset: number; sizeBytes: number; damagedBody: Damage | undefined }): TailDecision {
  const torn = [...scan.damages, ...(end.damagedBody ? [end.damagedBody] : [])]
    .filter((damage) => damage.expectedOffset >= end.provenOffset)
    .toSorted((a, b) => a.position - b.position)[0];
  if (torn) return { kind: "cut", nextOffset: torn.expectedOffset, damage: torn };
  if (scan.nextOffset >= end.provenOffset) return { kind: "whole", nextOffset: scan.nextOffset };
  const damage = scan.damages.findLast((found) => found.expectedOffset >= scan.nextOffset)
    ?? { position: end.sizeBytes, expectedOffset: scan.nextOffset, reason: `records up to offset ${end.provenOffset} were durable, the file ends before them` };
  return { kind: "seal", nextOffset: end.provenOffset, damage };
}
