/** What ingestion takes and answers: the plain values between it and its callers. */
import type { Problem } from "../../kernel/errors.ts";

export interface IngestOptions {
  /** Imported history: exempt from the lateness check, and known from its event time on instead of from now. Default false. */
  readonly backfill?: boolean;
  /** Makes events without an id of their own safe to send again: event n of the request gets the id (key, n). At most 256 characters. */
  readonly idempotencyKey?: string;
  /** Who sends, for the stream's quota. Default: "anonymous". At most 256 characters. */
  readonly producer?: string;
}

export interface IngestTextOptions extends IngestOptions {
  /** json: one object, or an array of objects. ndjson: one object a line; empty lines are skipped. */
  readonly format: "json" | "ndjson";
}

/** An event that is already a value: from a producer in this process, an importer, a CloudEvent. */
export interface IngestRow {
  readonly row: unknown;
  /** Identifies the event when the stream names no id field, or the row leaves it out. */
  readonly id?: string;
  /** Event time, ms since the epoch, when the stream names no time field, or the row leaves it out. Default: now. */
  readonly timeMs?: number;
  /** The event's original JSON bytes. Default: the row as JSON. */
  readonly payload?: Uint8Array;
}

export interface RejectedRow {
  /** Position among the request's events, from 0. */
  readonly index: number;
  readonly status: "dead-letter";
  readonly deadLetterId: string;
  readonly problems: readonly Problem[];
}

/** Everything counted here is durable. accepted + duplicates + rejected = events of the request. */
export interface IngestResult {
  readonly accepted: number;
  /** Events whose id was seen before, in this request or an earlier one; that first event is durable too. */
  readonly duplicates: number;
  readonly rejected: number;
  /** One past the offset of the newest event this request names, new or duplicate: `caughtUp(nextOffset)` is read-your-writes. */
  readonly nextOffset: number;
  /** The rejected events, when there are any. */
  readonly rows?: readonly RejectedRow[];
}
