/**
 * Which events of a partition came before: ids of its latest records, read from the log itself, so that whoever takes a
 * partition over decides as its last worker would have. A producer that sends a request again, by whichever door, is
 * counted once as long as its first events are among the latest.
 */
import type { EventLog, LogRecord } from "../../ports/event-log.ts";
import { isAutomatic } from "../ingestion/event-id.ts";
import { createIdHash } from "../ingestion/id-hash.ts";
import { createRecentIds } from "../ingestion/recent-ids.ts";

export interface SeenEvents {
  /** True for the first record of an id; records that nobody named are all first. */
  isFirst(record: LogRecord): boolean;
}

const SEEN = 1;

/** Knows the `records` records before `offset`. */
export async function readSeenEvents(log: EventLog, name: string, { offset, records, oldestOffset, keys }: { readonly offset: number; readonly records: number; readonly oldestOffset: number; readonly keys: readonly [number, number] }): Promise<SeenEvents> {
  const ids = createRecentIds(Math.max(1, records), createIdHash(...keys));
  const isFirst = ({ id }: LogRecord): boolean => isAutomatic(id) || id === "" || ids.claim(id, SEEN) === 0;
  const from = Math.max(oldestOffset, offset - records);
  if (from < offset) {
    for await (const batch of log.read(name, { from: { offset: from } })) {
      for (const record of batch.records) if (record.offset < offset) isFirst(record);
      if (batch.baseOffset + batch.records.length >= offset) break;
    }
  }
  return { isFirst };
}
