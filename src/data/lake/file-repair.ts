/** Writes a lost file of the lake again from the events that the log still has: the same rows at the same offsets, or none. */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Stream } from "../../define/index.ts";
import type { Analytics } from "../../ports/analytics.ts";
import type { EventLog } from "../../ports/event-log.ts";
import type { DecodedBatch } from "../streams/decoded-batch.ts";
import type { EventDecoder } from "../streams/event-decoder.ts";
import { createEventBuffer } from "./event-buffer.ts";
import type { LakeFile, StoredField } from "./lake-file.ts";

export interface FileRepairOptions {
  readonly log: EventLog;
  readonly decoder: EventDecoder;
  readonly analytics: Analytics;
  readonly streams: () => ReadonlyMap<string, Stream>;
}

/** Puts the file's rows at the path; rejects with the reason when the log or the schema cannot give what the file held. */
export type FileRepair = (stream: string, file: LakeFile, path: string) => Promise<{ readonly sizeBytes: number }>;

export function createFileRepair({ log, decoder, analytics, streams }: FileRepairOptions): FileRepair {
  return async (stream, file, path) => {
    const schema = streams().get(stream)?.schema;
    if (schema === undefined) throw new Error("the stream has left the definition");
    const { oldestOffset } = log.statistics(stream);
    if (oldestOffset > file.fromOffset) throw new Error(`the log begins at offset ${oldestOffset}`);
    const buffer = createEventBuffer(schema, file.fromOffset);
    for await (const batch of log.read(stream, { from: { offset: file.fromOffset } })) {
      const part = within(decoder.decode(stream, batch), file);
      if (part.rows.length > 0 && part.baseOffset !== file.fromOffset + buffer.rows) throw new Error(`the log has no event ${file.fromOffset + buffer.rows}`);
      buffer.append(part);
      if (buffer.rows === file.rows) break;
      await nextTurn();
    }
    const { table, file: built } = buffer.finish(file.fields);
    if (built.rows !== file.rows || built.minTimeMs !== file.minTimeMs || built.maxTimeMs !== file.maxTimeMs) throw new Error("the log has other events at these offsets");
    if (!sameFields(built.fields, file.fields)) throw new Error("the stream's schema has other fields now");
    return analytics.writeTable(path, table);
  };
}

/** The rows whose offsets the file has. */
function within(batch: DecodedBatch, { fromOffset, toOffset }: LakeFile): DecodedBatch {
  const [from, to] = [Math.max(0, fromOffset - batch.baseOffset), Math.max(0, Math.min(batch.rows.length, toOffset - batch.baseOffset))];
  return { ...batch, baseOffset: batch.baseOffset + from, rows: batch.rows.slice(from, to), timesMs: batch.timesMs.slice(from, to), knownAtMs: batch.knownAtMs.slice(from, to) };
}

function sameFields(some: readonly StoredField[], others: readonly StoredField[]): boolean {
  const names = (fields: readonly StoredField[]): string => fields.map(({ field, kind, column }) => JSON.stringify([field, kind, column])).toSorted().join();
  return names(some) === names(others);
}
