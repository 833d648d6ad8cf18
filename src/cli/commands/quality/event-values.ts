/** Events of a file as values: what `strata ingest` reads, and Parquet. */
import { resolve } from "node:path";
import type { ContractEvent, ContractFile } from "../../../platform/contract-files.ts";
import type { Host } from "../../host.ts";
import { openByteSource } from "../ingest/byte-source.ts";
import { FORMATS, eventsOf, formatOf } from "../ingest/event-file.ts";
import type { SourceEvent } from "../ingest/source-event.ts";

export const eventFormats = [...FORMATS, "parquet"] as const;
export type EventFormat = (typeof eventFormats)[number];

export interface EventFileOptions {
  readonly context: Pick<Host, "stdin" | "workingDirectory">;
  readonly contract: Pick<ContractFile, "schema" | "readParquet">;
  readonly format: EventFormat | undefined;
}

/** FILE_NOT_FOUND, FILE_UNREADABLE, FILE_INVALID. */
export async function readEventFile(path: string, { context, contract, format }: EventFileOptions): Promise<AsyncIterable<readonly ContractEvent[]>> {
  if (format === "parquet" || (format === undefined && path.endsWith(".parquet"))) return contract.readParquet(resolve(context.workingDirectory, path));
  const source = await openByteSource(path, context);
  return valuesOf(eventsOf(source, format ?? formatOf(path, source.head), contract.schema));
}

async function* valuesOf(groups: AsyncIterable<readonly SourceEvent[]>): AsyncGenerator<readonly ContractEvent[]> {
  for await (const group of groups) yield group.map(({ bytes, place }) => ({ value: parse(bytes), place }));
}

/** Text that is no JSON is no object either, which the schema's check says. */
function parse(bytes: Uint8Array): unknown {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
