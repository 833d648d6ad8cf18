/**
 * The spill store in one file: bytes are appended, in blocks of a megabyte, and a table in memory says where each entry
 * is, with its CRC-32 (0.2 ms per megabyte), so that a damaged one is refused. When more than half of a large file is dead, the living entries move to a new one. The file is not synced, holds
 * nothing that must survive, and is removed when it is closed; what a crash left in the folder is removed at the next open.
 */
import { closeSync, mkdirSync, openSync, readSync, readdirSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import type { SpillStore } from "../../ports/spill-store.ts";

const SUFFIX = ".spill";
/** One system call per so many bytes. */
const BLOCK_BYTES = 1024 * 1024;
/** Below this a file is not worth compacting. */
const SMALLEST_COMPACTION = 16 * BLOCK_BYTES;

export interface SpillFolder {
  /** A new, empty store. */
  open(name: string): SpillStore;
}

/** Makes the folder, empties it of leftovers, and hands out stores in it. SPILL_FAILED. */
export function openSpillFolder(folder: string): SpillFolder {
  let opened = 0;
  attempt("open", folder, () => {
    mkdirSync(folder, { recursive: true });
    for (const name of readdirSync(folder)) if (name.endsWith(SUFFIX)) rmSync(join(folder, name), { force: true });
  });
  return { open: (name) => openSpillFile(join(folder, `${name}-${++opened}`)) };
}

interface BlockFile {
  readonly path: string;
  readonly descriptor: number;
  /** Bytes written, and those waiting in the block. */
  written: number;
  readonly block: Buffer;
  pending: number;
}

export function openSpillFile(stem: string): SpillStore {
  let generation = 0;
  let file = openBlockFile(`${stem}.${generation}${SUFFIX}`);
  let positions = new Float64Array(64);
  let lengths = new Int32Array(64).fill(-1);
  let checksums = new Uint32Array(64);
  const free: number[] = [];
  let end = 0, entries = 0, keptBytes = 0, isClosed = false;

  const place = (bytes: Uint8Array): number => {
    const kept = free.pop() ?? end++;
    if (kept >= lengths.length) {
      const [morePositions, moreLengths, moreChecksums] = [new Float64Array(kept * 2), new Int32Array(kept * 2).fill(-1), new Uint32Array(kept * 2)];
      morePositions.set(positions);
      moreLengths.set(lengths);
      moreChecksums.set(checksums);
      [positions, lengths, checksums] = [morePositions, moreLengths, moreChecksums];
    }
    checksums[kept] = crc32(bytes);
    lengths[kept] = bytes.byteLength;
    entries++;
    keptBytes += bytes.byteLength;
    return kept;
  };

  const forget = (kept: number): void => {
    entries--;
    keptBytes -= lengths[kept]!;
    lengths[kept] = -1;
    free.push(kept);
  };

  /** As they lie there, damaged or not: what is moved keeps its checksum. */
  const readAsIs = (kept: number): Uint8Array => {
    const length = isClosed ? -1 : lengths[kept] ?? -1;
    if (length < 0) throw failed("read", file.path, `there is no entry ${kept}`);
    return attempt("read", file.path, () => readBytes(file, positions[kept]!, length));
  };

  const read = (kept: number): Uint8Array => {
    const bytes = readAsIs(kept);
    if (crc32(bytes) !== checksums[kept]) throw damaged(file.path, `${bytes.byteLength} bytes at ${positions[kept]} have another checksum`);
    return bytes;
  };

  /** The living entries, in the order in which they lie in the file, move to a new one; a failure leaves all as it was. */
  const compact = (): void => {
    const next = openBlockFile(`${stem}.${++generation}${SUFFIX}`);
    const moved = positions.slice();
    try {
      const living = Array.from({ length: end }, (_, kept) => kept).filter((kept) => lengths[kept]! >= 0).toSorted((a, b) => positions[a]! - positions[b]!);
      for (const kept of living) moved[kept] = append(next, readAsIs(kept));
    } catch (thrown) {
      remove(next);
      throw thrown;
    }
    const old = file;
    positions = moved;
    file = next;
    remove(old);
  };

  const makeRoom = (): void => {
    const used = file.written + file.pending;
    if (used > SMALLEST_COMPACTION && keptBytes * 2 < used) compact();
  };

  return {
    put: (bytes) => {
      if (isClosed) throw failed("write", file.path, "it is closed");
      return attempt("write", file.path, () => {
        makeRoom();
        const position = append(file, bytes);
        const kept = place(bytes);
        positions[kept] = position;
        return kept;
      });
    },
    read,
    take: (kept) => {
      const bytes = read(kept);
      forget(kept);
      return bytes;
    },
    drop: (kept) => {
      if (!isClosed && (lengths[kept] ?? -1) >= 0) forget(kept);
    },
    statistics: () => ({ entries, keptBytes, usedBytes: isClosed ? 0 : file.written + file.pending }),
    close: () => {
      if (isClosed) return;
      isClosed = true;
      entries = keptBytes = 0;
      remove(file);
    },
  };
}

function openBlockFile(path: string): BlockFile {
  return attempt("open", path, () => ({ path, descriptor: openSync(path, "wx+"), written: 0, block: Buffer.allocUnsafe(BLOCK_BYTES), pending: 0 }));
}

/** Puts the bytes at the end; returns where they begin. */
function append(file: BlockFile, bytes: Uint8Array): number {
  if (file.pending + bytes.byteLength > BLOCK_BYTES) flush(file);
  const position = file.written + file.pending;
  if (bytes.byteLength > BLOCK_BYTES) {
    writeAll(file.descriptor, bytes, file.written);
    file.written += bytes.byteLength;
  } else {
    file.block.set(bytes, file.pending);
    file.pending += bytes.byteLength;
  }
  return position;
}

function flush(file: BlockFile): void {
  writeAll(file.descriptor, file.block.subarray(0, file.pending), file.written);
  file.written += file.pending;
  file.pending = 0;
}

function writeAll(descriptor: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.byteLength;) done += writeSync(descriptor, bytes, done, bytes.byteLength - done, position + done);
}

function readBytes(file: BlockFile, position: number, length: number): Uint8Array {
  if (position >= file.written) return Uint8Array.from(file.block.subarray(position - file.written, position - file.written + length));
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length;) {
    const read = readSync(file.descriptor, bytes, done, length - done, position + done);
    if (read === 0) throw damaged(file.path, "it is shorter than what was written");
    done += read;
  }
  return bytes;
}

function remove({ path, descriptor }: BlockFile): void {
  closeSync(descriptor);
  rmSync(path, { force: true });
}

function attempt<T>(action: string, path: string, work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    throw thrown instanceof StrataError ? thrown : failed(action, path, reasonOf(thrown), thrown);
  }
}

function damaged(path: string, reason: string): StrataError {
  return new StrataError("SPILL_DAMAGED", { path, reason });
}

function failed(action: string, path: string, reason: string, cause?: unknown): StrataError {
  return new StrataError("SPILL_FAILED", { action, path, reason }, cause === undefined ? {} : { cause });
}
