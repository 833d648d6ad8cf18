/** Reads every durable byte of a log and lists what is damaged, going on after each damaged stretch. */
import { reasonOf } from "../../kernel/errors.ts";
import type { LogDamage } from "../../ports/event-log.ts";
import { createReadWindow } from "./read-window.ts";
import type { Files } from "./files.ts";
import { endOffset, openKept, type LogState } from "./log-state.ts";
import { batchAt, isDamage, resumeAfter, type Damage, type SegmentBytes } from "./segment-walk.ts";
import type { Segment } from "./segment.ts";

const READ_CHUNK_BYTES = 1024 * 1024;

export async function verifyLog(log: LogState, files: Files): Promise<readonly LogDamage[]> {
  const found: LogDamage[] = [...log.tornTails];
  log.tornTails = [];
  for (const segment of log.segments) {
    const untilOffset = endOffset(log, segment);
    for (const { position, reason } of await verifySegment(log, segment, { files, untilOffset })) {
      found.push({ log: log.name, file: segment.path, position, kind: "corrupt", reason });
    }
  }
  return found;
}

/** The damaged places of one segment. */
export async function verifySegment(log: LogState, segment: Segment, { files, untilOffset }: { files: Files; untilOffset: number }): Promise<readonly Damage[]> {
  const sizeBytes = segment.sizeBytes;
  const file = await openKept(files, log, segment).catch((thrown: unknown) => reasonOf(thrown));
  if (typeof file === "string") return [{ position: 0, expectedOffset: segment.baseOffset, reason: file }];
  if (!file) return []; // dropped by retention meanwhile
  try {
    const window = createReadWindow(file, () => sizeBytes, READ_CHUNK_BYTES);
    return await damagesIn({ window, seed: segment.seed, sizeBytes }, segment.baseOffset, untilOffset);
  } finally {
    await file.close();
  }
}

async function damagesIn(segment: SegmentBytes, baseOffset: number, untilOffset: number): Promise<readonly Damage[]> {
  const damages: Damage[] = [];
  let [position, offset] = [0, baseOffset];
  while (offset < untilOffset) {
    let found = await batchAt(segment, position, offset);
    if (isDamage(found)) {
      damages.push(found);
      const resumed = await resumeAfter(segment, found);
      if (!resumed) break;
      found = resumed;
    }
    position = found.position + found.header.sizeBytes;
    offset = found.header.baseOffset + found.header.count;
  }
  return damages;
}
