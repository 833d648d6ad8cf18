/**
 * Bounds what power loss can take from a database that commits with synchronous=NORMAL: a while after a commit the
 * write-ahead log is synced, on a thread of libuv's pool, so that no event loop waits for a disk. Recovery reads the
 * log up to its last whole commit, so what is lost is the newest, never the consistency.
 */
import { open, type FileHandle } from "node:fs/promises";

export interface WriteAheadSync extends AsyncDisposable {
  /** Something was committed. */
  committed(): void;
}

export interface WriteAheadSyncOptions {
  readonly databaseFile: string;
  /** How long after a commit. */
  readonly delayMs: number;
  /** A disk that does not sync cannot be trusted with more. */
  readonly onFailure: (thrown: unknown) => void;
}

/** Call it while the database is open and has been written: then the log exists, and stays the same file. */
export async function openWriteAheadSync({ databaseFile, delayMs, onFailure }: WriteAheadSyncOptions): Promise<WriteAheadSync> {
  const handle: FileHandle = await open(`${databaseFile}-wal`, "r+");
  let timer: NodeJS.Timeout | undefined;
  let syncing: Promise<void> = Promise.resolve();
  const sync = (): void => {
    timer = undefined;
    syncing = syncing.then(() => handle.datasync()).catch(onFailure);
  };
  return {
    committed: () => { timer ??= setTimeout(sync, delayMs); },
    [Symbol.asyncDispose]: async () => {
      if (timer !== undefined) {
        clearTimeout(timer);
        sync();
      }
      await syncing;
      await handle.close();
    },
  };
}
