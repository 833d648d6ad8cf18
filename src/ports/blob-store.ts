/**
 * Content-addressed immutable bytes: model artifacts, Parquet files, state snapshots.
 *
 * Contract: `put` resolves after the bytes would survive power loss and returns their SHA-256; putting the
 * same bytes again is free. `get` verifies the digest (BLOB_CORRUPT) and raises BLOB_NOT_FOUND.
 */
export interface BlobStore {
  put(bytes: Uint8Array): Promise<string>;
  get(digest: string): Promise<Uint8Array>;
  has(digest: string): Promise<boolean>;
  delete(digest: string): Promise<void>;
}
