/**
 * Sends batches of events, several at a time, and adds up what became of them. A full server is waited for as it
 * asks; a lost connection is tried again, which is safe because every request carries an idempotency key.
 */
import type { Clock } from "../../../kernel/clock.ts";
import { StrataError, toStrataError, type Problem } from "../../../kernel/errors.ts";
import type { IngestResult } from "../../../platform/api.ts";
import type { ApiClient } from "../../api-client.ts";
import type { EventBatch } from "./batches.ts";

export interface UploadOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly stream: string;
  readonly backfill: boolean;
  /** The same for the same batches: events without ids are then stored once. */
  readonly idempotencyKey: string;
  /** Nothing new is sent when it fires; what is in flight is finished. */
  readonly signal: AbortSignal;
  /** After each batch. */
  readonly onProgress?: (totals: UploadTotals) => void;
}

export interface RefusedEvent {
  readonly place: number;
  readonly problems: readonly Problem[];
}

export interface UploadTotals {
  accepted: number;
  duplicates: number;
  rejected: number;
  /** Refused events by the word they are counted by on the server. */
  readonly reasons: Map<string, number>;
  /** The first few of them, in the order of the file. */
  examples: readonly RefusedEvent[];
}

export function createTotals(): UploadTotals {
  return { accepted: 0, duplicates: 0, rejected: 0, reasons: new Map(), examples: [] };
}

/** One request is checked while the next travels and the one before is made durable. */
const IN_FLIGHT = 4;
const EXAMPLES = 5;

/**
 * Adds to `totals`, which is complete also when it rejects: with the first request's or the source's error after what
 * was in flight has ended, with ABORTED when the signal fired.
 */
export async function uploadBatches(batches: AsyncIterable<EventBatch>, totals: UploadTotals, options: UploadOptions): Promise<void> {
  const { signal } = options;
  const inFlight = new Set<Promise<void>>();
  let failure: unknown;
  const start = (batch: EventBatch): void => {
    const sending = sendBatch(batch, options).then(
      (result) => { addResult(totals, result, batch); options.onProgress?.(totals); },
      (thrown: unknown) => { failure ??= thrown; },
    );
    const tracked = sending.finally(() => inFlight.delete(tracked));
    inFlight.add(tracked);
  };
  try {
    for await (const batch of batches) {
      if (failure !== undefined || signal.aborted) break;
      start(batch);
      if (inFlight.size >= IN_FLIGHT) await Promise.race(inFlight);
    }
  } finally {
    await Promise.all(inFlight);
  }
  if (failure !== undefined) throw failure;
  if (signal.aborted) throw new StrataError("ABORTED", { what: "The upload" });
}

async function sendBatch({ number, body, places }: EventBatch, options: UploadOptions): Promise<IngestResult> {
  const { client, stream, backfill, idempotencyKey, clock, signal } = options;
  for (let attempt = 0; ; attempt++) {
    try {
      return await client.upload<IngestResult>(`/v1/streams/${encodeURIComponent(stream)}/events`, { type: "application/x-ndjson", bytes: body }, {
        query: { backfill: backfill ? true : undefined }, headers: { "idempotency-key": `${idempotencyKey}-${number}` },
      });
    } catch (thrown) {
      const error = toStrataError(thrown);
      if (error.code === "EVENT_INVALID") return refusedBatch(error, places.length);
      const waitMs = retryDelayMs(error, attempt);
      if (waitMs === undefined) throw error;
      await clock.sleep(waitMs, signal);
    }
  }
}

/** Every event of the request was refused: the answer is the error, and the counts stand beside it. */
function refusedBatch({ details }: StrataError, count: number): IngestResult {
  const { rows, nextOffset } = details as Partial<Pick<IngestResult, "rows" | "nextOffset">>; // of the answer of this package's server
  return { accepted: 0, duplicates: 0, rejected: count, nextOffset: nextOffset ?? 0, ...(rows === undefined ? {} : { rows }) };
}

/** Together about fifteen seconds: long enough for a restart. */
const RECONNECTS = 6;
const RECONNECT_MS = 250;
/** At a second each, two minutes of a server that frees nothing. */
const FULL_TRIES = 120;

/** How long to wait before the next attempt (from 0); undefined when it is not worth one. Pure. */
export function retryDelayMs(error: StrataError, attempt: number): number | undefined {
  if (error.status === 429) return attempt < FULL_TRIES ? (error.retryAfterSeconds ?? 1) * 1000 : undefined;
  if (!error.retryable || error.code === "ABORTED") return undefined;
  return attempt < RECONNECTS ? RECONNECT_MS * 2 ** attempt : undefined;
}

function addResult(totals: UploadTotals, result: IngestResult, { places }: EventBatch): void {
  totals.accepted += result.accepted;
  totals.duplicates += result.duplicates;
  totals.rejected += result.rejected;
  const refused = (result.rows ?? []).map(({ index, problems }): RefusedEvent => ({ place: places[index] ?? 0, problems }));
  for (const { problems } of refused) {
    const reason = problems[0]?.code ?? "unknown";
    totals.reasons.set(reason, (totals.reasons.get(reason) ?? 0) + 1);
  }
  totals.examples = [...totals.examples, ...refused.slice(0, EXAMPLES)].toSorted((a, b) => a.place - b.place).slice(0, EXAMPLES);
}
