/** One event found in a file: its JSON on one line, in the bytes it was written with where the file is JSON already. */
import { StrataError } from "../../../kernel/errors.ts";

export interface SourceEvent {
  readonly bytes: Uint8Array;
  /** Where it stands, from 1: the line of an NDJSON or CSV file, the number of a JSON array's element. */
  readonly place: number;
}

/** The largest request a server takes by default; what is longer is no event but a file in another format. */
export const MAX_EVENT_BYTES = 16 * 1024 * 1024;

export function refuseHuge(sizeBytes: number, { path, format, place }: { readonly path: string; readonly format: string; readonly place: string }): void {
  if (sizeBytes <= MAX_EVENT_BYTES) return;
  throw new StrataError("FILE_INVALID", { path, format, reason: `${place} is longer than ${MAX_EVENT_BYTES / 1024 / 1024} MiB; is it another format?` });
}
