/**
 * Content-addressed immutable bytes: model artifacts, Parquet files, state snapshots.
 *
 * Contract, judged by test/conformance/blob-store.ts on every engine:
 * - `put` and `putFile` resolve after the bytes would survive power loss and tell their SHA-256; putting the same
 *   bytes again is free of a second copy, and heals a damaged one.
 * - `get` and `getFile` verify the digest (BLOB_CORRUPT) and raise BLOB_NOT_FOUND. Nothing damaged is ever handed out.
 * - The file methods hold a bounded piece of the file in memory, whatever its size. `putFile` reads a file that nobody
 *   changes meanwhile (BLOB_CORRUPT if somebody did; FILE_NOT_FOUND when there is none). `getFile` makes the file whole
 *   or not at all: durable when it resolves, in a folder that exists, in place of one that was there; when it rejects,
 *   the path is as it was, and beside it may lie a leftover that ends with ".temporary" only after a crash.
 * - An AbortSignal ends a file's transfer soon, with ABORTED.
 */
export interface BlobStore {
  put(bytes: Uint8Array): Promise<string>;
  get(digest: string): Promise<Uint8Array>;
  has(digest: string): Promise<boolean>;
  delete(digest: string): Promise<void>;
  /** Stores a file's bytes. */
  putFile(path: string, options?: BlobFileOptions): Promise<StoredBlob>;
  /** Writes a blob's bytes to a file. */
  getFile(digest: string, path: string, options?: BlobFileOptions): Promise<StoredBlob>;
}

/** Engines that can tell everything they hold, for copies and checks. */
export interface BlobListing {
  /** In any order. */
  digests(): AsyncIterable<string>;
}

export interface StoredBlob {
  /** SHA-256, lower-case hex. */
  readonly digest: string;
  readonly sizeBytes: number;
}

export interface BlobFileOptions {
  readonly signal?: AbortSignal | undefined;
}
