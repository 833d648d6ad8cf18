/**
 * Ingestion: the door of the platform's spine. Events are checked against their stream's schema, dated, recognised
 * when they come again, and acknowledged once they are durable; what a stream refuses is kept as a dead letter, as
 * durable as the events. Nothing is lost silently, nothing is stored twice, nothing grows without bound.
 */
import type { Clock } from "../../kernel/clock.ts";
import { StrataError, reasonOf, toStrataError } from "../../kernel/errors.ts";
import type { Problem } from "../../kernel/errors.ts";
import type { IdSource } from "../../kernel/ids.ts";
import type { Service } from "../../kernel/lifecycle.ts";
import type { Stream } from "../../define/index.ts";
import type { EventLog } from "../../ports/event-log.ts";
import type { RateLimiter } from "../../ports/rate-limiter.ts";
import type { Logger, Meter } from "../../ports/telemetry.ts";
import type { EventDecoder } from "../streams/event-decoder.ts";
import type { DeadLetter } from "./dead-letter.ts";
import { createDeadLetterDesk } from "./dead-letter-desk.ts";
import type { DeadLetterPage, DeadLetterQuery, LetterChoice, ReplayOptions, ReplayResult } from "./dead-letter-desk.ts";
import { createDraft } from "./draft.ts";
import type { Draft } from "./draft.ts";
import { describeDryRun } from "./dry-run.ts";
import type { DryRunResult } from "./dry-run.ts";
import { ownId } from "./event-id.ts";
import { draftJson, draftLines, tooLarge } from "./event-text.ts";
import type { TextLimits } from "./event-text.ts";
import { createIngestMetrics } from "./ingest-metrics.ts";
import type { IngestOptions, IngestResult, IngestRow, IngestTextOptions } from "./ingest-result.ts";
import { createIntakes } from "./intakes.ts";
import { createProducerQuota } from "./producer-quota.ts";
import { createPressureGauge } from "./pressure-gauge.ts";
import type { DerivedOutputs, QualityDoor, StreamIntake } from "./stream-intake.ts";

export interface Ingestion extends Service {
  /** Larger bodies are refused with BODY_TOO_LARGE. */
  readonly maxBodyBytes: number;
  /** The definition of a stream; STREAM_NOT_FOUND. */
  stream(name: string): Stream;
  /**
   * Takes events as text and resolves when they are durable. Refused events become dead letters and do not hold the
   * others back; the result names them. Rejects with STREAM_NOT_FOUND, BODY_INVALID (not the text its format says,
   * or no event in it), BODY_TOO_LARGE, REQUEST_INVALID (idempotency key, producer), QUOTA_EXCEEDED, QUOTA_TOO_SMALL, INGEST_FULL or LOG_WRITE_FAILED: then no
   * event of the request was stored and the request may be sent again.
   */
  ingestText(stream: string, body: Buffer, options: IngestTextOptions): Promise<IngestResult>;
  /** The same for events that are values already; an empty list is no error. */
  ingestRows(stream: string, rows: readonly IngestRow[], options?: IngestOptions): Promise<IngestResult>;
  /** Stores what a derivation made; only a derived stream takes it. */
  storeDerived(stream: string, outputs: DerivedOutputs): Promise<void>;
  /** What ingestText would do; stores nothing, counts nothing, and answers for a stopped stream, too. */
  tryText(stream: string, body: Buffer, options: IngestTextOptions): Promise<DryRunResult>;
  /** What ingestRows would do. */
  tryRows(stream: string, rows: readonly IngestRow[], options?: IngestOptions): Promise<DryRunResult>;
  /** Dead letters in the order they arrived. */
  listDeadLetters(stream: string, query?: DeadLetterQuery): Promise<DeadLetterPage>;
  /** One dead letter; DEAD_LETTER_NOT_FOUND. */
  deadLetter(stream: string, id: string): Promise<DeadLetter>;
  /** Open dead letters by reason, most frequent first. */
  deadLetterCounts(stream: string): Promise<Readonly<Record<string, number>>>;
  /** Sends dead letters again, mended or not. Safe to repeat after a crash: an event that was stored is not stored again. */
  replayDeadLetters(stream: string, options: ReplayOptions): Promise<ReplayResult>;
  /** Closes dead letters for good; they stay readable. Returns how many were open. */
  discardDeadLetters(stream: string, choice: LetterChoice): Promise<{ readonly discarded: number }>;
}

