/**
 * A dead letter: an event that its stream refused, kept whole with everything needed to understand it, mend it and
 * send it again. Stored as JSON in the log `strata_dead_<stream>`; its id is its offset there.
 */
import { SYSTEM_STREAM_PREFIX } from "../../define/index.ts";
import type { Problem } from "../../kernel/errors.ts";
import type { LogRecord } from "../../ports/event-log.ts";
import type { RefusedEvent } from "./draft.ts";

export type DeadLetterState = "open" | "replayed" | "discarded";

/** The part that is stored. */
export interface StoredLetter {
  readonly stream: string;
  /** When the event arrived, ms since the epoch. */
  readonly receivedAtMs: number;
  /** The first problem's word to count by: the schema's own message ("missing customer") or a code ("invalid_type", "not JSON"). */
  readonly reason: string;
  readonly problems: readonly Problem[];
  /** The event's original text; what was no UTF-8 shows as U+FFFD. */
  readonly event: string;
  /** The original size, when `event` holds only its beginning. Such a letter needs a replacement to be replayed. */
  readonly truncatedFromBytes?: number;
  readonly backfill: boolean;
  /** The record id that the request gave the event, e.g. from its idempotency key. */
  readonly eventId?: string;
  /** The event time that the request gave the event, ms since the epoch. */
  readonly timeMs?: number;
}

export interface DeadLetter extends StoredLetter {
  readonly id: string;
  readonly state: DeadLetterState;
}

export interface LetterContext {
  readonly stream: string;
  readonly receivedAtMs: number;
  readonly backfill: boolean;
  /** Longer events are cut. */
  readonly maxEventBytes: number;
}

const MAX_REASON_CHARACTERS = 100;

export function deadLetterLog(stream: string): string {
  return `${SYSTEM_STREAM_PREFIX}dead_${stream}`;
}

/** The log of what became of dead letters. */
export function resolutionLog(stream: string): string {
  return `${SYSTEM_STREAM_PREFIX}dead_resolved_${stream}`;
}

export function describeRefusal(refused: RefusedEvent, context: LetterContext): StoredLetter {
  const { payload, problems, id, timeMs } = refused;
  const isCut = payload.length > context.maxEventBytes;
  const kept = Buffer.from(payload.buffer, payload.byteOffset, isCut ? context.maxEventBytes : payload.length);
  return {
    stream: context.stream, receivedAtMs: context.receivedAtMs, reason: reasonOfProblems(problems), problems, event: kept.toString(),
    ...(isCut ? { truncatedFromBytes: payload.length } : {}), backfill: context.backfill,
    ...(id === undefined ? {} : { eventId: id }), ...(timeMs === undefined ? {} : { timeMs }),
  };
}

export function encodeLetter(letter: StoredLetter): Uint8Array {
  return Buffer.from(JSON.stringify(letter));
}

export function decodeLetter(record: LogRecord): StoredLetter {
  return JSON.parse(Buffer.from(record.payload).toString()) as StoredLetter; // only encodeLetter writes to this log
}

function reasonOfProblems(problems: readonly Problem[]): string {
  return (problems[0]?.code ?? "unknown").slice(0, MAX_REASON_CHARACTERS).toWellFormed();
}
