/** Retention by whole messages; the newest one stays, because it holds the log's next offset. */
import type { RetentionPolicy } from "../../ports/event-log.ts";
import type { LogState } from "./log-state.ts";
import { sequenceOf } from "./log-reader.ts";
import type { LogStreams } from "./log-streams.ts";

/** Applies the policy; returns how many records were dropped. */
export async function retainLog(log: LogState, streams: LogStreams, { maxBytes, maxAgeMs, nowMs }: RetentionPolicy & { readonly nowMs: number }): Promise<number> {
  await streams.refresh(log);
  if (log.messages <= 1) return 0;
  const before = log.oldestOffset;
  if (maxAgeMs !== undefined) {
    const keep = await sequenceOf(log, streams, (message) => message.appendedAtMs >= nowMs - maxAgeMs);
    await dropBelow(log, streams, keep);
  }
  if (maxBytes !== undefined) await dropToSize(log, streams, maxBytes);
  return log.oldestOffset - before;
}

async function dropBelow(log: LogState, streams: LogStreams, sequence: number): Promise<void> {
  const keep = Math.min(sequence, log.lastSequence);
  if (keep <= log.firstSequence) return;
  await streams.purge(log, keep);
  await streams.refresh(log);
}

/**
 * The server tells the size of the whole stream only, so the oldest messages are measured as they are read, in portions,
 * until dropping them is enough.
 */
async function dropToSize(log: LogState, streams: LogStreams, maxBytes: number): Promise<void> {
  let excess = log.sizeBytes - maxBytes;
  let keep = log.firstSequence;
  while (excess > 0 && keep < log.lastSequence) {
    const oldest = await streams.messages(log, keep, MEASURED_BYTES);
    if (oldest.length === 0) break;
    for (const message of oldest) {
      if (excess <= 0 || message.sequence >= log.lastSequence) break;
      excess -= message.bytes.length + ENVELOPE_BYTES;
      keep = message.sequence + 1;
    }
    if (oldest.at(-1)!.sequence >= log.lastSequence) break;
  }
  await dropBelow(log, streams, keep);
  if (log.sizeBytes > maxBytes && log.messages > 1) await dropBelow(log, streams, log.firstSequence + 1); // the envelopes were smaller than thought
}

const MEASURED_BYTES = 4 * 1024 * 1024;
/** Least that the server's headers and record framing add to a message. */
const ENVELOPE_BYTES = 200;