export interface IngestionOptions {
  readonly log: EventLog;
  /** The definition's streams, asked at each request so that a new definition holds at once. */
  readonly streams: () => ReadonlyMap<string, Stream>;
  readonly decoder: EventDecoder;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly meter: Meter;
  readonly logger: Logger;
  /** Requests are refused with INGEST_FULL while more bytes than this wait to become durable. Default 64 MiB. */
  readonly maxPendingBytes?: number;
  /** Event ids remembered per stream, at least; 32 to 64 bytes each. Default 1,000,000. */
  readonly dedupeRecords?: number;
  /** Larger events become dead letters that keep the event's beginning. Default 1 MiB. */
  readonly maxRecordBytes?: number;
  /** Rules that keep events out, and streams that are stopped. */
  readonly door?: QualityDoor;
  /** Holds producers to the streams' quotas. Default: no quota is held. */
  readonly limiter?: RateLimiter;
  /** Told of records that became durable, and of the newest that were when a stream is opened. */
  readonly onStored?: (stream: string, records: readonly { readonly timeMs: number }[]) => void;
  /** Default 16 MiB: checking that much takes about a third of a second. */
  readonly maxBodyBytes?: number;
}

const MEBIBYTE = 1024 * 1024;

export function createIngestion(options: IngestionOptions): Ingestion {
  const { clock, log } = options;
  const limits: TextLimits = { maxRecordBytes: options.maxRecordBytes ?? MEBIBYTE };
  const maxPendingBytes = options.maxPendingBytes ?? 64 * MEBIBYTE;
  const maxBodyBytes = Math.min(options.maxBodyBytes ?? 16 * MEBIBYTE, maxPendingBytes);
  const pressure = createPressureGauge({ log, maxPendingBytes });
  const metricsOf = createIngestMetrics(options.meter);
  const intakes = createIntakes({ ...options, ...limits, dedupeRecords: options.dedupeRecords ?? 1_000_000, metricsOf });

  const quota = options.limiter && createProducerQuota({ limiter: options.limiter, clock, onRefused: (stream) => metricsOf(stream).failed("quota") });
  const draftFor = (intake: StreamIntake, { backfill = false, idempotencyKey }: IngestOptions): Draft =>
    createDraft({ check: intake.check, latenessMs: intake.stream.latenessMs, nowMs: clock.now(), backfill, idempotencyKey: checkedKey(idempotencyKey) });

  /** Everything around a request: the bound, the meters, the count of what is under way. */
  const take = (stream: string, sizeBytes: number, work: (intake: StreamIntake, handedOver: () => void) => Promise<IngestResult>): Promise<IngestResult> =>
    intakes.use(stream, async (intake, metrics) => {
      refuseDerived(intake.stream);
      const startedMs = clock.now();
      const release = pressure.admit(sizeBytes, () => metrics.failed("full"));
      try {
        const result = await work(intake, release);
        metrics.ingested(result, (clock.now() - startedMs) / 1000, sizeBytes);
        if (result.rejected > 0) metrics.openDeadLetters(intake.deadLetters.openCount());
        return result;
      } catch (thrown) {
        if (toStrataError(thrown).fault !== "caller") metrics.failed("error");
        throw thrown;
      } finally {
        release();
      }
    });

  const fillFromText = async (draft: Draft, body: Buffer, format: IngestTextOptions["format"]): Promise<void> => {
    if (body.length > maxBodyBytes) throw new StrataError("BODY_TOO_LARGE", { limitBytes: maxBodyBytes });
    await (format === "json" ? draftJson : draftLines)(body, draft, limits);
    if (draft.size() === 0) throw new StrataError("BODY_INVALID", { format: format === "json" ? "JSON" : "NDJSON", reason: "it holds no event." });
  };
  const tryOut = (stream: string, given: IngestOptions, fill: (draft: Draft) => Promise<void> | void): Promise<DryRunResult> =>
    intakes.use(stream, async (intake) => {
      const draft = draftFor(intake, given);
      await fill(draft);
      return describeDryRun(draft, options.door?.rowWarnings(stream));
    });

  const desk = createDeadLetterDesk({ intakes, clock });

  return {
    name: "ingestion",
    maxBodyBytes,
    start: () => intakes.openAll(),
    stop: () => intakes.close(),
    stream: intakes.definition,
    ingestText: async (stream, body, textOptions) => {
      if (body.length > maxBodyBytes) throw new StrataError("BODY_TOO_LARGE", { limitBytes: maxBodyBytes });
      return take(stream, body.length, async (intake, handedOver) => {
        const draft = draftFor(intake, textOptions);
        await fillFromText(draft, body, textOptions.format);
        if (intake.stream.quota !== undefined) await quota?.charge(intake.stream, { producer: textOptions.producer, events: draft.size(), bytes: body.length });
        return intake.apply(draft, handedOver);
      });
    },
    ingestRows: async (stream, rows, rowOptions = {}) => {
      const payloads = rows.map(payloadOf);
      const sizeBytes = payloads.reduce((sum, payload) => sum + (payload instanceof Uint8Array ? payload.length : 0), 0);
      return take(stream, sizeBytes, async (intake, handedOver) => {
        const draft = draftFor(intake, rowOptions);
        for (const [index, row] of rows.entries()) draftRow(draft, row, { payload: payloads[index]!, limits });
        if (intake.stream.quota !== undefined) await quota?.charge(intake.stream, { producer: rowOptions.producer, events: draft.size(), bytes: sizeBytes });
        return intake.apply(draft, handedOver);
      });
    },
    tryText: (stream, body, textOptions) => tryOut(stream, textOptions, (draft) => fillFromText(draft, body, textOptions.format)),
    tryRows: (stream, rows, rowOptions = {}) => tryOut(stream, rowOptions, (draft) => {
      for (const row of rows) draftRow(draft, row, { payload: payloadOf(row), limits });
    }),
    ...desk,
    replayDeadLetters: (stream, replay) => {
      refuseDerived(intakes.definition(stream));
      return desk.replayDeadLetters(stream, replay);
    },
    storeDerived: (stream, outputs) => intakes.use(stream, async (intake, metrics) => {
      await intake.storeDerived(outputs);
      const sizeBytes = outputs.records.reduce((sum, { payload }) => sum + payload.length, 0);
      metrics.ingested({ accepted: outputs.records.length, duplicates: 0, rejected: outputs.refused.length }, 0, sizeBytes);
      if (outputs.refused.length > 0) metrics.openDeadLetters(intake.deadLetters.openCount());
    }),
  };
}

