/**
 * Where the bytes of the lake's files are, and who is reading them. Readers get local paths whatever the tier; a file
 * that somebody holds is neither removed nor forgotten until it is let go.
 *
 * Order that a crash cannot break: bytes are durable in their new place before the manifest says so, and are removed
 * from the old one after. What lies in a folder and is not said by the manifest to be local is removed at the next start.
 */
import { join } from "node:path";
import { StrataError } from "../../kernel/errors.ts";
import type { Analytics } from "../../ports/analytics.ts";
import type { BlobStore } from "../../ports/blob-store.ts";
import type { FileCache } from "../../ports/file-cache.ts";
import type { Logger } from "../../ports/telemetry.ts";
import { physicalOf, removableOf } from "./file-book.ts";
import type { FilePlace, FileRecord } from "./file-book.ts";
import { createFileGuard } from "./file-guard.ts";
import type { FileState } from "./file-guard.ts";
import type { FileRepair } from "./file-repair.ts";
import { OFFSET_COLUMN } from "./lake-file.ts";
import type { LakeFile } from "./lake-file.ts";
import { fetchFiles } from "./located-files.ts";
import type { LocatedFile, OpenedFiles } from "./located-files.ts";
import type { Manifest } from "./manifest.ts";
import { createTurns } from "./turns.ts";

export interface LakeStorageOptions {
  readonly analytics: Analytics;
  readonly blobs: BlobStore;
  readonly cache: FileCache;
  readonly manifest: Manifest;
  readonly folder: string;
  /** blob: a file is in the blob store before it counts, and the local one is a copy; for clusters, whose disks come and go. */
  readonly durable: "local" | "blob";
  /** Writes a damaged local file again; absent where the log is not at hand. */
  readonly repair?: FileRepair;
  readonly logger?: Logger;
}

/** Where files are, held until disposed. */
export interface LocatedFiles extends Disposable {
  readonly located: readonly LocatedFile[];
}

export interface Removed {
  readonly files: number;
  readonly sizeBytes: number;
}

export interface LakeStorage {
  folderOf(stream: string): string;
  /** Removes what a crash left in the stream's folder, which is made when it is missing. */
  prepare(stream: string): Promise<void>;
  /** Local paths of the files, fetched where they have to be. LAKE_QUERY_FAILED when a file is not kept any more, LAKE_FILE_DAMAGED. */
  open(stream: string, files: readonly LakeFile[], options?: { readonly signal?: AbortSignal | undefined }): Promise<OpenedFiles>;
  /** Where the bytes of the files are, whole and kept there until disposed: for another process that will read them. */
  locate(stream: string, files: readonly LakeFile[], options?: { readonly signal?: AbortSignal | undefined }): Promise<LocatedFiles>;
  /** Looks at all bytes of a file, local or in the blob store. LAKE_FILE_DAMAGED, BLOB_CORRUPT, BLOB_NOT_FOUND. */
  verify(stream: string, record: FileRecord, signal?: AbortSignal): Promise<FileState>;
  /** Keeps files by name until disposed: what `choose` returns is chosen and held in one step. */
  hold<T extends ReadonlyMap<string, readonly string[]>>(choose: () => Promise<T>): Promise<{ readonly held: T } & Disposable>;
  /** Puts a written file where it belongs and lets `record` write it down; nothing removes the blob in between. */
  keep(path: string, sizeBytes: number, record: (place: FilePlace) => Promise<void>): Promise<void>;
  /** Moves a file's bytes from the stream's folder to the blob store; one that is there already only changes its tier. */
  move(stream: string, record: FileRecord, tier: "warm" | "cold", signal?: AbortSignal): Promise<void>;
  /** Moves a file that was just written into the stream's folder to the blob store, before anybody knows it. */
  keepCold(stream: string, name: string, record: (place: FilePlace) => Promise<void>, signal?: AbortSignal): Promise<void>;
  /** Removes what nothing needs any more, and local copies of files that left the hot tier. */
  collect(stream: string): Promise<Removed>;
}

/** Files whose bytes are looked at side by side. */
const PARALLEL_CHECKS = 4;

