/** The lake of a data folder that nobody runs: its present state and its snapshots, to read and not to change. */
import type { Clock } from "../../kernel/clock.ts";
import type { Analytics } from "../../ports/analytics.ts";
import type { BlobStore } from "../../ports/blob-store.ts";
import type { FileCache } from "../../ports/file-cache.ts";
import type { SqlDatabase } from "../../ports/sql.ts";
import { createLakeKeeper } from "./lake-keeper.ts";
import { createLakeStorage } from "./lake-storage.ts";
import type { Lake } from "./lake.ts";
import { createManifest } from "./manifest.ts";
import { createSnapshotBook } from "./snapshot-book.ts";

export interface LakeReaderOptions {
  readonly analytics: Analytics;
  readonly database: SqlDatabase;
  readonly blobs: BlobStore;
  readonly cache: FileCache;
  readonly folder: string;
  readonly clock: Clock;
}

/** Events that were not stored in the lake yet are only in the log, and not seen. */
export async function openLakeReader({ analytics, database, blobs, cache, folder, clock }: LakeReaderOptions): Promise<Pick<Lake, "hold" | "locate">> {
  const manifest = createManifest(database);
  await manifest.open();
  const storage = createLakeStorage({ analytics, blobs, cache, manifest, folder, durable: "local" });
  const keeper = createLakeKeeper({ manifest, storage, book: createSnapshotBook(database), clock });
  return { hold: (id) => keeper.hold(id), locate: storage.locate };
}
