/**
 * Files to and from the blob store in pieces, with their SHA-256 taken on the way, so that a file of any size costs
 * the same memory and the event loop gets a turn after each piece.
 */
import { createHash, randomUUID } from "node:crypto";
import { dirname } from "node:path";
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import type { BlobFileOptions, StoredBlob } from "../../ports/blob-store.ts";
import { TEMPORARY_SUFFIX } from "./durable-file.ts";
import type { Files, OpenFile } from "./files.ts";

/** Hashing runs at about 0.4 GB/s, so a piece holds the event loop for 0.6 ms. */
const PIECE_BYTES = 256 * 1024;

/** What a file holds now; undefined when there is no such file. */
export async function measureFile(files: Files, path: string, options: BlobFileOptions = {}): Promise<StoredBlob | undefined> {
  const source = await openSource(files, path);
  return source && closing(source, () => readPieces(source, async () => undefined, options));
}

/**
 * Makes `to` a durable copy of `from` if `from` has the expected digest, else BLOB_CORRUPT with `to` as it was.
 * Undefined when there is no file `from`.
 */
export async function copyVerified(files: Files, copy: { readonly from: string; readonly to: string; readonly digest: string }, options: BlobFileOptions = {}): Promise<StoredBlob | undefined> {
  const { from, to, digest } = copy;
  const source = await openSource(files, from);
  if (source === undefined) return undefined;
  const temporary = `${to}.${randomUUID()}${TEMPORARY_SUFFIX}`;
  try {
    const copied = await closing(source, () => writeCopy(files, source, temporary, options));
    if (copied.digest !== digest) throw new StrataError("BLOB_CORRUPT", { digest });
    await files.rename(temporary, to);
    await files.syncFolder(dirname(to));
    return copied;
  } catch (thrown) {
    await files.remove(temporary).catch(() => undefined); // the first failure is the one worth reporting
    throw thrown;
  }
}

async function writeCopy(files: Files, source: OpenFile, path: string, options: BlobFileOptions): Promise<StoredBlob> {
  const target = await files.open(path, "create");
  return closing(target, async () => {
    const copied = await readPieces(source, (piece, position) => target.write([piece], position), options);
    await target.datasync();
    return copied;
  });
}

async function readPieces(source: OpenFile, take: (piece: Uint8Array, position: number) => Promise<void>, { signal }: BlobFileOptions): Promise<StoredBlob> {
  const hash = createHash("sha256");
  const buffer = Buffer.alloc(PIECE_BYTES);
  for (let position = 0; ;) {
    if (signal?.aborted) throw new StrataError("ABORTED", { what: "The transfer of a file" }, { cause: signal.reason });
    const bytes = await source.read(buffer, position);
    const piece = buffer.subarray(0, bytes);
    if (bytes > 0) {
      hash.update(piece);
      await take(piece, position);
      position += bytes;
    }
    if (bytes < buffer.length) return { digest: hash.digest("hex"), sizeBytes: position };
  }
}

async function openSource(files: Files, path: string): Promise<OpenFile | undefined> {
  try {
    return await files.open(path, "read");
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown && (thrown.code === "ENOENT" || thrown.code === "ENOTDIR")) return undefined;
    throw new StrataError("FILE_UNREADABLE", { path, reason: reasonOf(thrown) }, { cause: thrown });
  }
}

async function closing<T>(file: OpenFile, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    await file.close();
  }
}
