/**
 * Lets each output into the derived stream's log exactly once. After a crash the log may hold outputs that the last
 * checkpoint does not know; the derivation makes them again, in the same order, and the gate takes each for the one
 * that is stored. An output that differs from the stored one is DERIVATION_DIVERGED: what made the log was something else.
 */
import { StrataError } from "../../kernel/errors.ts";
import type { EventLog, LogRecord, NewRecord } from "../../ports/event-log.ts";

export interface OutputGate {
  /** Of the outputs, in order, those that are not stored. */
  admit(records: readonly NewRecord[]): Promise<readonly number[]>;
}

export interface OutputGateOptions {
  readonly log: EventLog;
  readonly stream: string;
  /** Outputs below are covered by the checkpoint. */
  readonly fromOffset: number;
  /** The definition changed since: an output is taken for a stored one by its id alone. */
  readonly isRedefined: boolean;
}

export function createOutputGate(options: OutputGateOptions): OutputGate {
  return options.isRedefined ? byId(options) : inOrder(options);
}

function inOrder({ log, stream, fromOffset }: OutputGateOptions): OutputGate {
  const stored = storedFrom(log, stream, fromOffset);
  let isOver = log.statistics(stream).nextOffset <= fromOffset;
  return {
    admit: async (records) => {
      for (let at = 0; at < records.length; at++) {
        const step = isOver ? undefined : await stored.next();
        if (step === undefined || step.done === true) {
          isOver = true;
          return Array.from({ length: records.length - at }, (_, n) => at + n);
        }
        refuseOther(stream, step.value, records[at]!);
      }
      return [];
    },
  };
}

function byId({ log, stream, fromOffset }: OutputGateOptions): OutputGate {
  let known: Set<string> | undefined;
  return {
    admit: async (records) => {
      if (known === undefined) {
        known = new Set();
        for await (const { id } of storedFrom(log, stream, fromOffset)) known.add(id);
      }
      return records.flatMap(({ id }, at) => (known!.has(id) ? [] : [at]));
    },
  };
}

export async function* storedFrom(log: EventLog, stream: string, fromOffset: number): AsyncGenerator<LogRecord> {
  const { oldestOffset } = log.statistics(stream);
  for await (const batch of log.read(stream, { from: { offset: Math.max(fromOffset, oldestOffset) } })) yield* batch.records;
}

function refuseOther(stream: string, stored: LogRecord, made: NewRecord): void {
  if (sameRecord(stored, made)) return;
  throw new StrataError("DERIVATION_DIVERGED", { stream, offset: stored.offset, stored: stored.id, made: made.id });
}

export function sameRecord(stored: NewRecord, made: NewRecord): boolean {
  return stored.id === made.id && stored.timeMs === made.timeMs && stored.knownAtMs === made.knownAtMs && Buffer.compare(stored.payload, made.payload) === 0;
}
