/** Events gathered into requests: at most so many events and bytes each, cut the same way every time. */
import type { SourceEvent } from "./source-event.ts";

export interface EventBatch {
  /** 0, 1, 2, … */
  readonly number: number;
  /** NDJSON. */
  readonly body: Buffer;
  /** Of each event, in order. */
  readonly places: readonly number[];
}

/** A quarter of what a server takes by default, so that several in flight fit its bound on waiting bytes. */
const MAX_BATCH_BYTES = 4 * 1024 * 1024;
const NEWLINE = Buffer.from("\n");

export async function* batchesOf(groups: AsyncIterable<readonly SourceEvent[]>, maxEvents: number): AsyncGenerator<EventBatch> {
  let number = 0;
  let waiting: SourceEvent[] = [];
  let sizeBytes = 0;
  const take = (): EventBatch => {
    const batch = { number: number++, body: Buffer.concat(waiting.flatMap(({ bytes }) => [bytes, NEWLINE])), places: waiting.map(({ place }) => place) };
    waiting = [];
    sizeBytes = 0;
    return batch;
  };
  for await (const group of groups) {
    for (const event of group) {
      if (waiting.length > 0 && sizeBytes + event.bytes.length >= MAX_BATCH_BYTES) yield take();
      waiting.push(event);
      sizeBytes += event.bytes.length + 1;
      if (waiting.length === maxEvents) yield take();
    }
  }
  if (waiting.length > 0) yield take();
}