export function createLakeStorage(options: LakeStorageOptions): LakeStorage {
  const { analytics, blobs, cache, manifest, folder, durable } = options;
  const folderOf = (stream: string): string => join(folder, stream);
  const pathOf = (stream: string, name: string): string => join(folderOf(stream), name);
  /** Taking hold and removing take turns, so that nothing is removed between a look at the manifest and the hold. */
  const gate = createTurns();
  /** Blobs are addressed by content: recording one and deleting one of the same bytes must not overlap. */
  const blobTurns = createTurns();
  const holds = createHolds();
  const guard = createFileGuard(options);

  const localNames = async (stream: string): Promise<ReadonlySet<string>> => new Set(await analytics.list(folderOf(stream)));

  /** Resolves and holds the files' bytes. */
  const resolve = (stream: string, files: readonly LakeFile[]) => gate.run(async () => {
    const book = await manifest.book(stream);
    const pairs = files.map((file) => ({ file, record: physicalOf(book, file.name) }));
    return { pairs, release: holds.add(stream, pairs.flatMap(({ file, record }) => [file.name, record.file.name])) };
  });

  /** The names of local files among those that may be, each looked at. */
  const wholeNames = async (stream: string, records: ReadonlySet<FileRecord>, signal: AbortSignal | undefined): Promise<ReadonlySet<string>> => {
    const hot = [...records].filter(({ place }) => place.tier === "hot");
    const copies = hot.some(({ place }) => place.digest !== undefined) ? await localNames(stream) : new Set<string>();
    const local = hot.filter(({ file, place }) => place.digest === undefined || copies.has(file.name));
    const whole = new Set<string>();
    for (let at = 0; at < local.length; at += PARALLEL_CHECKS) {
      if (signal?.aborted) throw new StrataError("ABORTED", { what: "Reading the lake" }, { cause: signal.reason });
      await Promise.all(local.slice(at, at + PARALLEL_CHECKS).map(async (record) => {
        if (await guard.check(stream, record, pathOf(stream, record.file.name)) !== "fetched") whole.add(record.file.name);
      }));
    }
    return whole;
  };
  const locate: LakeStorage["locate"] = async (stream, files, { signal } = {}) => {
    const { pairs, release } = await resolve(stream, files);
    try {
      const local = await wholeNames(stream, new Set(pairs.map(({ record }) => record)), signal);
      return { located: rangesOf(pairs).map((range) => locationOf(range, { local, pathOf: (name) => pathOf(stream, name) })), [Symbol.dispose]: release };
    } catch (thrown) {
      release();
      throw thrown;
    }
  };
  const open: LakeStorage["open"] = async (stream, files, callOptions) => {
    const { located, [Symbol.dispose]: release } = await locate(stream, files, callOptions);
    try {
      const opened = await fetchFiles(located, cache, callOptions);
      return { ...opened, [Symbol.dispose]: () => { opened[Symbol.dispose](); release(); } };
    } catch (thrown) {
      release();
      throw thrown;
    }
  };

  const put = async (path: string, tier: "hot" | "warm" | "cold", signal?: AbortSignal): Promise<FilePlace> => {
    const { digest, sizeBytes } = await blobs.putFile(path, { signal });
    return { tier, digest, sizeBytes };
  };

  return {
    folderOf, locate, open,
    verify: async (stream, record, signal) => {
      const { file, place } = record;
      const path = pathOf(stream, file.name);
      const isLocal = place.tier === "hot" && (place.digest === undefined || (await localNames(stream)).has(file.name));
      const state = isLocal ? await guard.check(stream, record, path, { again: true }) : "whole";
      if (place.digest !== undefined) {
        const copy = `${path}.verified`; // what a crash leaves is removed by prepare
        await blobs.getFile(place.digest, copy, { signal });
        await analytics.remove(copy);
      }
      return state;
    },
    prepare: async (stream) => {
      await analytics.makeFolder(folderOf(stream));
      const book = await manifest.book(stream);
      for (const name of await localNames(stream)) {
        if (book.get(name)?.place.tier !== "hot") await analytics.remove(pathOf(stream, name));
      }
    },
    hold: (choose) => gate.run(async () => {
      const held = await choose();
      const releases = [...held].map(([stream, names]) => holds.add(stream, names));
      return { held, [Symbol.dispose]: () => { for (const release of releases) release(); } };
    }),
    keep: async (path, sizeBytes, record) => {
      if (durable === "local") return record({ tier: "hot", digest: undefined, sizeBytes, checksum: await analytics.digest(path) });
      return blobTurns.run(async () => record(await put(path, "hot")));
    },
    move: async (stream, record, tier, signal) => {
      const { file, place } = record;
      const path = pathOf(stream, file.name);
      // Damage must not get a digest of its own. What is rebuilt here moves the next time: its record is another now.
      if (place.digest === undefined && await guard.check(stream, record, path, { again: true }) !== "whole") return;
      await blobTurns.run(async () => manifest.moveFile(stream, file.name, place.digest === undefined ? await put(path, tier, signal) : { ...place, tier }));
    },
    keepCold: (stream, name, record, signal) => blobTurns.run(async () => {
      await record(await put(pathOf(stream, name), "cold", signal));
    }),
    collect: (stream) => gate.run(() => blobTurns.run(async () => {
      const book = await manifest.book(stream);
      const held = holds.of(stream);
      const { bytes, records } = removableOf(book, held);
      const names = [...new Set([...bytes.map(({ file }) => file.name), ...records])];
      for (const { file, place } of bytes) {
        guard.forget(pathOf(stream, file.name));
        await analytics.remove(pathOf(stream, file.name));
        if (place.digest !== undefined && !await manifest.isBlobNeeded(place.digest, { stream, names })) {
          await blobs.delete(place.digest);
          await cache.drop(place.digest);
        }
      }
      if (names.length > 0) await manifest.removed(stream, { records, bytes: bytes.map(({ file }) => file.name) });
      for (const name of await localNames(stream)) {
        const record = book.get(name);
        const hasMoved = record !== undefined && (record.place.tier === "warm" || record.place.tier === "cold");
        if (hasMoved && !held.has(name)) await analytics.remove(pathOf(stream, name));
      }
      return { files: bytes.length, sizeBytes: bytes.reduce((sum, { place }) => sum + place.sizeBytes, 0) };
    })),
  };
}

