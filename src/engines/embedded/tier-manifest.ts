/**
 * Which segments of a log lie in the blob store: one line in the file `tiered` of the log's folder, with its checksum,
 * replaced as a whole. A segment that is named here is read from the blob store, whether or not its file is still there.
 */
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { StrataError } from "../../kernel/errors.ts";
import { replaceFile } from "./durable-file.ts";
import type { Files } from "./files.ts";

export interface TieredSegment {
  /** Of its file. */
  readonly name: string;
  readonly sizeBytes: number;
  /** Append time of its newest record. */
  readonly lastAppendedAtMs: number;
  /** SHA-256 of the file's bytes, which is the blob's address. */
  readonly digest: string;
}

const FILE = "tiered";

/** LOG_CORRUPT when the file is not as it was written. */
export async function readTierManifest(files: Files, log: { readonly name: string; readonly folder: string }): Promise<readonly TieredSegment[]> {
  const path = join(log.folder, FILE);
  const text = (await files.contents(path))?.toString();
  if (text === undefined) return [];
  const json = text.slice(9, -1);
  if (text.slice(0, 9) !== `${checksum(json)} `) throw new StrataError("LOG_CORRUPT", { log: log.name, file: path, position: 0, reason: "its checksum does not hold" });
  return JSON.parse(json) as readonly TieredSegment[]; // the checksum says that writeTierManifest wrote it
}

/** Durable when it resolves; whole and old or whole and new when it rejects. */
export async function writeTierManifest(files: Files, folder: string, segments: readonly TieredSegment[]): Promise<void> {
  const json = JSON.stringify(segments);
  await replaceFile(files, join(folder, FILE), [Buffer.from(`${checksum(json)} ${json}\n`)]);
}

function checksum(json: string): string {
  return crc32(json).toString(16).padStart(8, "0");
}
