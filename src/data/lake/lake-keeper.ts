/** Looks after the files of all streams, also of those that left the definition: what is stored where, what is held, what may go. */
import type { Clock } from "../../kernel/clock.ts";
import { StrataError, isStrataError, reasonOf, toStrataError } from "../../kernel/errors.ts";
import { TIERS, physicalOf, storedRecords } from "./file-book.ts";
import type { FileBook, FileRecord, Tier } from "./file-book.ts";
import type { LakeStorage } from "./lake-storage.ts";
import type { Manifest } from "./manifest.ts";
import type { SnapshotBook } from "./snapshot-book.ts";
import type { LakeSnapshot } from "./snapshot.ts";

export interface TierUse {
  readonly files: number;
  readonly sizeBytes: number;
}

export interface StreamStorage {
  readonly stream: string;
  /** Of the lake as it is now. */
  readonly rows: number;
  readonly tiers: Readonly<Record<Tier, TierUse>>;
  /** What all of it would take in the hot tier. */
  readonly hotBytes: number;
  /** Part of the above that only snapshots need. */
  readonly snapshotBytes: number;
}

export interface CollectOptions {
  /** Also forgets snapshots that nothing relies on and that are older than this. Default: none. */
  readonly olderThanMs?: number | undefined;
}

export interface Collected {
  readonly snapshots: readonly string[];
  readonly files: number;
  readonly sizeBytes: number;
}

export interface VerifiedStream {
  readonly stream: string;
  /** Files whose bytes were looked at. */
  readonly files: number;
  readonly sizeBytes: number;
  /** Files that were damaged and came back from the blob store or the log. */
  readonly mended: readonly string[];
  /** Files of versions that took no digest: only their size is known, until they are merged. */
  readonly withoutDigest: number;
  readonly damaged: readonly { readonly file: string; readonly fromOffset: number; readonly toOffset: number; readonly code: string; readonly reason: string }[];
}

export interface VerifyOptions {
  readonly onProgress?: (progress: { readonly stream: string; readonly share: number }) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface LakeKeeper {
  /** The present state, or a snapshot, with all of its files held. */
  hold(id?: string): Promise<{ readonly snapshot: LakeSnapshot } & Disposable>;
  collect(options?: CollectOptions): Promise<Collected>;
  verify(options?: VerifyOptions): Promise<readonly VerifiedStream[]>;
  storage(): Promise<readonly StreamStorage[]>;
}

/** Somebody came to rely on it meanwhile. */
function wasPinned(thrown: unknown): false {
  if (isStrataError(thrown) && thrown.code === "SNAPSHOT_PINNED") return false;
  throw thrown;
}

interface Parts {
  readonly manifest: Manifest;
  readonly storage: LakeStorage;
  readonly book: SnapshotBook;
  readonly clock: Clock;
}

export function createLakeKeeper({ manifest, storage, book, clock }: Parts): LakeKeeper {
  const names = async (): Promise<readonly string[]> => [...(await manifest.streams()).keys()];
  return {
    hold: async (id) => {
      let snapshot: LakeSnapshot | undefined;
      const hold = await storage.hold(async () => {
        snapshot = id === undefined ? await book.present(clock.now()) : await book.find(id);
        return new Map(Object.entries(snapshot.streams).map(([stream, { files }]) => [stream, files.map(({ name }) => name)]));
      });
      if (snapshot === undefined) throw new StrataError("INTERNAL", { reason: "a hold chose nothing" });
      return { snapshot, [Symbol.dispose]: () => hold[Symbol.dispose]() };
    },
    collect: async ({ olderThanMs } = {}) => {
      const forgotten: string[] = [];
      const limitMs = clock.now() - (olderThanMs ?? Infinity);
      for (const { id, createdAtMs, pins } of await book.list()) {
        if (pins.length > 0 || createdAtMs >= limitMs) continue;
        if (await book.forget(id).then(() => true, wasPinned)) forgotten.push(id);
      }
      let files = 0;
      let sizeBytes = 0;
      for (const stream of await names()) {
        const removed = await storage.collect(stream);
        files += removed.files;
        sizeBytes += removed.sizeBytes;
      }
      return { snapshots: forgotten, files, sizeBytes };
    },
    verify: async ({ onProgress, signal } = {}) => {
      const verified: VerifiedStream[] = [];
      for (const stream of await names()) verified.push(await verifyStream(stream, { manifest, storage, signal, onShare: (share) => onProgress?.({ stream, share }) }));
      return verified;
    },
    storage: async () => Promise.all((await names()).map(async (stream) => storageOf(stream, await manifest.book(stream)))),
  };
}

interface StreamCheck extends Pick<Parts, "manifest" | "storage"> {
  readonly onShare: (share: number) => void;
  readonly signal: AbortSignal | undefined;
}

async function verifyStream(stream: string, { manifest, storage, onShare, signal }: StreamCheck): Promise<VerifiedStream> {
  let records: readonly FileRecord[] = [];
  using _held = await storage.hold(async () => {
    records = storedRecords(await manifest.book(stream));
    return new Map([[stream, records.map(({ file }) => file.name)]]);
  });
  const mended: string[] = [];
  const damaged: VerifiedStream["damaged"][number][] = [];
  for (const [done, record] of records.entries()) {
    onShare(done / records.length);
    const { name: file, fromOffset, toOffset } = record.file;
    try {
      if (await storage.verify(stream, record, signal) !== "whole") mended.push(file);
    } catch (thrown) {
      if (signal?.aborted) throw thrown;
      damaged.push({ file, fromOffset, toOffset, code: toStrataError(thrown).code, reason: reasonOf(thrown) });
    }
  }
  onShare(1);
  return {
    stream, files: records.length, sizeBytes: records.reduce((sum, { place }) => sum + place.sizeBytes, 0), mended, damaged,
    withoutDigest: records.filter(({ place }) => place.digest === undefined && place.checksum === undefined).length,
  };
}

function storageOf(stream: string, book: FileBook): StreamStorage {
  const stored = storedRecords(book);
  const live = [...book.values()].filter(({ isLive }) => isLive);
  const needed = new Set(live.map(({ file }) => physicalOf(book, file.name).file.name));
  const use = (tier: Tier): TierUse => {
    const places = stored.filter(({ place }) => place.tier === tier).map(({ place }) => place);
    return { files: places.length, sizeBytes: places.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) };
  };
  return {
    stream, rows: live.reduce((sum, { file }) => sum + file.rows, 0),
    tiers: Object.fromEntries(TIERS.map((tier) => [tier, use(tier)])) as Record<Tier, TierUse>, // one entry per tier
    hotBytes: stored.reduce((sum, { file, place }) => sum + (file.hotBytes ?? place.sizeBytes), 0),
    snapshotBytes: stored.filter(({ file }) => !needed.has(file.name)).reduce((sum, { place }) => sum + place.sizeBytes, 0),
  };
}
