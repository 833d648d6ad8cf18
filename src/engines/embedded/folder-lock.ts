/**
 * One writer per data folder. The operating system's own file lock, reached through SQLite (the one portable
 * lock Node offers), so it ends with the process: there is no stale lock to judge, no reused pid to mistake for
 * the owner, no race between two that take over, and pid namespaces of containers do not matter.
 * Beside it a small file names the owner, for the error message only.
 * Nobody else in this process may open and close the file `lock`: POSIX drops a process's locks on any close.
 */
import { DatabaseSync } from "node:sqlite";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { StrataError } from "../../kernel/errors.ts";

export interface FolderLock {
  release(): void;
}

/** Takes the folder's lock; DATA_DIR_LOCKED {folder, pid} while another opener, here or in another process, holds it. */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const database = new DatabaseSync(join(folder, "lock"), { timeout: 0 });
  try {
    database.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  } catch (thrown) {
    database.close();
    if (!isBusy(thrown)) throw thrown;
    throw new StrataError("DATA_DIR_LOCKED", { folder, pid: await ownerOf(folder) }, { cause: thrown });
  }
  await rm(join(folder, "lock-owner"), { force: true }); // a file that is truncated and rewritten, ext4 would flush: 2 ms
  await writeFile(join(folder, "lock-owner"), `${process.pid}\n`);
  return { release: () => database.close() };
}

const SQLITE_BUSY = 5;

function isBusy(thrown: unknown): boolean {
  return thrown instanceof Error && "errcode" in thrown && thrown.errcode === SQLITE_BUSY;
}

async function ownerOf(folder: string): Promise<number | string> {
  const text = await readFile(join(folder, "lock-owner"), "utf8").catch(() => "");
  return /^\d+\n$/.test(text) ? Number(text) : "(unknown)";
}
