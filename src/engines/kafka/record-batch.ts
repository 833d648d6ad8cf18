/**
 * Kafka's record batch, magic 2 (Kafka protocol guide, "Record Batch"), as a log's records: the key is the event's id,
 * the value its original bytes, and one header holds event time and known-at time as two doubles. Records that other
 * tools wrote, without that header, have the broker's time for both. CRC-32C is verified here, as brokers do not.
 *
 *  0 base offset i64 | 8 length i32 | 12 leader epoch i32 | 16 magic i8 | 17 crc u32 over all that follows | 21 attributes i16
 * 23 last offset delta i32 | 27 first timestamp i64 | 35 max timestamp i64 | 43 producer id i64 | 51 producer epoch i16
 * 53 base sequence i32 | 57 count i32 | 61 records
 */
import { StrataError } from "../../kernel/errors.ts";
import type { LogRecord, NewRecord, RecordBatch } from "../../ports/event-log.ts";

export interface ProducerPlace {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly sequence: number;
}

export interface KafkaBatch extends ProducerPlace {
  readonly baseOffset: number;
  /** Offsets the batch takes up. */
  readonly count: number;
  readonly appendedAtMs: number;
  readonly bytes: Buffer;
}

export type Crc32c = (bytes: Buffer) => number;

const HEADER_BYTES = 61;
const CRC_FROM = 21;
const MAGIC = 2;
const COMPRESSED = 0b111;
const CONTROL = 0b10_0000;
const TIMES_HEADER = Buffer.from("strata");
const TIMES_BYTES = 16;
/** What a record needs beside id and payload, at most. */
export const RECORD_OVERHEAD_BYTES = 64;

/** The records as one batch, at most `RECORD_OVERHEAD_BYTES` larger each than their ids and payloads. */
export function encodeKafkaBatch(records: readonly NewRecord[], place: ProducerPlace & { readonly appendedAtMs: number }, crc32c: Crc32c): Buffer {
  const ids = records.map(({ id }) => Buffer.from(id));
  const bytes = Buffer.allocUnsafe(records.reduce((sum, { payload }, at) => sum + payload.length + ids[at]!.length + RECORD_OVERHEAD_BYTES, HEADER_BYTES));
  let position = HEADER_BYTES;
  for (const [at, record] of records.entries()) position = writeRecord(bytes, position, { record, id: ids[at]!, at });
  const batch = bytes.subarray(0, position);
  batch.writeBigInt64BE(0n, 0);
  batch.writeInt32BE(position - 12, 8);
  batch.writeInt32BE(-1, 12);
  batch.writeInt8(MAGIC, 16);
  batch.writeInt16BE(0, 21);
  batch.writeInt32BE(records.length - 1, 23);
  batch.writeBigInt64BE(BigInt(place.appendedAtMs), 27);
  batch.writeBigInt64BE(BigInt(place.appendedAtMs), 35);
  batch.writeBigInt64BE(place.producerId, 43);
  batch.writeInt16BE(place.producerEpoch, 51);
  batch.writeInt32BE(place.sequence, 53);
  batch.writeInt32BE(records.length, 57);
  batch.writeUInt32BE(crc32c(batch.subarray(CRC_FROM)), 17);
  return batch;
}

function writeRecord(bytes: Buffer, start: number, { record, id, at }: { readonly record: NewRecord; readonly id: Buffer; readonly at: number }): number {
  const { payload } = record;
  const size = 2 + varintBytes(at) + varintBytes(id.length) + id.length + varintBytes(payload.length) + payload.length + 1 + 1 + TIMES_HEADER.length + 1 + TIMES_BYTES;
  let position = writeVarint(bytes, start, size);
  bytes[position++] = 0; // attributes
  bytes[position++] = 0; // timestamp delta
  position = writeVarint(bytes, position, at);
  position = writeVarint(bytes, position, id.length);
  bytes.set(id, position);
  position = writeVarint(bytes, position + id.length, payload.length);
  bytes.set(payload, position);
  position = writeVarint(bytes, position + payload.length, 1); // headers
  position = writeVarint(bytes, position, TIMES_HEADER.length);
  bytes.set(TIMES_HEADER, position);
  position = writeVarint(bytes, position + TIMES_HEADER.length, TIMES_BYTES);
  bytes.writeDoubleBE(record.timeMs, position);
  return bytes.writeDoubleBE(record.knownAtMs, position + 8);
}

