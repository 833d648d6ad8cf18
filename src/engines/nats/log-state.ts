/** What this process knows of one log on NATS; shared by its appender, its readers and retention. */
import { createBell, type Bell } from "../../kernel/bell.ts";
import { encodeLogName } from "../../ports/log-name.ts";
import { endOf } from "./stored-message.ts";
import type { MessagePlace, StoredMessage } from "./stored-message.ts";

export interface LogState {
  readonly name: string;
  readonly stream: string;
  readonly subject: string;
  /** Whether the stream is there. */
  exists: boolean;
  firstSequence: number;
  lastSequence: number;
  oldestOffset: number;
  /** One past the last record known. */
  nextOffset: number;
  lastAppendedAtMs: number;
  messages: number;
  /** As the server counts, at the last refresh, and our own appends since. */
  sizeBytes: number;
  /** Rings when records are known that were not, and when the log closes. */
  readonly changed: Bell;
  /** The newest messages, by base offset, so that consumers that keep up ask the server for nothing. */
  readonly tail: MessageTail;
}

export function createLogState(name: string, { prefix, tailBytes }: { readonly prefix: string; readonly tailBytes: number }): LogState {
  const encoded = encodeLogName(name);
  return {
    name, stream: `${prefix}-log-${encoded}`, subject: `${prefix}.log.${encoded}`, exists: false, firstSequence: 1, lastSequence: 0,
    oldestOffset: 0, nextOffset: 0, lastAppendedAtMs: 0, messages: 0, sizeBytes: 0, changed: createBell(), tail: createMessageTail(tailBytes),
  };
}

/** Takes note of a message that is stored; what is older than what is known changes nothing. */
export function noteStored(log: LogState, place: MessagePlace): boolean {
  if (!(place.sequence > log.lastSequence)) return false;
  log.exists = true;
  log.lastSequence = place.sequence;
  log.nextOffset = endOf(place);
  log.lastAppendedAtMs = Math.max(log.lastAppendedAtMs, place.appendedAtMs);
  log.changed.ring();
  return true;
}

export interface MessageTail {
  push(message: StoredMessage): void;
  /** The message that starts at `offset`. */
  at(offset: number): StoredMessage | undefined;
}

function createMessageTail(maxBytes: number): MessageTail {
  const byOffset = new Map<number, StoredMessage>(); // in order of arrival, which is nearly the order of offsets
  let heldBytes = 0;
  return {
    push: (message) => {
      if (byOffset.has(message.baseOffset)) return;
      byOffset.set(message.baseOffset, message);
      heldBytes += message.bytes.length;
      for (const [offset, { bytes }] of byOffset) {
        if (heldBytes <= maxBytes) return;
        byOffset.delete(offset);
        heldBytes -= bytes.length;
      }
    },
    at: (offset) => byOffset.get(offset),
  };
}
