/** A blob on its way to a file: in pieces, verified, resumed where a connection broke, whole or not at all. */
import { createHash, randomUUID } from "node:crypto";
import { open, rename, rm, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { StrataError } from "../../kernel/errors.ts";
import type { StoredBlob } from "../../ports/blob-store.ts";
import type { S3Client } from "./s3-client.ts";

export interface Download {
  readonly key: string;
  readonly digest: string;
  readonly path: string;
  readonly signal?: AbortSignal | undefined;
}

export async function downloadBlob(client: S3Client, { key, digest, path, signal }: Download): Promise<StoredBlob> {
  const temporary = `${path}.${randomUUID()}.temporary`;
  let file: FileHandle | undefined;
  let position = 0;
  const hash = createHash("sha256");
  try {
    await client.attempt(async () => {
      const resumed = position > 0;
      const { status, body, discard } = await client.send({ method: "GET", key, ...(resumed ? { headers: { range: `bytes=${position}-` } } : {}), signal });
      if (status === 416 && resumed) return discard(); // all of it is here already
      if (status === 404) {
        discard();
        throw new StrataError("BLOB_NOT_FOUND", { digest });
      }
      if (resumed && status !== 206) {
        discard();
        throw new StrataError("ENGINE_REFUSED", { engine: "S3", place: client.place, reason: "it does not resume a download" });
      }
      file ??= await open(temporary, "wx");
      for await (const piece of body) {
        await file.write(piece, 0, piece.length, position);
        hash.update(piece);
        position += piece.length;
      }
      return undefined;
    }, signal);
    if (hash.digest("hex") !== digest) throw new StrataError("BLOB_CORRUPT", { digest });
    await file!.datasync(); // opened by the attempt that succeeded
    await file!.close();
    file = undefined;
    await rename(temporary, path);
    await syncFolder(dirname(path));
    return { digest, sizeBytes: position };
  } catch (thrown) {
    await file?.close();
    await rm(temporary, { force: true });
    throw thrown;
  }
}

async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, "r");
  await handle.sync();
}
