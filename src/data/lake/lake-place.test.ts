/** Test material: the lake on real engines in a folder of its own, opened again and again, with planned failures. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { defineStream } from "../../define/index.ts";
import type { Stream } from "../../define/index.ts";
import { openDuckdbAnalytics } from "../../engines/duckdb/duckdb-analytics.ts";
import { openEmbeddedBlobStore } from "../../engines/embedded/blob-store.ts";
import { openEmbeddedEventLog } from "../../engines/embedded/event-log.ts";
import { openEmbeddedFileCache } from "../../engines/embedded/file-cache.ts";
import { openDomainDatabase } from "../../../test/conformance/domain-database.ts";
import { createManualClock } from "../../kernel/clock.ts";
import type { ManualClock } from "../../kernel/clock.ts";
import type { Analytics } from "../../ports/analytics.ts";
import type { BlobStore } from "../../ports/blob-store.ts";
import type { EventLog } from "../../ports/event-log.ts";
import type { FileCache } from "../../ports/file-cache.ts";
import type { SqlDatabase } from "../../ports/sql.ts";
import { silentLogger, silentMeter } from "../../ports/telemetry.ts";
import { createEventDecoder } from "../streams/event-decoder.ts";
import type { EventColumns } from "./event-columns.ts";
import { createLake } from "./lake.ts";
import type { Lake } from "./lake.ts";
import type { LakeSnapshot } from "./snapshot.ts";

export type Row = Readonly<Record<string, unknown>>;

export const clicks = defineStream("clicks", { schema: z.object({ who: z.string(), n: z.number().optional(), fresh: z.boolean().optional(), tags: z.array(z.string()).optional() }) });

/** file: a file cannot be written. record: a transaction is not committed. put: a blob is stored, and then the process dies. remove: what should go stays. */
export type Failure = "file" | "record" | "put" | "remove";

/** Engines of one data folder; the lake over them can be opened again and again. */
export interface Place extends AsyncDisposable {
  readonly log: EventLog;
  readonly folder: string;
  readonly blobFolder: string;
  readonly cache: FileCache;
  readonly clock: ManualClock;
  /** What fails next; reset once it has. */
  failing: Failure | undefined;
  /** Blobs fetched so far. */
  readonly fetched: string[];
  streams: Map<string, Stream>;
  openLake(): Promise<Lake>;
  append(stream: string, rows: readonly Row[]): Promise<void>;
}

export interface PlaceOptions {
  readonly rowsPerFile?: number;
  readonly maxSmallFiles?: number;
  readonly rowsPerCompactedFile?: number;
  readonly durable?: "local" | "blob";
  readonly cacheBytes?: number;
  readonly analytics?: Analytics;
}

export async function openPlace(options: PlaceOptions = {}): Promise<Place> {
  const root = await mkdtemp(join(tmpdir(), "strata-lake-"));
  const folder = join(root, "lake");
  const clock = createManualClock(1_000_000);
  const log = await openEmbeddedEventLog({ folder: join(root, "log"), clock });
  const database = await openDomainDatabase({ file: join(root, "strata.db") });
  const analytics = options.analytics ?? openDuckdbAnalytics({ threads: 1, temporaryFolder: join(root, "temporary") });
  const blobFolder = join(root, "blobs");
  const store = await openEmbeddedBlobStore({ folder: blobFolder });
  const fetched: string[] = [];
  const blobs: BlobStore = {
    ...store,
    putFile: async (...parameters) => {
      const stored = await store.putFile(...parameters);
      failOnce("put");
      return stored;
    },
    getFile: async (digest, ...parameters) => {
      fetched.push(digest);
      return store.getFile(digest, ...parameters);
    },
  };
  const cache = await openEmbeddedFileCache({ folder: join(root, "cache"), maxBytes: options.cacheBytes ?? 1_000_000, blobs });
  let appended = 0;
  const failOnce = (kind: Failure): void => {
    if (place.failing !== kind) return;
    place.failing = undefined;
    throw new Error(`${kind} failed`);
  };
  const place: Place = {
    log, folder, blobFolder, cache, clock, fetched, failing: undefined, streams: new Map([["clicks", clicks as Stream]]),
    append: async (stream, rows) => {
      const records = rows.map((row) => {
        const number = appended++;
        return { id: String(number), timeMs: number * 1_000, knownAtMs: number * 1_000 + 1, payload: Buffer.from(JSON.stringify(row)) };
      });
      await log.append(stream, records);
    },
    openLake: async () => {
      const failingAnalytics: Analytics = {
        ...analytics,
        writeTable: async (...parameters) => { failOnce("file"); return analytics.writeTable(...parameters); },
        remove: async (path) => { failOnce("remove"); return analytics.remove(path); },
      };
      const failingDatabase: SqlDatabase = { ...database, transaction: async (work) => database.transaction(async (transaction) => {
        const result = await work(transaction as never);
        failOnce("record");
        return result;
      }) };
      const lake = createLake({
        log, decoder: createEventDecoder(), analytics: failingAnalytics, database: failingDatabase, blobs, cache, folder, streams: () => place.streams,
        clock, meter: silentMeter, logger: silentLogger, ...options,
      });
      await lake.start();
      return lake;
    },
    [Symbol.asyncDispose]: async () => {
      if (!options.analytics) await analytics.close();
      await log.close();
      await database.close();
      await rm(root, { recursive: true, force: true });
    },
  };
  return place;
}

export const read = (lake: Lake, snapshot: LakeSnapshot, fields = ["who", "n", "fresh", "tags"]): Promise<EventColumns> => lake.readEvents("clicks", { snapshot, fields });

export function rowsOf({ rows, offsets, columns }: EventColumns): readonly unknown[] {
  return Array.from({ length: rows }, (_, row) => [offsets[row], ...Object.values(columns).map((column) =>
    column.kind === "text" ? column.dictionary[column.codes[row]!] : column.kind === "number" ? column.values[row] : [undefined, false, true][column.values[row]! + 1])]);
}

export const users = (count: number, from = 0): readonly Row[] => Array.from({ length: count }, (_, index) => ({ who: `user ${from + index}` }));

