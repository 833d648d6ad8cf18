/** What a file holds, for whoever must know whether it is still what was written. */
import { createHash } from "node:crypto";
import { open, stat } from "node:fs/promises";
import { StrataError } from "../../kernel/errors.ts";
import type { AnalyticsOptions, FileStamp } from "../../ports/analytics.ts";

/** SHA-256 runs at about 1.6 GB/s here (1.9 ms for 3 MiB), so a piece holds the event loop for 0.2 ms. */
const PIECE_BYTES = 256 * 1024;

export async function stampOf(path: string): Promise<FileStamp | undefined> {
  return ifThere(async () => {
    const { size, mtimeMs } = await stat(path);
    return { sizeBytes: size, modifiedMs: mtimeMs };
  });
}

export async function digestOf(path: string, { signal }: AnalyticsOptions): Promise<string | undefined> {
  return ifThere(async () => {
    await using file = await open(path, "r");
    const hash = createHash("sha256");
    const piece = Buffer.allocUnsafe(PIECE_BYTES);
    for (;;) {
      if (signal?.aborted) throw new StrataError("ABORTED", { what: "The digest of a file" }, { cause: signal.reason });
      const { bytesRead } = await file.read(piece, 0, PIECE_BYTES);
      if (bytesRead === 0) return hash.digest("hex");
      hash.update(piece.subarray(0, bytesRead));
    }
  });
}

async function ifThere<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT") return undefined;
    throw thrown;
  }
}
