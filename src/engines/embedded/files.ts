/**
 * The few file operations the embedded engines need, as an interface so that tests can make a write
 * or a sync fail, or lose power. Nothing here decides anything; durability rules live with the callers.
 */
import { mkdir, open, readFile, readdir, rename, rm, type FileHandle } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { lockFolder, type FolderLock } from "./folder-lock.ts";

export interface OpenFile {
  /** Fills `buffer` from `position`; returns how many bytes there were, fewer only at the end of the file. */
  read(buffer: Uint8Array, position: number): Promise<number>;
  /** Writes all parts one after another from `position`, in one system call where the system allows; a short write throws. */
  write(parts: readonly Uint8Array[], position: number): Promise<void>;
  /** Resolves when the written bytes and the file's length would survive power loss (fdatasync). */
  datasync(): Promise<void>;
  truncate(sizeBytes: number): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}

/** read: must exist. update: must exist, read and write. create: must not exist, read and write. */
export type OpenMode = "read" | "update" | "create";

export interface Files {
  open(path: string, mode: OpenMode): Promise<OpenFile>;
  /** The whole file, or undefined when there is none. */
  contents(path: string): Promise<Buffer<ArrayBuffer> | undefined>;
  /** Names in a folder; empty when there is no folder. */
  list(folder: string): Promise<readonly string[]>;
  /** Makes the folder and its parents; their names are durable when it resolves. */
  makeFolder(folder: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Removes a file; no error when there is none. */
  remove(path: string): Promise<void>;
  /** Resolves when names created, renamed or removed in the folder would survive power loss. */
  syncFolder(folder: string): Promise<void>;
  /** Makes the caller the folder's only user; DATA_DIR_LOCKED while there is another. */
  lock(folder: string): Promise<FolderLock>;
}

const FLAGS = { read: "r", update: "r+", create: "wx+" } as const;

export const nodeFiles: Files = {
  open: async (path, mode) => openFileOf(await open(path, FLAGS[mode])),
  contents: (path) => unlessMissing(readFile(path), undefined),
  list: (folder) => unlessMissing(readdir(folder), []),
  makeFolder: async (folder) => {
    const wanted = resolve(folder);
    const first = await mkdir(wanted, { recursive: true });
    if (first === undefined) return;
    for (let made = wanted; made.length >= resolve(first).length; made = dirname(made)) await nodeFiles.syncFolder(dirname(made));
  },
  rename,
  remove: (path) => rm(path, { force: true }),
  syncFolder: async (folder) => {
    await using handle = await open(folder, "r");
    await handle.sync();
  },
  lock: lockFolder,
};

function openFileOf(handle: FileHandle): OpenFile {
  return {
    read: async (buffer, position) => {
      let filled = 0;
      while (filled < buffer.length) {
        const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, position + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return filled;
    },
    write: async (parts, position) => {
      const wantedBytes = parts.reduce((sum, part) => sum + part.length, 0);
      const { bytesWritten } = await handle.writev(parts, position);
      if (bytesWritten !== wantedBytes) throw new Error(`only ${bytesWritten} of ${wantedBytes} bytes were written`);
    },
    datasync: () => handle.datasync(),
    truncate: (sizeBytes) => handle.truncate(sizeBytes),
    size: async () => (await handle.stat()).size,
    close: () => handle.close(),
  };
}

async function unlessMissing<T, F>(result: Promise<T>, missing: F): Promise<T | F> {
  try {
    return await result;
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT") return missing;
    throw thrown;
  }
}
