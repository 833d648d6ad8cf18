/**
 * One source stream of a derivation, read batch by batch: knows what is at hand, hands out events up to an offset, and
 * tells when something new is durable.
 */
import type { EventLog, RecordBatch } from "../../ports/event-log.ts";
import type { EventDecoder } from "../streams/event-decoder.ts";
import type { Row } from "../streams/recent-rows.ts";
import type { SourceEvent } from "./operator.ts";

export interface SourceReader extends AsyncDisposable {
  readonly stream: string;
  /** The next event to hand out. */
  readonly position: number;
  /** When the batch at hand was appended; undefined when none is. */
  readonly headAppendedAtMs: number | undefined;
  /** When the newest event handed out was appended; -Infinity before the first. */
  readonly takenAppendedAtMs: number;
  /** One past the last event at hand. */
  readonly headEnd: number;
  /** Durable events that were not handed out. */
  waiting(): number;
  /** Resolves when a batch is at hand; false when the reading has ended. */
  ready(): Promise<boolean>;
  /** The events below `toOffset` of the batch at hand, in order. */
  take(toOffset: number): readonly SourceEvent[];
}

export interface SourceReaderOptions {
  readonly log: EventLog;
  readonly decoder: EventDecoder;
  readonly stream: string;
  readonly fromOffset: number;
  readonly signal: AbortSignal;
}

export function createSourceReader({ log, decoder, stream, fromOffset, signal }: SourceReaderOptions): SourceReader {
  const batches = log.read(stream, { from: { offset: fromOffset }, follow: true, signal })[Symbol.asyncIterator]();
  let position = fromOffset;
  let head: RecordBatch | undefined;
  let rows: readonly Row[] = [];
  let pending: Promise<boolean> | undefined;
  let takenAppendedAtMs = -Infinity;

  const fetch = async (): Promise<boolean> => {
    const step = await batches.next();
    pending = undefined;
    if (step.done === true) return false;
    head = step.value;
    rows = decoder.decode(stream, head).rows;
    position = Math.max(position, head.baseOffset); // compaction leaves gaps
    return true;
  };
  const endOf = (batch: RecordBatch): number => batch.baseOffset + batch.records.length;

  return {
    stream,
    get position() { return position; },
    get takenAppendedAtMs() { return takenAppendedAtMs; },
    get headAppendedAtMs() { return head?.appendedAtMs; },
    get headEnd() { return head === undefined ? position : endOf(head); },
    waiting: () => Math.max(0, log.statistics(stream).nextOffset - position),
    ready: () => (head === undefined ? (pending ??= fetch()) : Promise.resolve(true)),
    take: (toOffset) => {
      if (head === undefined) return [];
      const { baseOffset, records } = head;
      takenAppendedAtMs = head.appendedAtMs;
      const first = Math.max(0, position - baseOffset), end = Math.min(records.length, toOffset - baseOffset);
      const taken = records.slice(first, Math.max(first, end)).map(({ offset, timeMs, knownAtMs, payload }): SourceEvent => ({ stream, offset, timeMs, knownAtMs, payload, row: rows[offset - baseOffset]! }));
      position = Math.max(position, Math.min(toOffset, endOf(head)));
      if (position >= endOf(head)) head = undefined;
      return taken;
    },
    [Symbol.asyncDispose]: async () => {
      await pending?.catch(() => undefined); // ends by the signal
      await batches.return?.();
    },
  };
}
