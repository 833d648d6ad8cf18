/** Records to append, and what was read, in a form that can be compared. */
import type { EventLog, LogRecord, NewRecord, ReadOptions } from "../../src/ports/event-log.ts";

export function record(id: string, payload: string | Uint8Array = `payload of ${id}`): NewRecord {
  return { id, timeMs: 1_700_000_000_000, knownAtMs: 1_700_000_000_500, payload: Buffer.from(payload) };
}

export function recordsNamed(prefix: string, count: number): readonly NewRecord[] {
  return Array.from({ length: count }, (_, i) => record(`${prefix}${i}`));
}

export async function readAll(log: EventLog, name: string, options: ReadOptions = { from: { offset: 0 } }): Promise<readonly LogRecord[]> {
  const records: LogRecord[] = [];
  for await (const batch of log.read(name, options)) records.push(...batch.records);
  return records;
}

/** Records without the memory they share, for comparing. */
export function plain(records: readonly (NewRecord | LogRecord)[]): readonly unknown[] {
  return records.map((one) => ({ id: one.id, timeMs: one.timeMs, knownAtMs: one.knownAtMs, payload: Buffer.from(one.payload).toString("hex") }));
}
