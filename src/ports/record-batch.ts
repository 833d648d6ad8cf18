/**
 * The record batch on disk: a header of 56 bytes and the records in columns, padded to 8 bytes so that batches and
 * their number columns stay aligned. Ids and times can be scanned without touching payloads; payloads are stored as given.
 *
 *   0 magic u32 | 4 version u32 | 8 crc u32 over everything after it | 12 header crc u32
 *  16 body length u32 | 20 count u32 | 24 base offset f64 | 32 durable offset f64 | 40 appendedAtMs f64 | 48 id bytes u32 | 52 zero
 *  56 times f64[] | knownAt f64[] | id lengths u32[] | payload lengths u32[] | ids (UTF-8) | payloads | zeros
 *
 * Numbers are little-endian, as is every machine Node is released for except s390x. Both checksums start from the segment's seed,
 * so neither bytes of another file nor a payload that imitates a batch can pass for one.
 */
import { crc32 } from "node:zlib";
import { StrataError } from "../kernel/errors.ts";
import type { LogRecord, NewRecord, RecordBatch } from "./event-log.ts";

export const HEADER_BYTES = 56;
/** Batches start at multiples of this. */
export const ALIGNMENT = 8;
/** Body lengths are u32, and Node's buffers and crc32 take at least this much. */
export const MAX_BATCH_BYTES = 0x4000_0000;

const MAGIC = 0x31425453; // "STB1"
const VERSION = 1;
const AFTER_CRC = 12;
const BYTES_PER_RECORD = 24;

export interface BatchHeader {
  readonly sizeBytes: number;
  readonly count: number;
  readonly baseOffset: number;
  /** Every record below this offset was durable before this batch was written: what proves that a damaged batch was more than a torn tail. */
  readonly durableOffset: number;
  readonly appendedAtMs: number;
  readonly idBytes: number;
}

/** What the log decides when a batch is written; the rest is known when it is appended. */
export interface BatchPlace {
  readonly baseOffset: number;
  readonly durableOffset: number;
  readonly appendedAtMs: number;
}

/** Records as batch bytes, complete but for their place: `sealBatch` finishes them. The records may be reused at once. */
export function encodeBatch(records: readonly NewRecord[]): Buffer {
  const ids = measureIds(records);
  let payloadBytes = 0;
  for (const record of records) payloadBytes += record.payload.length;
  const exactBytes = HEADER_BYTES + BYTES_PER_RECORD * records.length + ids.sizeBytes + payloadBytes;
  const sizeBytes = Math.ceil(exactBytes / ALIGNMENT) * ALIGNMENT;
  if (sizeBytes > MAX_BATCH_BYTES) throw new StrataError("BATCH_TOO_LARGE", { sizeBytes, limitBytes: MAX_BATCH_BYTES });
  const bytes = alignedBuffer(sizeBytes);
  const columns = columnsOf(bytes, 0, records.length);
  let position = columns.end + bytes.write(ids.text, columns.end);
  for (let i = 0; i < records.length; i++) {
    const record = records[i]!;
    columns.times[i] = record.timeMs;
    columns.knownAt[i] = record.knownAtMs;
    columns.idLengths[i] = ids.lengths?.[i] ?? record.id.length;
    columns.payloadLengths[i] = record.payload.length;
    bytes.set(record.payload, position);
    position += record.payload.length;
  }
  bytes.fill(0, position);
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, HEADER_BYTES / 4);
  words[0] = MAGIC;
  words[1] = VERSION;
  words[4] = sizeBytes - HEADER_BYTES;
  words[5] = records.length;
  words[12] = ids.sizeBytes;
  words[13] = 0;
  return bytes;
}

/** Writes the batch's place and checksums into its bytes; returns its finished header. */
export function sealBatch(bytes: Buffer, place: BatchPlace, seed: number): BatchHeader {
  const numbers = new Float64Array(bytes.buffer, bytes.byteOffset + 24, 3);
  numbers[0] = place.baseOffset;
  numbers[1] = place.durableOffset;
  numbers[2] = place.appendedAtMs;
  bytes.writeUInt32LE(headerCrc(bytes, 0, seed), 12);
  bytes.writeUInt32LE(crc32(bytes.subarray(AFTER_CRC), seed), 8);
  return { ...place, sizeBytes: bytes.length, count: bytes.readUInt32LE(20), idBytes: bytes.readUInt32LE(48) };
}

