/**
 * The event log: named, append-only sequences of records, the spine everything else derives from.
 *
 * Contract, judged by test/conformance/event-log.ts on every engine:
 * - Ordering: records of one log have consecutive offsets from 0, in the order the appends were called.
 * - Durability: `append` resolves only after the records would survive power loss (fsync or its like).
 *   A failed append rejects with LOG_WRITE_FAILED, and none of its records is ever served. An engine behind a network
 *   asks again until it knows; only `close` can end an append in doubt (LOG_APPEND_UNKNOWN: served whole, or never).
 * - Reading serves only durable records whose checksum holds; damage raises LOG_CORRUPT, never wrong data.
 * - Retention removes whole old segments; reading below the oldest kept offset raises LOG_OFFSET_GONE.
 * - Payloads that reading hands out may share memory with the log: consumers do not change them, and copy what they keep.
 * - Consumer checkpoints are durable when `commit` resolves and never move backwards; one past the log's end is refused (REQUEST_INVALID).
 * - An AbortSignal ends a waiting read by finishing the iteration; it never loses records.
 * - `logs`, `statistics` and `checkpoint` say what this process knows: at least its own acknowledged appends and commits
 *   and everything it was delivered. Where several processes share the logs, `refresh` asks; a barrier that must cover what
 *   others were acknowledged before it begins calls `refresh` first.
 * - After `close`, every call rejects with CLOSED.
 */

/** What a producer appends. The payload is opaque to the log (by convention the event's original JSON bytes). */
export interface NewRecord {
  /** The event's id, unique within the log as far as ingestion can tell. */
  readonly id: string;
  /** Event time, ms since the epoch. */
  readonly timeMs: number;
  /** When the event became known: append time for live events, event time for imported history (ms since the epoch). */
  readonly knownAtMs: number;
  readonly payload: Uint8Array;
}

export interface LogRecord extends NewRecord {
  readonly offset: number;
}

/** Records that were appended together, with consecutive offsets starting at `baseOffset`. */
export interface RecordBatch {
  readonly baseOffset: number;
  /** When the log accepted the batch, ms since the epoch. */
  readonly appendedAtMs: number;
  readonly records: readonly LogRecord[];
}

export interface AppendResult {
  /** Offset of the first record; the others follow consecutively. */
  readonly baseOffset: number;
  /** One past the last record: reading from here sees only what came later. */
  readonly nextOffset: number;
}

export interface ReadOptions {
  /** First offset to deliver; or the first record whose event was appended at or after `fromAppendedAtMs`. */
  readonly from: { readonly offset: number } | { readonly appendedAtMs: number };
  /** Wait for new records at the end instead of finishing. Default false. */
  readonly follow?: boolean;
  readonly signal?: AbortSignal;
}

export interface LogStatistics {
  readonly oldestOffset: number;
  /** One past the last durable record. */
  readonly nextOffset: number;
  readonly sizeBytes: number;
  readonly segments: number;
  /** Of `sizeBytes`, what lies in a blob store and is read back when needed. Absent for engines that keep everything in one place. */
  readonly tieredBytes?: number;
}

export interface RetentionPolicy {
  /** Segments are dropped while the log is larger than this. */
  readonly maxBytes?: number;
  /** Segments whose newest record was appended before now minus this are dropped. */
  readonly maxAgeMs?: number;
}

export interface EventLog extends AsyncDisposable {
  /** Creates the log if it is new. Appends of one log are acknowledged in call order. */
  append(log: string, records: readonly NewRecord[]): Promise<AppendResult>;
  /** Batches in offset order. */
  read(log: string, options: ReadOptions): AsyncIterable<RecordBatch>;
  logs(): readonly string[];
  /** `{oldestOffset: 0, nextOffset: 0, ...}` for a log that does not exist yet. */
  statistics(log: string): LogStatistics;
  /** What the log holds now, for everybody: includes every append that was acknowledged anywhere before the call. */
  refresh(log: string): Promise<LogStatistics>;
  /** Bytes accepted by `append` that are not durable yet, over all logs; ingestion refuses above a bound. */
  pendingBytes(): number;
  /** The consumer group's next offset to read; 0 when it never committed. */
  checkpoint(log: string, group: string): number;
  commit(log: string, group: string, nextOffset: number): Promise<void>;
  /** Applies retention now; returns how many records were dropped. */
  retain(log: string, policy: RetentionPolicy): Promise<number>;
  /** Reads everything and reports damage without throwing. */
  verify(log: string): Promise<readonly LogDamage[]>;
  close(): Promise<void>;
}

/** Engines that can keep the closed parts of a log in a blob store until somebody reads them. */
export interface TieringEventLog extends EventLog {
  /**
   * Moves closed segments whose newest record was appended before now minus `olderThanMs`, the oldest first; returns how
   * many bytes left this machine. Reading, retention and verification go on as before: what was moved is fetched when it
   * is read, and its checksum verified. A crash at any point loses nothing.
   */
  tier(log: string, policy: { readonly olderThanMs: number }): Promise<number>;
}

export function canTier(log: EventLog): log is TieringEventLog {
  return "tier" in log;
}

export interface LogDamage {
  readonly log: string;
  readonly file: string;
  readonly position: number;
  /** A torn tail is an append that was never acknowledged; it is cut at opening and reported once. */
  readonly kind: "torn-tail" | "corrupt";
  readonly reason: string;
}
