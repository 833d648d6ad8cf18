/**
 * A folder of blobs as files, least recently used out first. Names are digests, so a file says what it must hold; what an
 * earlier process left is hashed again before its first use.
 */
import { join } from "node:path";
import { StrataError } from "../../kernel/errors.ts";
import type { BlobStore } from "../../ports/blob-store.ts";
import type { CachedBlob, FileCache, FileLease } from "../../ports/file-cache.ts";
import { measureFile } from "./blob-file.ts";
import { removeLeftovers } from "./durable-file.ts";
import { nodeFiles } from "./files.ts";
import type { Files } from "./files.ts";

export interface EmbeddedFileCacheOptions {
  readonly folder: string;
  /** Bytes kept beyond what is in use. */
  readonly maxBytes: number;
  readonly blobs: Pick<BlobStore, "getFile">;
  readonly files?: Files;
}

interface Entry {
  readonly digest: string;
  sizeBytes: number;
  leases: number;
  lastUse: number;
  isVerified: boolean;
  /** Settles when the file is here and checked; undefined once it is. Resolves with the bytes that were fetched. */
  arriving: Promise<number> | undefined;
}

/** One process at a time per folder. */
export async function openEmbeddedFileCache({ folder, maxBytes, blobs, files = nodeFiles }: EmbeddedFileCacheOptions): Promise<FileCache> {
  await files.makeFolder(folder);
  await removeLeftovers(files, folder);
  const cache = new FolderCache({ folder, maxBytes, blobs, files });
  await cache.adopt();
  return cache;
}

class FolderCache implements FileCache {
  readonly #options: Required<EmbeddedFileCacheOptions>;
  readonly #entries = new Map<string, Entry>();
  readonly #closing = new AbortController();
  /** Files on their way out; the same blob must not come in before they are gone. */
  readonly #leaving = new Map<string, Promise<void>>();
  #uses = 0;
  #hits = 0;
  #misses = 0;
  #fetchedBytes = 0;
  #evicted = 0;
  #sizeBytes = 0;

  constructor(options: Required<EmbeddedFileCacheOptions>) {
    this.#options = options;
  }

  /** Takes over what lies in the folder; whatever has no digest for a name is not ours and stays. */
  async adopt(): Promise<void> {
    const { folder, files } = this.#options;
    for (const name of await files.list(folder)) {
      const digest = /^([0-9a-f]{64})\.parquet$/.exec(name)?.[1];
      if (digest === undefined) continue;
      const file = await files.open(join(folder, name), "read");
      const sizeBytes = await file.size();
      await file.close();
      this.#entries.set(digest, { digest, sizeBytes, leases: 0, lastUse: this.#uses++, isVerified: false, arriving: undefined });
      this.#sizeBytes += sizeBytes;
    }
    await this.#makeRoom(0);
  }

  async lease(blob: CachedBlob, { signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<FileLease> {
    if (this.#closing.signal.aborted) throw new StrataError("CLOSED", { what: "The file cache" });
    const entry = this.#entries.get(blob.digest) ?? this.#admit(blob);
    entry.leases += 1;
    entry.lastUse = this.#uses++;
    try {
      const wasHere = entry.isVerified && entry.arriving === undefined;
      if (!wasHere) entry.arriving ??= this.#arrive(entry);
      const fetchedBytes = wasHere ? 0 : await until(entry.arriving!, signal);
      if (fetchedBytes === 0) this.#hits += 1;
      else this.#misses += 1;
      return { path: this.#pathOf(entry.digest), fetchedBytes, release: () => this.#release(entry) };
    } catch (thrown) {
      this.#release(entry);
      throw thrown;
    }
  }

  async drop(digest: string): Promise<void> {
    const entry = this.#entries.get(digest);
    if (entry !== undefined && entry.leases === 0) await this.#remove(entry);
  }

  contents(): ReadonlyMap<string, number> {
    return new Map([...this.#entries.values()].filter(({ arriving }) => arriving === undefined).map(({ digest, sizeBytes }) => [digest, sizeBytes]));
  }

  statistics() {
    return {
      files: this.#entries.size, sizeBytes: this.#sizeBytes, maxBytes: this.#options.maxBytes,
      hits: this.#hits, misses: this.#misses, fetchedBytes: this.#fetchedBytes, evictedFiles: this.#evicted,
    };
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled([...this.#entries.values()].map(async ({ arriving }) => arriving));
  }

  [Symbol.asyncDispose](): Promise<void> { return this.close(); }

  #pathOf(digest: string): string { return join(this.#options.folder, `${digest}.parquet`); }

  #admit({ digest, sizeBytes }: CachedBlob): Entry {
    const entry: Entry = { digest, sizeBytes, leases: 0, lastUse: 0, isVerified: false, arriving: undefined };
    this.#entries.set(digest, entry);
    this.#sizeBytes += sizeBytes;
    return entry;
  }

  /** Brings the file here, or checks the one that is. Everybody who waits shares it, so no single caller's signal ends it. */
  async #arrive(entry: Entry): Promise<number> {
    const { files, blobs } = this.#options;
    const path = this.#pathOf(entry.digest);
    try {
      await this.#leaving.get(entry.digest);
      const present = await measureFile(files, path, { signal: this.#closing.signal });
      if (present?.digest !== entry.digest) {
        await this.#makeRoom(0);
        const { sizeBytes } = await blobs.getFile(entry.digest, path, { signal: this.#closing.signal });
        this.#sizeBytes += sizeBytes - entry.sizeBytes;
        entry.sizeBytes = sizeBytes;
        this.#fetchedBytes += sizeBytes;
        entry.isVerified = true;
        return sizeBytes;
      }
      entry.isVerified = true;
      return 0;
    } catch (thrown) {
      if (this.#entries.get(entry.digest) === entry) this.#entries.delete(entry.digest);
      this.#sizeBytes -= entry.sizeBytes;
      throw thrown;
    } finally {
      entry.arriving = undefined;
    }
  }

  #release(entry: Entry): void {
    entry.leases -= 1;
    this.#makeRoom(0).catch(() => undefined); // the next lease tries again
  }

  /** Removes files that nobody holds, the one used longest ago first, until the rest fits. */
  async #makeRoom(moreBytes: number): Promise<void> {
    const idle = [...this.#entries.values()].filter(({ leases, arriving }) => leases === 0 && arriving === undefined).toSorted((a, b) => a.lastUse - b.lastUse);
    for (const entry of idle) {
      if (this.#sizeBytes + moreBytes <= this.#options.maxBytes) return;
      if (entry.leases > 0 || !this.#entries.has(entry.digest)) continue; // taken or removed meanwhile
      this.#evicted += 1;
      await this.#remove(entry);
    }
  }

  async #remove(entry: Entry): Promise<void> {
    this.#entries.delete(entry.digest);
    this.#sizeBytes -= entry.sizeBytes;
    const leaving = this.#options.files.remove(this.#pathOf(entry.digest)).finally(() => this.#leaving.delete(entry.digest));
    leaving.catch(() => undefined); // a file that stays is checked like any other when its blob is wanted again
    this.#leaving.set(entry.digest, leaving.catch(() => undefined));
    await leaving;
  }
}

/** The work goes on for the others when one caller gives up. */
function until<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new StrataError("ABORTED", { what: "The transfer of a file" }, { cause: signal.reason }));
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
