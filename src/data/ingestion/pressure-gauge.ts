/**
 * Bounds the bytes that wait to become durable: those the log has taken and those of requests still being checked.
 * A refusal costs nothing and says when to come again; a queue without a bound ends in a crash that loses it all.
 */
import { StrataError } from "../../kernel/errors.ts";
import type { EventLog } from "../../ports/event-log.ts";

export interface PressureGauge {
  /**
   * Counts `sizeBytes` until the result is called (once; more calls do nothing). INGEST_FULL when that would be too
   * much, after `onRefusal`.
   */
  admit(sizeBytes: number, onRefusal: () => void): () => void;
}

/** A log that makes anything durable at all frees far more than a request's bytes in this time. */
const RETRY_AFTER_SECONDS = 1;

export function createPressureGauge({ log, maxPendingBytes }: { readonly log: EventLog; readonly maxPendingBytes: number }): PressureGauge {
  let checkingBytes = 0;
  return {
    admit: (sizeBytes, onRefusal) => {
      const pendingBytes = log.pendingBytes() + checkingBytes;
      if (pendingBytes > 0 && pendingBytes + sizeBytes > maxPendingBytes) {
        onRefusal();
        throw new StrataError("INGEST_FULL", { pendingBytes }, { retryAfterSeconds: RETRY_AFTER_SECONDS });
      }
      checkingBytes += sizeBytes;
      let isCounted = true;
      return () => {
        if (isCounted) checkingBytes -= sizeBytes;
        isCounted = false;
      };
    },
  };
}
