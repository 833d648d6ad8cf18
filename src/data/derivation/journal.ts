/**
 * What a derivation decided that its sources' logs do not say: in which order events of several streams were taken, and
 * when a silent stream's watermark was moved by the clock. Each decision is durable before it is acted on, so that a
 * recovery and a replay take the same steps. It is a log of its own, `strata_derivation_<stream>`.
 */
import { SYSTEM_STREAM_PREFIX } from "../../define/index.ts";
import type { EventLog } from "../../ports/event-log.ts";

export interface JournalEntry {
  /** Take the events of these streams up to these offsets, one run after another. */
  readonly runs: readonly (readonly [stream: string, toOffset: number])[];
  /** Then this stream's watermark moves. */
  readonly idle?: { readonly stream: string; readonly watermarkMs: number };
  /** When it was decided. */
  readonly atMs: number;
}

export function journalLog(stream: string): string {
  return `${SYSTEM_STREAM_PREFIX}derivation_${stream}`;
}

export async function appendEntry(log: EventLog, stream: string, entry: JournalEntry): Promise<void> {
  const id = `${stream}@${log.statistics(journalLog(stream)).nextOffset}`;
  await log.append(journalLog(stream), [{ id, timeMs: entry.atMs, knownAtMs: entry.atMs, payload: Buffer.from(JSON.stringify(entry)) }]);
}

/** The durable entries from an offset on. */
export async function* readEntries(log: EventLog, stream: string, fromOffset: number): AsyncGenerator<{ readonly offset: number; readonly entry: JournalEntry }> {
  for await (const batch of log.read(journalLog(stream), { from: { offset: fromOffset } })) {
    for (const { offset, payload } of batch.records) yield { offset, entry: JSON.parse(Buffer.from(payload).toString()) as JournalEntry }; // only appendEntry writes to this log
  }
}
