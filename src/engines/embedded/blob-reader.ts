/**
 * Reads the blobs of a folder that another process writes. Unlike opening the store it changes nothing: the writer's
 * half-written files stay. Bytes are checked against their digest.
 */
import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import { StrataError } from "../../kernel/errors.ts";
import { sha256 } from "../../kernel/hash.ts";
import type { BlobStore } from "../../ports/blob-store.ts";

export function openEmbeddedBlobReader(folder: string): Pick<BlobStore, "get" | "has"> {
  const pathOf = (digest: string): string => join(folder, digest.slice(0, 2), digest);
  return {
    get: async (digest) => {
      const bytes = await readFile(pathOf(digest)).catch(() => { throw new StrataError("BLOB_NOT_FOUND", { digest }); });
      if (sha256(bytes) !== digest) throw new StrataError("BLOB_CORRUPT", { digest });
      return bytes;
    },
    has: (digest) => access(pathOf(digest)).then(() => true, () => false),
  };
}
