/**
 * Opening a log's folder after a clean close, a kill or a power loss: finds the segments, scans the last one,
 * and cuts a torn tail. What was acknowledged is never cut: see `decideTail`.
 */
import { StrataError } from "../../kernel/errors.ts";
import type { LogDamage } from "../../ports/event-log.ts";
import type { Logger } from "../../ports/telemetry.ts";
import { TEMPORARY_SUFFIX } from "./durable-file.ts";
import { createReadWindow } from "./read-window.ts";
import type { Files, OpenFile } from "./files.ts";
import { indexOf, type LogState } from "./log-state.ts";
import { decideTail, firstDamaged, scanSegment, type SegmentScan, type TailDecision } from "./segment-scan.ts";
import { segmentOfFile, type Segment } from "./segment.ts";
import { readTierManifest } from "./tier-manifest.ts";

export interface RecoveryContext {
  readonly files: Files;
  readonly logger: Logger;
  /** Records below this were durable, as far as checkpoints and the mark of a clean close tell. */
  readonly provenOffset: number;
}

/** Fills `log` from its folder. */
export async function recoverLog(log: LogState, context: RecoveryContext): Promise<void> {
  log.segments = await listSegments(log, context.files);
  log.nextOffset = context.provenOffset;
  const last = log.segments.at(-1);
  if (!last) return;
  const file = await context.files.open(last.path, "update");
  try {
    await recoverLast(log, { ...context, last, file });
  } finally {
    await file.close();
  }
  await learnLastTime(log, context.files);
}

async function listSegments(log: LogState, files: Files): Promise<readonly Segment[]> {
  const found: Segment[] = [];
  const tiered = new Map((await readTierManifest(files, log)).map((segment) => [segment.name, segment]));
  for (const { name, ...tier } of tiered.values()) found.push({ ...segmentOfFile(log.folder, name)!, ...tier });
  for (const name of await files.list(log.folder)) {
    const segment = segmentOfFile(log.folder, name);
    if (name.endsWith(TEMPORARY_SUFFIX)) await files.remove(`${log.folder}/${name}`); // of a list that was being replaced
    else if (tiered.has(name)) await files.remove(`${log.folder}/${name}`); // a crash came between moving it and removing its file
    else if (segment) found.push({ ...segment, sizeBytes: await sizeOf(files, segment.path) });
  }
  const kept = withoutUnused(found, log.name);
  for (const segment of found) if (!kept.includes(segment)) await files.remove(segment.path);
  return kept;
}

/** In order, without the empty files that a failed rotation may leave beside the segment that took their place. */
function withoutUnused(found: readonly Segment[], log: string): readonly Segment[] {
  const kept: Segment[] = [];
  for (const segment of found.toSorted((a, b) => a.baseOffset - b.baseOffset || a.sizeBytes - b.sizeBytes)) {
    const before = kept.at(-1);
    if (before?.baseOffset === segment.baseOffset) {
      if (before.sizeBytes > 0) throw new StrataError("LOG_CORRUPT", { log, file: segment.path, position: 0, reason: "another segment starts at the same offset" });
      kept.pop();
    }
    kept.push(segment);
  }
  return kept;
}

interface LastSegment extends RecoveryContext {
  readonly last: Segment;
  readonly file: OpenFile;
}

async function recoverLast(log: LogState, context: LastSegment): Promise<void> {
  const { last, file } = context;
  const sizeBytes = last.sizeBytes;
  const bytes = { window: createReadWindow(file, () => sizeBytes, 1024 * 1024), seed: last.seed, sizeBytes };
  const scan = await scanSegment(bytes, last.baseOffset);
  const provenOffset = Math.max(context.provenOffset, scan.durableOffset);
  const damagedBody = await firstDamaged(bytes, scan.unproven.filter((batch) => batch.header.baseOffset >= provenOffset));
  const decision = decideTail(scan, { provenOffset, sizeBytes, damagedBody });
  log.nextOffset = decision.nextOffset;
  if (decision.kind === "cut") await cutTail(log, decision, context);
  if (decision.kind === "seal") log.sealed = true;
  last.index = decision.kind === "cut" ? undefined : scan.index; // after a cut it is rebuilt when asked for
  reportDamage(log, { scan, decision, context });
}

async function cutTail(log: LogState, decision: Extract<TailDecision, { kind: "cut" }>, { last, file, logger }: LastSegment): Promise<void> {
  const { position, reason } = decision.damage;
  const damage: LogDamage = { log: log.name, file: last.path, position, kind: "torn-tail", reason };
  logger.log("warn", `Log "${log.name}": cut ${last.sizeBytes - position} bytes that were never acknowledged`, { ...damage });
  await file.truncate(position); // the next append's sync makes this durable; until then it would be found and cut again
  last.sizeBytes = position;
  log.tornTails = [damage];
}

function reportDamage(log: LogState, found: { scan: SegmentScan; decision: TailDecision; context: LastSegment }): void {
  const { decision, context } = found;
  const damages = new Set(found.scan.damages.filter((damage) => damage.expectedOffset < decision.nextOffset));
  if (decision.kind === "seal") damages.add(decision.damage);
  for (const { position, reason } of damages) {
    context.logger.log("error", `Log "${log.name}" is damaged; reading stops there`, { log: log.name, file: context.last.path, position, reason });
  }
}

/** From the last segment that has a readable batch; usually the last one. */
async function learnLastTime(log: LogState, files: Files): Promise<void> {
  for (const segment of log.segments.toReversed()) {
    const lastAppendedAtMs = segment.lastAppendedAtMs ?? (await indexOf(files, log, segment)).lastAppendedAtMs;
    if (lastAppendedAtMs === -Infinity) continue;
    log.lastAppendedAtMs = lastAppendedAtMs;
    return;
  }
}

async function sizeOf(files: Files, path: string): Promise<number> {
  const file = await files.open(path, "read");
  try {
    return await file.size();
  } finally {
    await file.close();
  }
}
