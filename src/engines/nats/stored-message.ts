/**
 * A message of a log's stream: one or more record batches (ports/record-batch.ts) back to back, appended together. The
 * headers repeat what finding a place needs, so that it can be known without the body.
 */
import { StrataError } from "../../kernel/errors.ts";
import { HEADER_BYTES, alignedBuffer, bodyIsIntact, decodeBatch, readHeader, sealBatch } from "../../ports/record-batch.ts";
import type { BatchHeader } from "../../ports/record-batch.ts";
import type { RecordBatch } from "../../ports/event-log.ts";

export const HEADERS = { baseOffset: "Strata-Base-Offset", count: "Strata-Count", appendedAtMs: "Strata-Appended-At" } as const;

/** The checksum's seed: other streams' messages have other headers, so one value does. */
const SEED = 0x6e617473;

/** Where a message stands in its stream and in its log. */
export interface MessagePlace {
  readonly sequence: number;
  readonly baseOffset: number;
  readonly count: number;
  readonly appendedAtMs: number;
}

export interface StoredMessage extends MessagePlace {
  /** What its appender calls it (Nats-Msg-Id), to know it again. */
  readonly id: string;
  readonly bytes: Buffer;
}

interface Headers {
  get(name: string): string;
}

/** Finishes the batches (`encodeBatch`) with their offsets; they may be sealed again for another place. */
export function sealMessage(batches: readonly Buffer[], place: { readonly baseOffset: number; readonly appendedAtMs: number }): { readonly bytes: Buffer; readonly nextOffset: number } {
  let { baseOffset } = place;
  for (const batch of batches) baseOffset += sealBatch(batch, { baseOffset, durableOffset: place.baseOffset, appendedAtMs: place.appendedAtMs }, SEED).count;
  return { bytes: batches.length === 1 ? batches[0]! : Buffer.concat(batches), nextOffset: baseOffset };
}

export function placeOf(sequence: number, headers: Headers): MessagePlace {
  const number = (name: string): number => Number(headers.get(name) || Number.NaN);
  return { sequence, baseOffset: number(HEADERS.baseOffset), count: number(HEADERS.count), appendedAtMs: number(HEADERS.appendedAtMs) };
}

/** Its own memory: what the connection hands out is not aligned, and shared. */
export function storedMessage(sequence: number, headers: Headers, data: Uint8Array): StoredMessage {
  const bytes = alignedBuffer(data.length);
  bytes.set(data);
  return { ...placeOf(sequence, headers), id: headers.get("Nats-Msg-Id") || headers.get("Strata-Part"), bytes };
}

export const endOf = ({ baseOffset, count }: MessagePlace): number => baseOffset + count;

/** The records from `fromOffset` on, verified; LOG_CORRUPT where a checksum or an offset does not hold. */
export function decodeMessage(log: string, message: StoredMessage, fromOffset: number): RecordBatch {
  const records: RecordBatch["records"][number][] = [];
  for (const { header, bytes } of batchesOf(log, message)) {
    if (header.baseOffset + header.count > fromOffset) records.push(...decodeBatch(bytes, header, fromOffset).records);
  }
  return { baseOffset: records[0]!.offset, appendedAtMs: message.appendedAtMs, records };
}

/** In words what is wrong with the message; undefined when it is whole. */
export function damageOf(log: string, message: StoredMessage): string | undefined {
  try {
    for (const _ of batchesOf(log, message)); // verifies
    return undefined;
  } catch (thrown) {
    return thrown instanceof StrataError ? String(thrown.details["reason"]) : String(thrown);
  }
}

function* batchesOf(log: string, message: StoredMessage): Generator<{ readonly header: BatchHeader; readonly bytes: Buffer }> {
  const corrupt = (position: number, reason: string): StrataError => new StrataError("LOG_CORRUPT", { log, file: `message ${message.sequence}`, position, reason });
  let offset = message.baseOffset;
  for (let position = 0; position < message.bytes.length;) {
    if (message.bytes.length - position < HEADER_BYTES) throw corrupt(position, "the message ends inside a header");
    const header = readHeader(message.bytes, position, SEED);
    if (typeof header === "string") throw corrupt(position, header);
    const bytes = message.bytes.subarray(position, position + header.sizeBytes);
    if (!bodyIsIntact(bytes, header, SEED)) throw corrupt(position, "the batch's checksum does not hold");
    if (header.baseOffset !== offset) throw corrupt(position, `the batch is at offset ${header.baseOffset}, not ${offset}`);
    yield { header, bytes };
    offset += header.count;
    position += header.sizeBytes;
  }
  if (offset !== endOf(message)) throw corrupt(message.bytes.length, `the message holds ${offset - message.baseOffset} records, not ${message.count}`);
}
