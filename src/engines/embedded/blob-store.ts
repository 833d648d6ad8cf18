/**
 * Content-addressed files: <folder>/<first two digits>/<sha256>. Written beside, synced, renamed, folder synced; verified on
 * every read. A file that is already there counts only if its bytes are the right ones, so a damaged blob is healed
 * by putting it again. One process at a time: the caller holds the data folder's lock.
 */
import { webcrypto } from "node:crypto";
import { join } from "node:path";
import { StrataError } from "../../kernel/errors.ts";
import { sha256 } from "../../kernel/hash.ts";
import type { BlobListing, BlobStore } from "../../ports/blob-store.ts";
import { copyVerified, measureFile } from "./blob-file.ts";
import { removeLeftovers, replaceFile } from "./durable-file.ts";
import { nodeFiles, type Files } from "./files.ts";

export interface EmbeddedBlobStoreOptions {
  readonly folder: string;
  /** Tests make writes and syncs fail here. */
  readonly files?: Files;
}

/** Opens or creates the folder. `put` reads the bytes until it resolves: do not change them before. */
export async function openEmbeddedBlobStore(options: EmbeddedBlobStoreOptions): Promise<BlobStore & BlobListing> {
  const { folder, files = nodeFiles } = options;
  await files.makeFolder(folder);
  for (const name of await files.list(folder)) {
    if (/^[0-9a-f]{2}$/.test(name)) await removeLeftovers(files, join(folder, name));
  }

  const shelfOf = (digest: string): string => join(folder, digest.slice(0, 2));
  const pathOf = (digest: string): string => join(shelfOf(digest), digest);
  const read = async (digest: string): Promise<Buffer<ArrayBuffer> | undefined> => (isDigest(digest) ? files.contents(pathOf(digest)) : undefined);

  return {
    put: async (bytes) => {
      const digest = await digestOf(bytes);
      const present = await read(digest);
      if (present && present.equals(bytes)) {
        await files.syncFolder(shelfOf(digest)); // its writer may have died between rename and sync
        return digest;
      }
      await files.makeFolder(shelfOf(digest));
      await replaceFile(files, pathOf(digest), [bytes]);
      return digest;
    },
    get: async (digest) => {
      const bytes = await read(digest);
      if (!bytes) throw new StrataError("BLOB_NOT_FOUND", { digest });
      if (await digestOf(bytes) !== digest) throw new StrataError("BLOB_CORRUPT", { digest });
      return bytes;
    },
    has: async (digest) => isDigest(digest) && (await files.list(shelfOf(digest))).includes(digest),
    delete: async (digest) => {
      if (!isDigest(digest)) return;
      await files.remove(pathOf(digest));
      if ((await files.list(folder)).includes(digest.slice(0, 2))) await files.syncFolder(shelfOf(digest));
    },
    putFile: async (path, callOptions) => {
      const source = await measureFile(files, path, callOptions);
      if (source === undefined) throw new StrataError("FILE_NOT_FOUND", { path });
      const { digest } = source;
      const present = await measureFile(files, pathOf(digest), callOptions);
      if (present?.digest === digest) await files.syncFolder(shelfOf(digest)); // as in put
      else {
        await files.makeFolder(shelfOf(digest));
        await copyVerified(files, { from: path, to: pathOf(digest), digest }, callOptions);
      }
      return source;
    },
    getFile: async (digest, path, callOptions) => {
      const copied = isDigest(digest) ? await copyVerified(files, { from: pathOf(digest), to: path, digest }, callOptions) : undefined;
      if (copied === undefined) throw new StrataError("BLOB_NOT_FOUND", { digest });
      return copied;
    },
    digests: async function* () {
      for (const shelf of await files.list(folder)) {
        if (/^[0-9a-f]{2}$/.test(shelf)) yield* (await files.list(join(folder, shelf))).filter(isDigest);
      }
    },
  };
}

/** Anything else is not an address, and must not become a path. */
function isDigest(digest: string): boolean {
  return /^[0-9a-f]{64}$/.test(digest);
}

/** From here on hashing goes to a thread: at about 0.4 GB/s, 256 KiB would hold the event loop for 0.6 ms. */
const THREAD_FROM_BYTES = 256 * 1024;

async function digestOf(bytes: Uint8Array): Promise<string> {
  const isShared = !(bytes.buffer instanceof ArrayBuffer); // which webcrypto refuses
  if (isShared || bytes.length < THREAD_FROM_BYTES) return sha256(bytes);
  return Buffer.from(await webcrypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>)).toString("hex");
}
