/**
 * The engines of one running Strata: those that the profile names, the others embedded in the data folder. This and
 * profile-engines.ts are the places that name technologies: everything behind them sees ports. One process owns the folder.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../kernel/clock.ts";
import { openDuckdbAnalytics } from "../engines/duckdb/duckdb-analytics.ts";
import { openEmbeddedFileCache } from "../engines/embedded/file-cache.ts";
import { openSpillFolder } from "../engines/embedded/spill-file.ts";
import { lockFolder } from "../engines/embedded/folder-lock.ts";
import type { Analytics } from "../ports/analytics.ts";
import type { BlobStore } from "../ports/blob-store.ts";
import type { EventLog } from "../ports/event-log.ts";
import type { FileCache } from "../ports/file-cache.ts";
import type { RateLimiter } from "../ports/rate-limiter.ts";
import type { SpillStore } from "../ports/spill-store.ts";
import type { SqlDatabase } from "../ports/sql.ts";
import type { StateStore } from "../ports/state-store.ts";
import type { Logger } from "../ports/telemetry.ts";
import { openBlobs, openDatabase, openLimits, openLog, openStates, type MaybeOpen } from "./profile-engines.ts";
import { EMBEDDED_PROFILE, type Environment, type Profile } from "./profile.ts";

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
  /** blob: the blob store outlives this machine, and the lake's files are put there at once. */
  readonly lakeDurable: "local" | "blob";
  /** A new spill store. */
  readonly openSpill: (name: string) => SpillStore;
}

export interface EngineOptions {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly segmentBytes: number;
  readonly lakeCacheBytes: number;
  readonly logger: Logger;
  /** Default: everything embedded. */
  readonly profile?: Profile;
  /** Where credentials of the profile's servers are looked for. */
  readonly environment?: Environment;
}

/** Opens or creates everything in the folder; DATA_DIR_LOCKED when another process has it. */
export async function openEngines(options: EngineOptions): Promise<Engines> {
  const { dataDir, clock, segmentBytes, lakeCacheBytes, logger, profile = EMBEDDED_PROFILE, environment = {} } = options;
  const place = { dataDir, clock, logger, profile, environment };
  const stack = new AsyncDisposableStack();
  try {
    await mkdir(dataDir, { recursive: true });
    if (profile.addresses.log !== undefined) {
      const lock = await lockFolder(dataDir); // what stays in the folder still has one owner; the embedded log has a lock of its own
      stack.defer(() => lock.release());
    }
    const log = stack.use(await openLog(place, segmentBytes, () => blobs));
    const database = stack.use(await openDatabase(place));
    const blobs = closing(stack, await openBlobs(place));
    const states = closing(stack, await openStates(place));
    const limiter = stack.use(await openLimits(place));
    const spills = openSpillFolder(join(dataDir, "spill"));
    const temporaryFolder = join(dataDir, "tmp");
    await mkdir(temporaryFolder, { recursive: true });
    const analytics = stack.use(openDuckdbAnalytics({ temporaryFolder }));
    const lakeCache = stack.use(await openEmbeddedFileCache({ folder: join(dataDir, "cache"), maxBytes: lakeCacheBytes, blobs }));
    const owned = stack.move();
    return { log, database, blobs, states, limiter, analytics, lakeCache, lakeDurable: profile.addresses.blobs === undefined ? "local" : "blob", openSpill: spills.open, lakeFolder: join(dataDir, "lake"), [Symbol.asyncDispose]: () => owned.disposeAsync() };
  } catch (thrown) {
    await stack.disposeAsync();
    throw thrown;
  }
}

function closing<T extends object>(stack: AsyncDisposableStack, opened: MaybeOpen<T>): T {
  const close = opened[Symbol.asyncDispose];
  if (close !== undefined) stack.defer(() => close());
  return opened;
}
