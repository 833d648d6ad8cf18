/**
 * Copies one log record by record: ids, times and payloads, with the offsets they have and the moment at which each was
 * accepted. An interrupted copy goes on where it ended; both sides are read again afterwards and compared as a whole.
 */
import type { Clock } from "../../kernel/clock.ts";
import { StrataError } from "../../kernel/errors.ts";
import type { EventLog, RecordBatch } from "../../ports/event-log.ts";
import { compare, createSequenceMeasure, type Comparison, type Measure } from "./equality.ts";

export interface LogCopy {
  readonly source: EventLog;
  readonly target: EventLog;
  /** The target's clock, which stamps what it accepts. */
  readonly acceptance: AcceptanceClock;
  readonly onProgress: (done: number, total: number) => void;
  readonly signal: AbortSignal;
}

export interface AcceptanceClock extends Clock {
  set(timeMs: number): void;
}

/** A clock that tells the time it was set to; waiting takes real time. */
export function createAcceptanceClock(real: Clock): AcceptanceClock {
  let nowMs = real.now();
  return { ...real, now: () => nowMs, set: (timeMs) => { nowMs = timeMs; } };
}

/** Batches of one moment go together up to here; an engine's own limits are larger. */
const APPEND_BYTES = 512 * 1024;

export async function copyLog(name: string, { source, target, acceptance, onProgress, signal }: LogCopy): Promise<Comparison> {
  const { oldestOffset, nextOffset } = source.statistics(name);
  const present = await target.refresh(name);
  if (oldestOffset > 0 && present.nextOffset === 0) {
    throw new StrataError("MIGRATION_REFUSED", { what: `log "${name}"`, reason: `its first ${oldestOffset} records were dropped by retention, and a new log begins at offset 0` });
  }
  if (present.nextOffset > nextOffset) throw new StrataError("MIGRATION_REFUSED", { what: `log "${name}"`, reason: `the target has ${present.nextOffset} records, more than the ${nextOffset} of the source: it is another log` });
  for (let done = present.nextOffset; done < nextOffset;) {
    for await (const { baseOffset, appendedAtMs, records } of merged(source.read(name, { from: { offset: done }, signal }))) {
      acceptance.set(appendedAtMs);
      const { baseOffset: got } = await target.append(name, records);
      if (got !== baseOffset) throw new StrataError("MIGRATION_REFUSED", { what: `log "${name}"`, reason: `record ${baseOffset} was stored at ${got}: somebody else writes to the target` });
      done = baseOffset + records.length;
      onProgress(done, nextOffset);
    }
    if (signal.aborted) throw new StrataError("ABORTED", { what: `Copying log "${name}"` });
  }
  return compare("log", name, { source: await measureLog(source, name, signal), target: await measureLog(target, name, signal) });
}

/** Neighbours that were accepted in the same millisecond as one. */
async function* merged(batches: AsyncIterable<RecordBatch>): AsyncGenerator<RecordBatch> {
  let held: RecordBatch | undefined;
  let heldBytes = 0;
  for await (const batch of batches) {
    const sizeBytes = batch.records.reduce((sum, { payload, id }) => sum + payload.length + id.length + 32, 0);
    if (held !== undefined && held.appendedAtMs === batch.appendedAtMs && heldBytes + sizeBytes <= APPEND_BYTES) {
      held = { ...held, records: [...held.records, ...batch.records] };
      heldBytes += sizeBytes;
      continue;
    }
    if (held !== undefined) yield held;
    held = { ...batch, records: batch.records.map((record) => ({ ...record, payload: new Uint8Array(record.payload) })) }; // what reading hands out is shared
    heldBytes = sizeBytes;
  }
  if (held !== undefined) yield held;
}

async function measureLog(log: EventLog, name: string, signal: AbortSignal): Promise<Measure> {
  const measure = createSequenceMeasure();
  await log.refresh(name);
  const { oldestOffset } = log.statistics(name);
  for await (const { appendedAtMs, records } of log.read(name, { from: { offset: oldestOffset }, signal })) {
    for (const { offset, id, timeMs, knownAtMs, payload } of records) measure.add(offset, id, timeMs, knownAtMs, appendedAtMs, payload);
  }
  return measure.measure();
}
