/**
 * The order in which events of several streams became known: by `knownAtMs`, then stream name, then offset. A replay
 * in this order stands at any past time where the online state stood then.
 */
import type { EventColumns } from "../lake/event-columns.ts";

export interface KnownEvent {
  readonly stream: string;
  /** Position within the stream's columns. */
  readonly row: number;
  readonly knownAtMs: number;
}

/** Walks the events in order. */
export function* inKnownOrder(streams: ReadonlyMap<string, EventColumns>): Generator<KnownEvent> {
  const cursors = [...streams].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([stream, events]) => ({ stream, knownAtMs: events.knownAtMs, order: knownOrderOf(events.knownAtMs), next: 0 }));
  for (;;) {
    let first: (typeof cursors)[number] | undefined;
    for (const cursor of cursors) {
      if (cursor.next < cursor.order.length && (first === undefined || timeOf(cursor) < timeOf(first))) first = cursor;
    }
    if (first === undefined) return;
    const row = first.order[first.next++]!;
    yield { stream: first.stream, row, knownAtMs: first.knownAtMs[row]! };
  }
}

function timeOf({ knownAtMs, order, next }: { readonly knownAtMs: Float64Array; readonly order: Int32Array; readonly next: number }): number {
  return knownAtMs[order[next]!]!;
}

/** Positions by time, stable in offset; events nearly always are in order already. */
function knownOrderOf(knownAtMs: Float64Array): Int32Array {
  const order = Int32Array.from(knownAtMs, (_, row) => row);
  const isSorted = knownAtMs.every((time, row) => row === 0 || time >= knownAtMs[row - 1]!);
  return isSorted ? order : order.toSorted((a, b) => knownAtMs[a]! - knownAtMs[b]! || a - b);
}
