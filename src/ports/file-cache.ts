/**
 * Blobs as local files, for engines that read files: fetched when asked for, verified, kept while there is room.
 *
 * Contract, judged by src/engines/embedded/file-cache.test.ts:
 * - A leased file stays where it is until it is released; a file that nobody holds may go at any time.
 * - Callers who want the same blob at once share one transfer. A failed transfer is told to all of them and leaves nothing.
 * - The bytes of files that nobody holds and of those being fetched stay within the bound; leases may exceed it, since
 *   work in progress must be able to read what it needs.
 * - What a cache finds from an earlier process is checked against its digest before it is handed out.
 */
export interface FileCache extends AsyncDisposable {
  /** BLOB_NOT_FOUND, BLOB_CORRUPT; ABORTED when the signal fires before the file is there. */
  lease(blob: CachedBlob, options?: { readonly signal?: AbortSignal | undefined }): Promise<FileLease>;
  /** Drops the blob's file if nobody holds it: its blob is gone for good. */
  drop(digest: string): Promise<void>;
  /** Digests that are here now, with their sizes: what placement of jobs goes by. */
  contents(): ReadonlyMap<string, number>;
  statistics(): FileCacheStatistics;
  /** Waits for transfers; the files stay for the next process. */
  close(): Promise<void>;
}

export interface CachedBlob {
  readonly digest: string;
  readonly sizeBytes: number;
}

export interface FileLease {
  readonly path: string;
  /** Bytes that had to be fetched for this lease; 0 when the file was here. */
  readonly fetchedBytes: number;
  /** Once. */
  release(): void;
}

export interface FileCacheStatistics {
  readonly files: number;
  readonly sizeBytes: number;
  readonly maxBytes: number;
  readonly hits: number;
  readonly misses: number;
  readonly fetchedBytes: number;
  readonly evictedFiles: number;
}
