/** How messages travel to the server: what fits into one, the headers, one message or an atomic batch of several. */
import { StrataError } from "../../kernel/errors.ts";
import type { NewRecord } from "../../ports/event-log.ts";
import { ALIGNMENT, HEADER_BYTES } from "../../ports/record-batch.ts";
import type { JetStreamClient } from "@nats-io/jetstream";
import type { MsgHdrs, NatsConnection } from "@nats-io/transport-node";
import type { NatsLibrary } from "./nats-library.ts";
import { HEADERS } from "./stored-message.ts";
import type { StoredMessage } from "./stored-message.ts";

/** A message before it is stored; `sequence` is the one it expects to get. */
export type OutgoingMessage = StoredMessage;

export interface MessagePublisher {
  readonly maxPayloadBytes: number;
  /** Records in portions that fit into a message each. RECORD_TOO_LARGE, BATCH_TOO_LARGE. */
  split(records: readonly NewRecord[]): readonly (readonly NewRecord[])[];
  /** Batches in groups that fit into a message each. */
  pack(batches: readonly Buffer[]): readonly (readonly Buffer[])[];
  /** Resolves when the server has stored all of them; rejects with its answer, or when none came (then it may have). */
  publish(subject: string, messages: readonly OutgoingMessage[]): Promise<void>;
  /** A name that no other append has. */
  newToken(): string;
  /** Whether an appender of this process named the message. */
  isOwn(id: string): boolean;
  /** What the server counts for the message. */
  storedBytes(subject: string, message: OutgoingMessage): number;
}

export interface MessagePublisherOptions {
  readonly library: NatsLibrary;
  readonly connection: NatsConnection;
  readonly client: JetStreamClient;
  /** Tells this process's messages from others'. */
  readonly processToken: string;
  readonly ackTimeoutMs: number;
}

/** Room for headers and protocol. */
const OVERHEAD_BYTES = 4_096;
/** The server's bound on an atomic batch. */
const MAX_PARTS = 1_000;

export function createMessagePublisher({ library, connection, client, processToken, ackTimeoutMs }: MessagePublisherOptions): MessagePublisher {
  const maxPayloadBytes = (connection.info?.max_payload ?? 1_048_576) - OVERHEAD_BYTES;
  let tokens = 0;

  const headersOf = (message: OutgoingMessage): MsgHdrs => {
    const headers = library.transport.headers();
    headers.set(HEADERS.baseOffset, String(message.baseOffset));
    headers.set(HEADERS.count, String(message.count));
    headers.set(HEADERS.appendedAtMs, String(message.appendedAtMs));
    return headers;
  };

  const publishOne = async (subject: string, message: OutgoingMessage): Promise<void> => {
    await client.publish(subject, message.bytes, { headers: headersOf(message), msgID: message.id, expect: { lastSequence: message.sequence - 1 }, timeout: ackTimeoutMs, retries: 1 });
  };

  /** All or none; the messages are told apart by a header of their own, as the server refuses ids inside a batch. */
  const publishBatch = async (subject: string, messages: readonly OutgoingMessage[]): Promise<void> => {
    const named = (message: OutgoingMessage): MsgHdrs => {
      const headers = headersOf(message);
      headers.set(PART_ID, message.id);
      return headers;
    };
    const [first, ...rest] = messages;
    const last = rest.pop()!;
    const batch = await client.startBatch(subject, first!.bytes, { headers: named(first!), expect: { lastSequence: first!.sequence - 1 }, timeout: ackTimeoutMs });
    for (const message of rest) batch.add(subject, message.bytes, { headers: named(message) });
    await batch.commit(subject, last.bytes, { headers: named(last), timeout: ackTimeoutMs });
  };

  return {
    maxPayloadBytes,
    split: (records) => splitBySize(records, (record) => 24 + 3 * record.id.length + record.payload.length, maxPayloadBytes - HEADER_BYTES - ALIGNMENT),
    pack: (batches) => splitBySize(batches, (batch) => batch.length, maxPayloadBytes),
    publish: (subject, messages) => (messages.length === 1 ? publishOne(subject, messages[0]!) : publishBatch(subject, messages)),
    newToken: () => `${processToken}.${tokens++}`,
    isOwn: (id) => id.startsWith(processToken),
    storedBytes: (subject, message) => {
      const headers = [...headersOf(message)].map(([name, values]) => name.length + values.join("").length + 4).reduce((sum, length) => sum + length, 12);
      const expectation = "Nats-Expected-Last-Sequence: ".length + String(message.sequence - 1).length + 2 + "Nats-Msg-Id: ".length + message.id.length + 2;
      return 22 + subject.length + 4 + headers + expectation + message.bytes.length + 8; // the server's file store: record header, subject, headers, body, checksum
    },
  };
}

/** Stands in for Nats-Msg-Id inside an atomic batch. */
export const PART_ID = "Strata-Part";

function splitBySize<Item>(items: readonly Item[], sizeOf: (item: Item) => number, limitBytes: number): readonly (readonly Item[])[] {
  const parts: Item[][] = [];
  let part: Item[] = [];
  let sizeBytes = 0;
  for (const item of items) {
    const size = sizeOf(item);
    if (size > limitBytes) throw new StrataError("RECORD_TOO_LARGE", { sizeBytes: size, limitBytes });
    if (part.length > 0 && sizeBytes + size > limitBytes) {
      parts.push(part);
      part = [];
      sizeBytes = 0;
    }
    part.push(item);
    sizeBytes += size;
  }
  if (part.length > 0) parts.push(part);
  if (parts.length > MAX_PARTS) throw new StrataError("BATCH_TOO_LARGE", { sizeBytes: items.reduce((sum, item) => sum + sizeOf(item), 0), limitBytes: MAX_PARTS * limitBytes });
  return parts;
}
