/** What `strata doctor` finds on the disk: whether the data folder can be written, how fast, how much room is left, whether what lies there is whole. */
import { existsSync } from "node:fs";
import { mkdtemp, open, rm, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Clock } from "../../../kernel/clock.ts";
import { isStrataError } from "../../../kernel/errors.ts";
import { inspectDataFolder, type DataFolderInspection } from "../../../platform/inspect.ts";
import { formatBytes, formatCount, formatElapsed } from "../../terminal/format.ts";
import { failedCheck, type Check } from "./check.ts";

const SYNCS = 20;
/** The size of a small batch of events. */
const SYNC_BYTES = 4096;
/** Above this a producer that waits for each acknowledgement sends fewer than 40 events a second. */
const SLOW_SYNC_MS = 25;

export async function checkDataFolder(dataDir: string, clock: Clock): Promise<Check> {
  const name = "data folder";
  const place = nearestFolder(dataDir);
  try {
    const syncMs = await medianSyncMs(place, clock);
    const detail = `${dataDir} ${place === dataDir ? "is writable" : "can be made"}; a durable write takes ${formatElapsed(syncMs)} (median of ${SYNCS})`;
    if (syncMs <= SLOW_SYNC_MS) return { name, status: "ok", detail };
    return { name, status: "warning", detail, next: "Every acknowledgement waits for one such write: put the folder on a faster disk with --data-dir." };
  } catch (thrown) {
    return { ...failedCheck(name, thrown), next: `Let this user write to ${place}, or choose another folder with --data-dir.` };
  }
}

/** Measured where the data will lie: write, fdatasync, again. */
async function medianSyncMs(folder: string, clock: Clock): Promise<number> {
  const trial = await mkdtemp(join(folder, ".strata-doctor-"));
  try {
    await using file = await open(join(trial, "trial"), "wx");
    const bytes = Buffer.alloc(SYNC_BYTES, 1);
    const times: number[] = [];
    for (let at = 0; at < SYNCS; at++) {
      const startedMs = clock.monotonicMs();
      await file.write(bytes);
      await file.datasync();
      times.push(clock.monotonicMs() - startedMs);
    }
    return times.toSorted((a, b) => a - b)[SYNCS / 2]!;
  } finally {
    await rm(trial, { recursive: true, force: true });
  }
}

/** Four log segments: below, ingestion is about to fail. */
const FULL_BYTES = 256 * 1024 * 1024;
/** Room for the lake, checkpoints and a training's temporary files of a small application. */
const LOW_BYTES = 2 * 1024 * 1024 * 1024;

export async function checkDiskSpace(dataDir: string): Promise<Check> {
  const name = "disk space";
  try {
    const { bavail, bsize, blocks } = await statfs(nearestFolder(dataDir));
    const [freeBytes, totalBytes] = [bavail * bsize, blocks * bsize];
    const detail = `${formatBytes(freeBytes)} of ${formatBytes(totalBytes)} free`;
    const next = "Free some space, or choose a folder on another disk with --data-dir.";
    if (freeBytes < FULL_BYTES) return { name, status: "failed", detail, next };
    return freeBytes < LOW_BYTES ? { name, status: "warning", detail, next } : { name, status: "ok", detail };
  } catch (thrown) {
    return failedCheck(name, thrown);
  }
}

/** The folder itself, or the nearest above it that exists. */
function nearestFolder(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearestFolder(dirname(path));
}

export async function checkStoredData(dataDir: string, onProgress: (logsDone: number, logs: number) => void): Promise<Check> {
  const name = "stored data";
  try {
    const found = await inspectDataFolder(dataDir, onProgress);
    return found === undefined ? { name, status: "skipped", detail: "there is none yet" } : judgeStoredData(name, found);
  } catch (thrown) {
    if (isStrataError(thrown) && thrown.code === "DATA_DIR_LOCKED") return { name, status: "skipped", detail: `process ${String(thrown.details["pid"])} uses it; stop that to have it verified` };
    return failedCheck(name, thrown);
  }
}

function judgeStoredData(name: string, { logs, records, sizeBytes, damages, databaseProblems }: DataFolderInspection): Check {
  const size = `${formatCount(logs, "log")} with ${formatCount(records, "record")} (${formatBytes(sizeBytes)})`;
  const corrupt = damages.filter(({ kind }) => kind === "corrupt").map(({ file, position, reason }) => `${file} at byte ${position}: ${reason}`);
  const wrong = [...corrupt, ...databaseProblems.map((problem) => `the database: ${problem}`)];
  if (wrong.length > 0) {
    return { name, status: "failed", detail: `${size}; damaged: ${wrong.join("; ")}`, next: "Restore the damaged files from a copy. Nothing past the damage in a log is served." };
  }
  const [torn] = damages;
  if (torn !== undefined) return { name, status: "warning", detail: `${size}; ${torn.log} ends in an append that was never acknowledged`, next: "Nothing to do: it is cut at the next start." };
  return { name, status: "ok", detail: `${size} and the database are whole; \`strata lake verify\` looks at the lake's files` };
}
