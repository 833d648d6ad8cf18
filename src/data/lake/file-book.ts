/**
 * What is known of a stream's files, and what follows from it: whose bytes hold a file's rows, and which bytes and
 * records nothing needs any more. Pure: the one place that decides what may be removed.
 */
import { StrataError } from "../../kernel/errors.ts";
import type { LakeFile } from "./lake-file.ts";

/** hot: in the lake's folder. warm: in the blob store. cold: in the blob store, written anew for size. */
export const TIERS = ["hot", "warm", "cold"] as const;
export type Tier = (typeof TIERS)[number];

export interface FilePlace {
  /** gone: the bytes were removed because another file covers these rows. */
  readonly tier: Tier | "gone";
  /** Address in the blob store; undefined while the only bytes are local. */
  readonly digest: string | undefined;
  readonly sizeBytes: number;
  /** SHA-256 of the bytes in the stream's folder, lower-case hex; undefined where `digest` says it, and for files of versions that took none. */
  readonly checksum?: string | undefined;
}

export interface FileRecord {
  readonly file: LakeFile;
  /** Part of the lake as it is now. */
  readonly isLive: boolean;
  /** Part of a snapshot. */
  readonly isNamed: boolean;
  /** The file that has all rows of this one. */
  readonly coveredBy: string | undefined;
  readonly place: FilePlace;
}

export type FileBook = ReadonlyMap<string, FileRecord>;

/** The file whose bytes have the rows of this one: itself, or what it was merged into. LAKE_QUERY_FAILED when neither is known. */
export function physicalOf(book: FileBook, name: string): FileRecord {
  const seen = new Set<string>();
  for (let next: string | undefined = name; next !== undefined && !seen.has(next);) {
    seen.add(next);
    const record = book.get(next);
    if (record === undefined) break;
    if (record.coveredBy === undefined) return record;
    next = record.coveredBy;
  }
  throw new StrataError("LAKE_QUERY_FAILED", { reason: `file ${name} is not kept any more` });
}

export interface Removable {
  /** Their bytes may go; the record stays when it is not among `records`. */
  readonly bytes: readonly FileRecord[];
  /** Nothing refers to them. */
  readonly records: readonly string[];
}

/** `held` are files that somebody in this process reads or means to read. */
export function removableOf(book: FileBook, held: ReadonlySet<string>): Removable {
  const kept = [...book.values()].filter(({ file, isLive, isNamed }) => isLive || isNamed || held.has(file.name));
  const covers = new Set(kept.flatMap(({ file }) => coversOf(book, file.name)));
  const physical = new Set(kept.map(({ file }) => physicalOf(book, file.name).file.name));
  const keptNames = new Set(kept.map(({ file }) => file.name));
  return {
    bytes: [...book.values()].filter(({ file, place }) => place.tier !== "gone" && !physical.has(file.name) && !held.has(file.name)),
    records: [...book.keys()].filter((name) => !keptNames.has(name) && !covers.has(name)),
  };
}

/** The files on the way to the bytes, without the file itself. */
function coversOf(book: FileBook, name: string): readonly string[] {
  const covers: string[] = [];
  for (let next = book.get(name)?.coveredBy; next !== undefined && !covers.includes(next); next = book.get(next)?.coveredBy) covers.push(next);
  return covers;
}

/** Files whose bytes are needed now: what storage is paid for. */
export function storedRecords(book: FileBook): readonly FileRecord[] {
  return [...book.values()].filter(({ place }) => place.tier !== "gone");
}