/** A derived stream is what its derivation makes of its sources and nothing else, or it could not be made again. */
function refuseDerived(stream: Stream): void {
  if (stream.derivation === undefined) return;
  throw new StrataError("STREAM_DERIVED", { stream: stream.name, sources: stream.derivation.sources.map(({ name }) => name).join(", ") });
}

function draftRow(draft: Draft, { row, id, timeMs }: IngestRow, { payload, limits }: { readonly payload: Uint8Array | Problem; readonly limits: TextLimits }): void {
  if (!(payload instanceof Uint8Array)) return draft.refuse(NO_BYTES, [payload], { timeMs });
  const given = ownId(id, "id");
  if (typeof given === "object") return draft.refuse(payload, [given], { timeMs });
  if (payload.length > limits.maxRecordBytes) return draft.refuse(payload, [tooLarge(payload, limits)], { id: given, timeMs });
  draft.take(row, payload, { id: given, timeMs });
}

const NO_BYTES = new Uint8Array(0);

/** The row's bytes; a problem when it cannot be written as JSON (a cycle, a bigint, nesting beyond the stack). */
function payloadOf({ row, payload }: IngestRow): Uint8Array | Problem {
  if (payload !== undefined) return payload;
  try {
    return Buffer.from(JSON.stringify(row) ?? "null");
  } catch (thrown) {
    return { path: "", message: `cannot be written as JSON: ${reasonOf(thrown)}`, code: "not JSON" };
  }
}

const MAX_KEY_CHARACTERS = 256;

function checkedKey(key: string | undefined): string | undefined {
  if (key === undefined || (key !== "" && key.length <= MAX_KEY_CHARACTERS && key.isWellFormed())) return key;
  throw new StrataError("REQUEST_INVALID", { reason: `The idempotency key must be text of 1 to ${MAX_KEY_CHARACTERS} characters.` });
}
