/**
 * The engines of one data folder. This is the place that names technologies: everything behind it sees ports.
 * The folder's event log holds the lock, so that one process owns everything in it.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../kernel/clock.ts";
import { openDuckdbAnalytics } from "../engines/duckdb/duckdb-analytics.ts";
import { openEmbeddedBlobStore } from "../engines/embedded/blob-store.ts";
import { openEmbeddedFileCache } from "../engines/embedded/file-cache.ts";
import { openEmbeddedEventLog } from "../engines/embedded/event-log.ts";
import { createEmbeddedRateLimiter } from "../engines/embedded/rate-limiter.ts";
import { openSpillFolder } from "../engines/embedded/spill-file.ts";
import { openEmbeddedStateStore } from "../engines/embedded/state-store.ts";
import { openSqliteDatabase } from "../engines/sqlite/database.ts";
import type { Analytics } from "../ports/analytics.ts";
import type { BlobStore } from "../ports/blob-store.ts";
import type { EventLog } from "../ports/event-log.ts";
import type { FileCache } from "../ports/file-cache.ts";
import type { RateLimiter } from "../ports/rate-limiter.ts";
import type { SpillStore } from "../ports/spill-store.ts";
import type { SqlDatabase } from "../ports/sql.ts";
import type { StateStore } from "../ports/state-store.ts";
import type { Logger } from "../ports/telemetry.ts";

export interface Engines extends AsyncDisposable {
  readonly log: EventLog;
  readonly database: SqlDatabase;
  readonly blobs: BlobStore;
  readonly states: StateStore;
  readonly limiter: RateLimiter;
  readonly analytics: Analytics;
  /** Folder of the lake's Parquet files. */
  readonly lakeFolder: string;
  /** Files of the lake's warm and cold tiers while they are read. */
  readonly lakeCache: FileCache;
  /** A new spill store. */
  readonly openSpill: (name: string) => SpillStore;
}

export interface EngineOptions {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly segmentBytes: number;
  readonly lakeCacheBytes: number;
  readonly logger: Logger;
}

/** Opens or creates everything in the folder; DATA_DIR_LOCKED when another process has it. */
export async function openEngines({ dataDir, clock, segmentBytes, lakeCacheBytes, logger }: EngineOptions): Promise<Engines> {
  const stack = new AsyncDisposableStack();
  try {
    await mkdir(dataDir, { recursive: true });
    const log = stack.use(await openEmbeddedEventLog({ folder: join(dataDir, "log"), clock, segmentBytes, logger }));
    const database = stack.use(await openSqliteDatabase({ file: join(dataDir, "strata.db") }));
    const blobs = await openEmbeddedBlobStore({ folder: join(dataDir, "blobs") });
    const states = await openEmbeddedStateStore({ folder: join(dataDir, "state") });
    const limiter = stack.use(createEmbeddedRateLimiter());
    const spills = openSpillFolder(join(dataDir, "spill"));
    const temporaryFolder = join(dataDir, "tmp");
    await mkdir(temporaryFolder, { recursive: true });
    const analytics = stack.use(openDuckdbAnalytics({ temporaryFolder }));
    const lakeCache = stack.use(await openEmbeddedFileCache({ folder: join(dataDir, "cache"), maxBytes: lakeCacheBytes, blobs }));
    const owned = stack.move();
    return { log, database, blobs, states, limiter, analytics, lakeCache, openSpill: spills.open, lakeFolder: join(dataDir, "lake"), [Symbol.asyncDispose]: () => owned.disposeAsync() };
  } catch (thrown) {
    await stack.disposeAsync();
    throw thrown;
  }
}
