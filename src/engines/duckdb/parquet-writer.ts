/**
 * A Parquet file that is whole or absent: DuckDB writes beside the target, then sync, rename, sync of the folder.
 */
import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { quoteText } from "../../ports/analytics.ts";
import type { WrittenFile } from "../../ports/analytics.ts";
import type { Session } from "./session.ts";

export interface ParquetTarget {
  readonly path: string;
  readonly temporaryPath: string;
  readonly compressionLevel?: number | undefined;
}

/** Runs the SELECT into the file at `path`; `temporaryPath` must be in the same folder. */
export async function writeParquet(session: Session, select: string, target: ParquetTarget): Promise<WrittenFile> {
  const { path, temporaryPath } = target;
  try {
    const rows = await copyTo(session, select, target);
    const sizeBytes = await syncFile(temporaryPath);
    await rename(temporaryPath, path);
    await syncFolder(dirname(path));
    return { rows, sizeBytes };
  } catch (thrown) {
    await rm(temporaryPath, { force: true }).catch(() => undefined); // the first failure is the one worth reporting
    throw thrown;
  }
}

async function copyTo(session: Session, select: string, { temporaryPath, compressionLevel }: ParquetTarget): Promise<number> {
  let rows = 0;
  const level = compressionLevel === undefined ? "" : `, COMPRESSION_LEVEL ${compressionLevel}`;
  for await (const chunk of session.chunks(`COPY (${select}) TO ${quoteText(temporaryPath)} (FORMAT parquet, COMPRESSION zstd${level})`)) {
    rows = Number(chunk.getColumnValues(0)[0]);
  }
  return rows;
}

async function syncFile(path: string): Promise<number> {
  await using file = await open(path, "r+");
  await file.sync();
  return (await file.stat()).size;
}

/** Resolves when names created or renamed in the folder would survive power loss. */
export async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, "r");
  await handle.sync();
}
