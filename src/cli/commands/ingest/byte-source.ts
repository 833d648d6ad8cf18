/**
 * The bytes of a file, or of stdin for "-", piece by piece: decompressed when they are gzip, without a byte order
 * mark, and with the beginning readable before the rest. Counts what was read, for progress.
 */
import { open, type FileHandle } from "node:fs/promises";
import { resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { StrataError, reasonOf } from "../../../kernel/errors.ts";
import { sha256 } from "../../../kernel/hash.ts";
import type { Host } from "../../host.ts";

export interface ByteSource {
  /** As the user named it. */
  readonly path: string;
  /** Size of the file as it lies there; undefined when it cannot be known before the end. */
  readonly sizeBytes: number | undefined;
  /** Bytes read so far, before decompression: comparable with sizeBytes. */
  readBytes(): number;
  /** The beginning of the text, enough to see what it is. */
  readonly head: Buffer;
  /** Everything, the head included. Can be iterated once. */
  readonly chunks: AsyncIterable<Buffer>;
  /** The same for the same unchanged file; undefined for a stream. */
  readonly identity: string | undefined;
}

type Surroundings = Pick<Host, "stdin" | "workingDirectory">;

/** FILE_NOT_FOUND, FILE_UNREADABLE; FILE_INVALID for UTF-16 and damaged gzip. */
export async function openByteSource(path: string, { stdin, workingDirectory }: Surroundings): Promise<ByteSource> {
  const file = path === "-" ? undefined : await openFile(path, workingDirectory);
  let readBytes = 0;
  async function* counted(): AsyncGenerator<Buffer> {
    for await (const chunk of file?.chunks ?? stdin) {
      const bytes = typeof chunk === "string" ? Buffer.from(chunk) : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
      readBytes += bytes.length;
      yield bytes;
    }
  }
  const raw = await peek(explained(counted(), path));
  const isGzip = raw.head[0] === 0x1f && raw.head[1] === 0x8b;
  const text = isGzip ? await peek(unzipped(raw.chunks, path)) : raw;
  refuseUtf16(text.head, path);
  const markBytes = hasMark(text.head) ? 3 : 0;
  return {
    path, sizeBytes: file?.sizeBytes, identity: file?.identity, readBytes: () => readBytes,
    head: text.head.subarray(markBytes), chunks: withoutFirst(text.chunks, markBytes),
  };
}

interface OpenedFile {
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly sizeBytes: number | undefined;
  readonly identity: string | undefined;
}

async function openFile(path: string, workingDirectory: string): Promise<OpenedFile> {
  const absolute = resolve(workingDirectory, path);
  let handle: FileHandle | undefined;
  try {
    handle = await open(absolute);
    const status = await handle.stat({ bigint: true });
    if (status.isDirectory()) throw new Error("it is a folder");
    const isWhole = status.isFile(); // a pipe has no size, and never comes again
    return {
      chunks: handle.createReadStream({ highWaterMark: READ_BYTES }) as AsyncIterable<Uint8Array>, // without an encoding chunks are bytes
      sizeBytes: isWhole ? Number(status.size) : undefined,
      identity: isWhole ? sha256(`${absolute}\n${status.size}\n${status.mtimeNs}`).slice(0, 32) : undefined,
    };
  } catch (thrown) {
    await handle?.close();
    throw readProblem(thrown, path);
  }
}

/** Large pieces keep the work per piece small beside the work per event. */
const READ_BYTES = 256 * 1024;

function readProblem(thrown: unknown, path: string): StrataError {
  if (codeOf(thrown) === "ENOENT") return new StrataError("FILE_NOT_FOUND", { path }, { cause: thrown });
  const reason = codeOf(thrown) === "EACCES" ? "permission denied" : reasonOf(thrown);
  return new StrataError("FILE_UNREADABLE", { path, reason }, { cause: thrown });
}

async function* explained(chunks: AsyncIterable<Buffer>, path: string): AsyncGenerator<Buffer> {
  try {
    yield* chunks;
  } catch (thrown) {
    throw readProblem(thrown, path);
  }
}

async function* unzipped(chunks: AsyncIterable<Buffer>, path: string): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: READ_BYTES });
  const feeding = pipeline(chunks, gunzip);
  feeding.catch(() => undefined); // the loop below meets the same error, or left early
  try {
    yield* gunzip as AsyncIterable<Buffer>; // without an encoding chunks are bytes
    await feeding;
  } catch (thrown) {
    if (!codeOf(thrown)?.startsWith("Z_")) throw thrown;
    const reason = codeOf(thrown) === "Z_BUF_ERROR" ? "it ends too early" : reasonOf(thrown);
    throw new StrataError("FILE_INVALID", { path, format: "gzip", reason }, { cause: thrown });
  }
}

/** Reads the first piece and puts it back. */
async function peek(chunks: AsyncIterable<Buffer>): Promise<{ readonly head: Buffer; readonly chunks: AsyncIterable<Buffer> }> {
  const iterator = chunks[Symbol.asyncIterator]();
  const first: Buffer[] = [];
  for (let sizeBytes = 0; sizeBytes < 3;) {
    const next = await iterator.next();
    if (next.done === true) break;
    first.push(next.value);
    sizeBytes += next.value.length;
  }
  const head = first.length === 1 ? first[0]! : Buffer.concat(first);
  async function* all(): AsyncGenerator<Buffer> {
    try {
      if (head.length > 0) yield head;
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
    } finally {
      await iterator.return?.();
    }
  }
  return { head, chunks: all() };
}

function hasMark(head: Buffer): boolean {
  return head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf;
}

function refuseUtf16(head: Buffer, path: string): void {
  const isUtf16 = (head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff);
  if (isUtf16) throw new StrataError("FILE_INVALID", { path, format: "UTF-8", reason: "it begins with the mark of UTF-16; save it as UTF-8" });
}

async function* withoutFirst(chunks: AsyncIterable<Buffer>, count: number): AsyncGenerator<Buffer> {
  let left = count;
  for await (const chunk of chunks) {
    yield left > 0 ? chunk.subarray(left) : chunk;
    left = 0; // the first piece has three bytes at least
  }
}

function codeOf(thrown: unknown): string | undefined {
  return thrown instanceof Error && "code" in thrown && typeof thrown.code === "string" ? thrown.code : undefined;
}
