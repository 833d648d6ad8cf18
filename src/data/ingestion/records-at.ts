/** Single records of a log by their offsets, in few passes: a read goes on while the next wanted record is near. */
import type { EventLog, LogRecord } from "../../ports/event-log.ts";

/** Reading past this many records costs about as much as seeking anew. */
const NEAR_RECORDS = 1_000;

/** The records at `offsets` (ascending) that the log still has. */
export async function* recordsAt(log: EventLog, name: string, offsets: readonly number[]): AsyncGenerator<LogRecord> {
  let next = 0;
  while (next < offsets.length) {
    const start = offsets[next]!;
    let isNear = false;
    for await (const batch of log.read(name, { from: { offset: start } })) {
      const end = batch.baseOffset + batch.records.length;
      for (; next < offsets.length && offsets[next]! < end; next++) yield batch.records[offsets[next]! - batch.baseOffset]!;
      isNear = next < offsets.length && offsets[next]! - end < NEAR_RECORDS;
      if (!isNear) break;
    }
    if (isNear || offsets[next] === start) return; // the log ended first
  }
}