/** The header at `position`, or in words why there is none. `bytes` must reach HEADER_BYTES past `position`. */
export function readHeader(bytes: Buffer, position: number, seed: number): BatchHeader | string {
  if (bytes.readUInt32LE(position) !== MAGIC) return "there is no batch header";
  if (bytes.readUInt32LE(position + 12) !== headerCrc(bytes, position, seed)) return "the batch header's checksum does not hold";
  if (bytes.readUInt32LE(position + 4) !== VERSION) return `batch version ${bytes.readUInt32LE(position + 4)} is not known`;
  return {
    sizeBytes: HEADER_BYTES + bytes.readUInt32LE(position + 16),
    count: bytes.readUInt32LE(position + 20),
    baseOffset: bytes.readDoubleLE(position + 24),
    durableOffset: bytes.readDoubleLE(position + 32),
    appendedAtMs: bytes.readDoubleLE(position + 40),
    idBytes: bytes.readUInt32LE(position + 48),
  };
}

/** True when a multiple of ALIGNMENT in `bytes` may start a batch: a cheap filter before `readHeader`. */
export function looksLikeHeader(bytes: Buffer, position: number): boolean {
  return bytes.readUInt32LE(position) === MAGIC;
}

/** Whether the whole batch is as it was written. */
export function bodyIsIntact(bytes: Buffer, header: BatchHeader, seed: number): boolean {
  return bytes.length === header.sizeBytes && bytes.readUInt32LE(8) === crc32(bytes.subarray(AFTER_CRC), seed);
}

/** The records from `fromOffset` on of an intact batch. Payloads and ids share the memory of `bytes`. */
export function decodeBatch(bytes: Buffer, header: BatchHeader, fromOffset: number): RecordBatch {
  const { times, knownAt, idLengths, payloadLengths, end } = columnsOf(bytes, 0, header.count);
  const text = bytes.toString("utf8", end, end + header.idBytes);
  const ascii = text.length === header.idBytes;
  const first = Math.max(0, fromOffset - header.baseOffset);
  const records: LogRecord[] = [];
  let idAt = 0;
  let payloadAt = end + header.idBytes;
  for (let i = 0; i < header.count; i++) {
    const idEnd = idAt + idLengths[i]!;
    const payloadEnd = payloadAt + payloadLengths[i]!;
    if (i >= first) {
      const id = ascii ? text.slice(idAt, idEnd) : bytes.toString("utf8", end + idAt, end + idEnd);
      records.push({ offset: header.baseOffset + i, id, timeMs: times[i]!, knownAtMs: knownAt[i]!, payload: bytes.subarray(payloadAt, payloadEnd) });
    }
    idAt = idEnd;
    payloadAt = payloadEnd;
  }
  return { baseOffset: header.baseOffset + first, appendedAtMs: header.appendedAtMs, records };
}

/** A buffer that starts at a multiple of ALIGNMENT; small ones come from Node's pool. */
export function alignedBuffer(sizeBytes: number): Buffer {
  const pooled = Buffer.allocUnsafe(sizeBytes);
  return pooled.byteOffset % ALIGNMENT === 0 ? pooled : Buffer.allocUnsafeSlow(sizeBytes);
}

function columnsOf(bytes: Buffer, position: number, count: number) {
  const at = bytes.byteOffset + position + HEADER_BYTES;
  return {
    times: new Float64Array(bytes.buffer, at, count),
    knownAt: new Float64Array(bytes.buffer, at + 8 * count, count),
    idLengths: new Uint32Array(bytes.buffer, at + 16 * count, count),
    payloadLengths: new Uint32Array(bytes.buffer, at + 20 * count, count),
    end: position + HEADER_BYTES + BYTES_PER_RECORD * count,
  };
}

/** All ids in one text, so that plain ASCII (the common case) costs one encoding call per batch; `lengths` in bytes only when they differ from characters. */
function measureIds(records: readonly NewRecord[]): { text: string; sizeBytes: number; lengths?: readonly number[] } {
  let text = "";
  for (const record of records) text += record.id;
  const sizeBytes = Buffer.byteLength(text);
  if (sizeBytes === text.length) return { text, sizeBytes };
  for (const { id } of records) {
    if (!id.isWellFormed()) throw new StrataError("REQUEST_INVALID", { reason: `The event id ${JSON.stringify(id)} is not well-formed text; use whole Unicode characters.` });
  }
  return { text, sizeBytes, lengths: records.map((record) => Buffer.byteLength(record.id)) };
}

/** Over magic, version and everything between the two checksums and the columns. */
function headerCrc(bytes: Buffer, position: number, seed: number): number {
  return crc32(bytes.subarray(position + 16, position + HEADER_BYTES), crc32(bytes.subarray(position, position + 8), seed));
}
