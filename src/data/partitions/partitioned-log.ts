/**
 * The event log as ingestion sees it where streams are divided: what is appended to a stream goes to the logs of its
 * partitions by the events' key; everything else goes through. An append is acknowledged when all its parts are durable.
 * A part that is refused fails the whole, whose other parts may be stored: sent again with the same ids, they count once.
 */
import type { Stream } from "../../define/index.ts";
import type { AppendResult, EventLog, LogStatistics, NewRecord } from "../../ports/event-log.ts";
import type { Row } from "../streams/recent-rows.ts";
import { eventPartition, partitionLog } from "./partition-plan.ts";

/** A log that may want to see the rows that ingestion parsed already. Any event log is one. */
export interface IntakeLog extends EventLog {
  append(log: string, records: readonly NewRecord[], rows?: readonly Row[]): Promise<AppendResult>;
}

export function createPartitionedLog(log: EventLog, streams: () => ReadonlyMap<string, Stream>): IntakeLog {
  const partitioned = (name: string): Stream | undefined => {
    const stream = streams().get(name);
    return stream?.partitioning === undefined ? undefined : stream;
  };
  /** Over all partitions, as far as this process knows. */
  const total = (stream: Stream): LogStatistics => {
    const parts = Array.from({ length: stream.partitioning!.partitions }, (_, partition) => log.statistics(partitionLog(stream, partition)));
    const sum = (of: (part: LogStatistics) => number): number => parts.reduce((all, part) => all + of(part), 0);
    return { oldestOffset: 0, nextOffset: sum((part) => part.nextOffset), sizeBytes: sum((part) => part.sizeBytes), segments: sum((part) => part.segments) };
  };
  return {
    ...log,
    append: async (name, records, rows) => {
      const stream = partitioned(name);
      if (stream === undefined) return log.append(name, records);
      const parts = Map.groupBy(records.keys(), (at) => eventPartition(stream, rows?.[at] ?? rowOf(records[at]!)));
      await Promise.all(Array.from(parts, ([partition, places]) => log.append(partitionLog(stream, partition), places.map((at) => records[at]!))));
      const { nextOffset } = total(stream);
      return { baseOffset: nextOffset - records.length, nextOffset };
    },
    /** A stream's own log stays empty: what it remembers lies in its partitions, whose workers know repetitions. */
    statistics: (name) => {
      const stream = partitioned(name);
      return stream === undefined ? log.statistics(name) : { ...total(stream), oldestOffset: total(stream).nextOffset };
    },
  };
}

/** For those who append without rows. */
function rowOf({ payload }: NewRecord): Row {
  return JSON.parse(Buffer.from(payload).toString()) as Row; // what ingestion accepted is an object
}
