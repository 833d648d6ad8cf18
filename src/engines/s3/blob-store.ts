/**
 * Blobs in a bucket of any server that speaks the S3 API: <prefix>/<first two digits>/<sha256>. How durable an answer is, the
 * service decides; what comes back is verified here. There is no lock: blobs never change, and putting one twice is harmless.
 */
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import { sha256 } from "../../kernel/hash.ts";
import type { BlobFileOptions, BlobListing, BlobStore, StoredBlob } from "../../ports/blob-store.ts";
import { downloadBlob } from "./blob-download.ts";
import { uploadBlob } from "./blob-upload.ts";
import { createS3Client, textOf, type S3Client, type S3Options } from "./s3-client.ts";

export interface S3BlobStoreOptions extends S3Options {
  /** Larger blobs go in parts of this size, one in memory at a time. Default 16 MiB; S3 wants at least 5 MiB. */
  readonly partBytes?: number;
}

const PART_BYTES = 16 * 1024 * 1024;
const HASHED_PIECE_BYTES = 256 * 1024;

/** ENGINE_UNREACHABLE when nothing answers there, ENGINE_REFUSED without the bucket or the right to it. */
export async function openS3BlobStore(options: S3BlobStoreOptions): Promise<BlobStore & BlobListing & AsyncDisposable> {
  const { partBytes = PART_BYTES } = options;
  const client = createS3Client(options);
  try {
    const { status, discard } = await client.send({ method: "HEAD" });
    discard();
    if (status === 404) throw new StrataError("ENGINE_REFUSED", { engine: "S3", place: client.place, reason: `there is no bucket "${options.bucket}"` });
  } catch (thrown) {
    await client[Symbol.asyncDispose]();
    throw thrown;
  }
  return {
    put: async (bytes) => {
      const digest = sha256(bytes);
      await uploadBlob(client, keyOf(digest), { digest, sizeBytes: bytes.length, read: async (position, size) => bytes.subarray(position, position + size) }, { partBytes });
      return digest;
    },
    get: async (digest) => {
      requireDigest(digest);
      return client.attempt(async () => {
        const answer = await client.send({ method: "GET", key: keyOf(digest) });
        const bytes = await answer.bytes();
        if (answer.status === 404) throw new StrataError("BLOB_NOT_FOUND", { digest });
        if (sha256(bytes) !== digest) throw new StrataError("BLOB_CORRUPT", { digest });
        return bytes;
      });
    },
    has: async (digest) => {
      if (!isDigest(digest)) return false;
      const { status, discard } = await client.send({ method: "HEAD", key: keyOf(digest) });
      discard();
      return status === 200;
    },
    delete: async (digest) => {
      if (!isDigest(digest)) return;
      const { discard } = await client.send({ method: "DELETE", key: keyOf(digest) });
      discard();
    },
    putFile: (path, file = {}) => putFile(path, file, (source, signal) => uploadBlob(client, keyOf(source.digest), source, { partBytes, signal })),
    getFile: async (digest, path, { signal } = {}) => {
      refuseAborted(signal);
      requireDigest(digest);
      return downloadBlob(client, { key: keyOf(digest), digest, path, signal });
    },
    digests: () => listDigests(client, options.prefix ?? ""),
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}

/** ListObjectsV2, page by page. */
async function* listDigests(client: S3Client, prefix: string): AsyncGenerator<string> {
  for (let token: string | undefined = ""; token !== undefined;) {
    const query: Record<string, string> = { "list-type": "2", prefix: prefix === "" ? "" : `${prefix}/`, ...(token === "" ? {} : { "continuation-token": token }) };
    const answer = await client.send({ method: "GET", query });
    const xml = (await answer.bytes()).toString();
    for (const [, key = ""] of xml.matchAll(/<Key>([^<]*)<\/Key>/g)) {
      const digest = key.slice(key.lastIndexOf("/") + 1);
      if (isDigest(digest)) yield digest;
    }
    token = textOf(xml, "IsTruncated") === "true" ? textOf(xml, "NextContinuationToken") : undefined;
  }
}

type Upload = (source: Parameters<typeof uploadBlob>[2], signal: AbortSignal | undefined) => Promise<void>;

/** Read twice: first for its name, then for its bytes. */
async function putFile(path: string, { signal }: BlobFileOptions, upload: Upload): Promise<StoredBlob> {
  refuseAborted(signal);
  const file = await open(path, "r").catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === "ENOENT" || thrown.code === "ENOTDIR") throw new StrataError("FILE_NOT_FOUND", { path }, { cause: thrown });
    throw new StrataError("FILE_UNREADABLE", { path, reason: reasonOf(thrown) }, { cause: thrown });
  });
  try {
    const read = async (position: number, sizeBytes: number): Promise<Buffer> => {
      const buffer = Buffer.alloc(sizeBytes);
      let filled = 0;
      while (filled < sizeBytes) {
        const { bytesRead } = await file.read(buffer, filled, sizeBytes - filled, position + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return buffer.subarray(0, filled);
    };
    const hash = createHash("sha256");
    let sizeBytes = 0;
    for (let piece = await read(0, HASHED_PIECE_BYTES); piece.length > 0; piece = await read(sizeBytes, HASHED_PIECE_BYTES)) {
      refuseAborted(signal);
      hash.update(piece);
      sizeBytes += piece.length;
    }
    const digest = hash.digest("hex");
    await upload({ digest, sizeBytes, read }, signal);
    return { digest, sizeBytes };
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown && thrown.code === "EISDIR") throw new StrataError("FILE_UNREADABLE", { path, reason: "it is a folder" }, { cause: thrown });
    throw thrown;
  } finally {
    await file.close();
  }
}

function refuseAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new StrataError("ABORTED", { what: "The transfer of a file" }, { cause: signal.reason });
}

const keyOf = (digest: string): string => `${digest.slice(0, 2)}/${digest}`;
const isDigest = (digest: string): boolean => /^[0-9a-f]{64}$/.test(digest);

function requireDigest(digest: string): void {
  if (!isDigest(digest)) throw new StrataError("BLOB_NOT_FOUND", { digest });
}
