/**
 * One write to the online store as bytes in a partition's journal:
 *
 *   0 magic u32 | 4 crc u32 over everything after it | 8 payload length f64 | 16 header length u32 | header (JSON) | bytes of the entries
 *
 * A frame is whole or it is not there: what a crash cut fails its checksum, and the position of the frame before it says
 * what the partition contains.
 */
import { crc32 } from "node:zlib";
import type { OnlineEntry, PartitionPosition } from "../../ports/online-store.ts";
import type { OpenFile } from "./files.ts";

export interface OnlineFrame extends PartitionPosition {
  readonly entries: readonly OnlineEntry[];
}

interface FrameHeader extends PartitionPosition {
  /** Key and size in bytes; -1 removes the entity. */
  readonly entries: readonly (readonly [key: string, sizeBytes: number])[];
}

const MAGIC = 0x314c4e4f; // "ONL1"
const PREFIX_BYTES = 20;
const AFTER_CRC = 8;

/** The parts to write one after another. */
export function encodeFrame({ epoch, offsets, entries }: OnlineFrame): readonly Uint8Array[] {
  const sizes = entries.map(({ key, bytes }) => [key, bytes?.length ?? -1] as const);
  const header = Buffer.from(JSON.stringify({ epoch, offsets, entries: sizes } satisfies FrameHeader));
  const body = entries.flatMap(({ bytes }) => (bytes === undefined || bytes.length === 0 ? [] : [bytes]));
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32LE(MAGIC, 0);
  prefix.writeDoubleLE(header.length + sizeOf(body), 8);
  prefix.writeUInt32LE(header.length, 16);
  const checksum = [header, ...body].reduce((crc, part) => crc32(part, crc), crc32(prefix.subarray(AFTER_CRC)));
  prefix.writeUInt32LE(checksum, 4);
  return [prefix, header, ...body];
}

export function sizeOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}

/** The frame at a position and where the next one begins; undefined at the end, or where no whole frame is. */
export async function readFrame(file: OpenFile, position: number): Promise<{ readonly frame: OnlineFrame; readonly end: number } | undefined> {
  const prefix = Buffer.alloc(PREFIX_BYTES);
  if (await file.read(prefix, position) < PREFIX_BYTES || prefix.readUInt32LE(0) !== MAGIC) return undefined;
  const payloadBytes = prefix.readDoubleLE(8);
  const left = await file.size() - position - PREFIX_BYTES;
  if (!(payloadBytes >= 0 && payloadBytes <= left)) return undefined; // a torn or damaged length must not become an allocation
  const payload = Buffer.alloc(payloadBytes);
  await file.read(payload, position + PREFIX_BYTES);
  if (crc32(payload, crc32(prefix.subarray(AFTER_CRC))) !== prefix.readUInt32LE(4)) return undefined;
  return { frame: decodePayload(payload, prefix.readUInt32LE(16)), end: position + PREFIX_BYTES + payloadBytes };
}

function decodePayload(payload: Buffer, headerBytes: number): OnlineFrame {
  const { epoch, offsets, entries } = JSON.parse(payload.toString("utf8", 0, headerBytes)) as FrameHeader; // the checksum says that encodeFrame wrote it
  let at = headerBytes;
  const take = (sizeBytes: number): Uint8Array => new Uint8Array(payload.subarray(at, at += sizeBytes)); // a copy: one entity must not keep the frame in memory
  return { epoch, offsets, entries: entries.map(([key, sizeBytes]) => ({ key, bytes: sizeBytes < 0 ? undefined : take(sizeBytes) })) };
}