interface Holds {
  /** Returns how to let go, once. */
  add(stream: string, names: readonly string[]): () => void;
  of(stream: string): ReadonlySet<string>;
}

function createHolds(): Holds {
  const counts = new Map<string, Map<string, number>>();
  const change = (stream: string, names: readonly string[], by: 1 | -1): void => {
    const known = counts.get(stream) ?? new Map<string, number>();
    counts.set(stream, known);
    for (const name of names) {
      const count = (known.get(name) ?? 0) + by;
      if (count === 0) known.delete(name);
      else known.set(name, count);
    }
  };
  return {
    add: (stream, names) => {
      change(stream, names, 1);
      let isHeld = true;
      return () => {
        if (!isHeld) return;
        isHeld = false;
        change(stream, names, -1);
      };
    },
    of: (stream) => new Set(counts.get(stream)?.keys()),
  };
}

interface RecordRange {
  readonly record: FileRecord;
  readonly from: number;
  to: number;
}

/** Files whose bytes are in another one become that one's range of offsets; neighbours in the same file are one range. */
function rangesOf(pairs: readonly { readonly file: LakeFile; readonly record: FileRecord }[]): readonly RecordRange[] {
  const ranges: RecordRange[] = [];
  for (const { file, record } of pairs) {
    if (file.fromOffset < record.file.fromOffset || file.toOffset > record.file.toOffset) throw new StrataError("LAKE_QUERY_FAILED", { reason: `file ${record.file.name} does not cover ${file.name}` });
    const last = ranges.at(-1);
    if (last?.record === record && last.to === file.fromOffset) last.to = file.toOffset;
    else ranges.push({ record, from: file.fromOffset, to: file.toOffset });
  }
  return ranges;
}

/** `local`: names whose bytes in the stream's folder are whole. */
function locationOf({ record: { file, place }, from, to }: RecordRange, { local, pathOf }: { readonly local: ReadonlySet<string>; readonly pathOf: (name: string) => string }): LocatedFile {
  const { tier, digest, sizeBytes } = place;
  const isLocal = tier === "hot" && local.has(file.name);
  const isWhole = from === file.fromOffset && to === file.toOffset;
  return {
    path: isLocal ? pathOf(file.name) : undefined, blob: digest === undefined ? undefined : { digest, sizeBytes }, sizeBytes,
    range: isWhole ? undefined : { column: OFFSET_COLUMN, from, to },
  };
}
