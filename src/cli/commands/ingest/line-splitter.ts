/** NDJSON: one event per line. Lines are not read, only found: the server keeps those it cannot use as dead letters. */
import { refuseHuge, type SourceEvent } from "./source-event.ts";

const NEWLINE = 10;

/** Events of each piece, in order; blank lines are skipped but counted. FILE_INVALID for a line that never ends. */
export async function* splitLines(chunks: AsyncIterable<Buffer>, path: string): AsyncGenerator<readonly SourceEvent[]> {
  let line = 1;
  let rest: Buffer[] = [];
  let restBytes = 0;
  const finish = (end: Buffer): readonly SourceEvent[] => {
    const bytes = rest.length === 0 ? end : Buffer.concat([...rest, end]);
    rest = [];
    restBytes = 0;
    return isBlank(bytes) ? [] : [{ bytes, place: line }];
  };
  for await (const chunk of chunks) {
    const events: SourceEvent[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      events.push(...finish(chunk.subarray(start, end)));
      start = end + 1;
      line++;
    }
    if (start < chunk.length) rest.push(chunk.subarray(start));
    restBytes += chunk.length - start;
    refuseHuge(restBytes, { path, format: "NDJSON", place: `line ${line}` });
    if (events.length > 0) yield events;
  }
  const last = finish(Buffer.alloc(0));
  if (last.length > 0) yield last;
}

function isBlank(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 32 || byte === 9 || byte === 13);
}
