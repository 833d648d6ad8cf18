/**
 * The online feature store at scale: for every view and entity the packed rows that its windows need, so that a
 * reader in any process computes exactly what the worker that owns the entity would have computed.
 *
 * Contract, judged by test/conformance/online-store.ts on every engine:
 * - A write is one atomic step: the entities' bytes and the partition's position change together or not at all, and
 *   it resolves when the engine's own durability holds. After a crash the position says what the bytes contain.
 * - A worker writes under the epoch of its lease. A write under an older epoch than the partition's is refused with
 *   STORE_FENCED: two workers can never both move a partition.
 * - `read` gives each key's bytes as of one moment, undefined where there are none. Bytes may be shared: do not change them.
 * - A partition's position never moves backwards under one epoch; a write that stands where the partition stands, or
 *   before, changes nothing, so that repeating one is harmless. A log that is not named stands at 0; going forward in one
 *   log and back in another is STORE_FAILED. A newer epoch may stand anywhere: it takes the partition over.
 * - A key is written by one partition of its view only. Keys are well-formed text.
 * - After `close`, every call rejects with CLOSED. What the engine refuses is STORE_FAILED.
 */

/** Where a partition of a view stands. */
export interface PartitionPosition {
  /** Next offset to apply, per log. */
  readonly offsets: Readonly<Record<string, number>>;
  readonly epoch: number;
}

export interface OnlineEntry {
  readonly key: string;
  /** undefined removes the entity. */
  readonly bytes: Uint8Array | undefined;
}

export interface OnlineWrite {
  readonly view: string;
  readonly partition: number;
  readonly epoch: number;
  readonly offsets: Readonly<Record<string, number>>;
  readonly entries: readonly OnlineEntry[];
}

export interface OnlineStore extends AsyncDisposable {
  /**
   * Raises the partition's epoch in one atomic step and says where it stands: from now on nobody writes under an older
   * epoch, so what `entries` gives afterwards is what the position says. Repeating it under the same epoch is harmless.
   * STORE_FENCED under an older epoch.
   */
  claim(view: string, partition: number, epoch: number): Promise<PartitionPosition>;
  write(write: OnlineWrite): Promise<void>;
  read(view: string, keys: readonly string[]): Promise<readonly (Uint8Array | undefined)[]>;
  /** undefined when nothing was ever written. */
  position(view: string, partition: number): Promise<PartitionPosition | undefined>;
  /** Every entity of a partition, for a worker that takes it over. */
  entries(view: string, partition: number): AsyncIterable<{ readonly key: string; readonly bytes: Uint8Array }>;
  /** Forgets a view with all its partitions. */
  drop(view: string): Promise<void>;
  close(): Promise<void>;
}