/** The whole batches in what a broker sent; it may end inside one. */
export function splitKafkaBatches(bytes: Buffer): readonly KafkaBatch[] {
  const batches: KafkaBatch[] = [];
  for (let position = 0; bytes.length - position >= HEADER_BYTES;) {
    const sizeBytes = bytes.readInt32BE(position + 8) + 12;
    if (bytes.length - position < sizeBytes) break;
    const batch = bytes.subarray(position, position + sizeBytes);
    batches.push({
      baseOffset: Number(batch.readBigInt64BE(0)), count: batch.readInt32BE(23) + 1, appendedAtMs: Number(batch.readBigInt64BE(35)),
      producerId: batch.readBigInt64BE(43), producerEpoch: batch.readInt16BE(51), sequence: batch.readInt32BE(53), bytes: batch,
    });
    position += sizeBytes;
  }
  return batches;
}

/** In words what is wrong with a batch; undefined when it is whole. */
export function damageOf({ bytes }: KafkaBatch, crc32c: Crc32c): string | undefined {
  if (bytes.readInt8(16) !== MAGIC) return `record batches of magic ${bytes.readInt8(16)} are not known`;
  if (bytes.readUInt32BE(17) !== crc32c(bytes.subarray(CRC_FROM))) return "the batch's checksum does not hold";
  return (bytes.readInt16BE(CRC_FROM) & COMPRESSED) === 0 ? undefined : "the batch is compressed; Strata's own are not";
}

/** The records from `fromOffset` on of a batch whose checksum holds; LOG_CORRUPT otherwise. Payloads share its memory. */
export function decodeKafkaBatch(log: string, batch: KafkaBatch, { fromOffset, crc32c }: { readonly fromOffset: number; readonly crc32c: Crc32c }): RecordBatch {
  const reason = damageOf(batch, crc32c);
  if (reason !== undefined) throw new StrataError("LOG_CORRUPT", { log, file: "the broker's", position: batch.baseOffset, reason });
  const { bytes, baseOffset, appendedAtMs } = batch;
  const records: LogRecord[] = [];
  const cursor = { bytes, position: HEADER_BYTES };
  const isControl = (bytes.readInt16BE(CRC_FROM) & CONTROL) !== 0;
  const count = isControl ? 0 : bytes.readInt32BE(57);
  for (let at = 0; at < count; at++) {
    const record = readRecord(cursor, baseOffset, appendedAtMs);
    if (record.offset >= fromOffset) records.push(record);
  }
  return { baseOffset: records[0]?.offset ?? baseOffset, appendedAtMs, records };
}

interface Cursor {
  readonly bytes: Buffer;
  position: number;
}

function readRecord(cursor: Cursor, baseOffset: number, appendedAtMs: number): LogRecord {
  const sizeBytes = readVarint(cursor);
  const end = cursor.position + sizeBytes;
  cursor.position++; // attributes
  readVarint(cursor); // timestamp delta
  const offset = baseOffset + readVarint(cursor);
  const id = readBytes(cursor)?.toString() ?? "";
  const payload = readBytes(cursor) ?? Buffer.alloc(0);
  let timeMs = appendedAtMs, knownAtMs = appendedAtMs;
  for (let left = readVarint(cursor); left > 0; left--) {
    const name = readBytes(cursor);
    const value = readBytes(cursor);
    if (value?.length !== TIMES_BYTES || name?.equals(TIMES_HEADER) !== true) continue;
    timeMs = value.readDoubleBE(0);
    knownAtMs = value.readDoubleBE(8);
  }
  cursor.position = end;
  return { offset, id, timeMs, knownAtMs, payload };
}

/** undefined for Kafka's null. */
function readBytes(cursor: Cursor): Buffer | undefined {
  const length = readVarint(cursor);
  if (length < 0) return undefined;
  cursor.position += length;
  return cursor.bytes.subarray(cursor.position - length, cursor.position);
}

/** Zigzag varint, up to 2^53. */
function readVarint(cursor: Cursor): number {
  let value = 0, factor = 1, byte = 0;
  do {
    byte = cursor.bytes[cursor.position++]!;
    value += (byte & 127) * factor;
    factor *= 128;
  } while (byte >= 128);
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

/** Zigzag varint of a number from 0 to 2^30. */
function writeVarint(bytes: Buffer, position: number, value: number): number {
  let rest = value * 2;
  while (rest >= 128) {
    bytes[position++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  bytes[position] = rest;
  return position + 1;
}

function varintBytes(value: number): number {
  return value < 64 ? 1 : value < 8_192 ? 2 : value < 1_048_576 ? 3 : value < 134_217_728 ? 4 : 5;
}
