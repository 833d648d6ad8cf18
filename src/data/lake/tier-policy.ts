/**
 * Which files move to which tier, by the age of their newest event. Pure. Old files are written anew, larger and
 * smaller, when they become cold; one that a restore or a snapshot made something else of moves as it is.
 */
import { storedRecords } from "./file-book.ts";
import type { FileBook, FileRecord } from "./file-book.ts";

export interface StoragePolicy {
  readonly warmAfterMs?: number | undefined;
  readonly coldAfterMs?: number | undefined;
}

export interface TierPlan {
  readonly toWarm: readonly FileRecord[];
  /** Neighbours that become one cold file each, in offset order. */
  readonly toCold: readonly (readonly FileRecord[])[];
  /** Retired files that a snapshot still needs: moved without being written anew. */
  readonly toColdAsTheyAre: readonly FileRecord[];
}

export interface TierRule {
  /** Most rows of a cold file. */
  readonly coldRowsPerFile: number;
}

export function planTiers(book: FileBook, policy: StoragePolicy, options: TierRule & { readonly nowMs: number }): TierPlan {
  const { warmAfterMs = Infinity, coldAfterMs = Infinity } = policy;
  const stored = storedRecords(book).toSorted((a, b) => a.file.fromOffset - b.file.fromOffset);
  const ageOf = ({ file }: FileRecord): number => options.nowMs - file.maxTimeMs;
  const isOld = (record: FileRecord): boolean => ageOf(record) >= coldAfterMs;
  const isWritable = ({ isLive, coveredBy }: FileRecord): boolean => isLive && coveredBy === undefined;
  return {
    toWarm: stored.filter((record) => record.place.tier === "hot" && ageOf(record) >= warmAfterMs && !isOld(record)),
    toCold: coldRuns(stored.filter((record) => isOld(record) && isWritable(record)), options.coldRowsPerFile),
    toColdAsTheyAre: stored.filter((record) => record.place.tier !== "cold" && isOld(record) && !isWritable(record)),
  };
}

/**
 * A cold file joins a run only when the rows that come to it are at least as many as it has, so that a row is written
 * anew a logarithmic number of times; a run of cold files only stays as it is.
 */
function coldRuns(files: readonly FileRecord[], coldRowsPerFile: number): readonly (readonly FileRecord[])[] {
  const runs: FileRecord[][] = [];
  let run: FileRecord[] = [];
  const rows = (records: readonly FileRecord[]): number => records.reduce((sum, { file }) => sum + file.rows, 0);
  for (const record of files) {
    const follows = run.at(-1)?.file.toOffset === record.file.fromOffset;
    if (!follows || rows(run) + record.file.rows > coldRowsPerFile) runs.push(run = []);
    run.push(record);
  }
  return runs.flatMap((records) => {
    const fresh = records.filter(({ place }) => place.tier !== "cold");
    if (fresh.length === 0) return [];
    const cold = records.filter(({ place }) => place.tier === "cold");
    return rows(fresh) >= rows(cold) ? [records] : freshRuns(records);
  });
}

/** The files that are not cold yet, in unbroken runs. */
function freshRuns(records: readonly FileRecord[]): readonly (readonly FileRecord[])[] {
  const runs: FileRecord[][] = [[]];
  for (const record of records) {
    if (record.place.tier === "cold") runs.push([]);
    else runs.at(-1)!.push(record);
  }
  return runs.filter(({ length }) => length > 0);
}
