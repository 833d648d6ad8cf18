/** Where a table's bytes can be had, as plain data that another process can use, and getting them. */
import { StrataError } from "../../kernel/errors.ts";
import type { TableFile } from "../../ports/analytics.ts";
import type { CachedBlob, FileCache, FileLease } from "../../ports/file-cache.ts";

export interface LocatedFile {
  /** On this machine's disk; undefined when it has to be fetched. */
  readonly path: string | undefined;
  /** In the blob store; undefined when the disk has the only bytes. */
  readonly blob: CachedBlob | undefined;
  readonly sizeBytes: number;
  /** Only rows whose column lies in the range; undefined: all. */
  readonly range: { readonly column: string; readonly from: number; readonly to: number } | undefined;
}

/** Files to read, held until disposed. */
export interface OpenedFiles extends Disposable {
  /** In the order asked for; empty for no files. */
  readonly parts: readonly TableFile[];
  /** Different files among them, their bytes, and what had to be fetched for that. */
  readonly files: number;
  readonly sizeBytes: number;
  readonly fetchedBytes: number;
}

const PARALLEL_FETCHES = 4;

/** Brings what is not on this disk into the cache. */
export async function fetchFiles(located: readonly LocatedFile[], cache: FileCache, { signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<OpenedFiles> {
  const leases = new Map<string, FileLease>();
  const dispose = (): void => {
    for (const { release } of leases.values()) release();
    leases.clear();
  };
  const remote = [...new Map(located.flatMap(({ path, blob }) => (path === undefined ? [[blob?.digest ?? "", blob] as const] : []))).values()];
  for (let at = 0; at < remote.length; at += PARALLEL_FETCHES) {
    const settled = await Promise.allSettled(remote.slice(at, at + PARALLEL_FETCHES).map(async (blob) => {
      if (blob === undefined) throw new StrataError("LAKE_QUERY_FAILED", { reason: "a file has no bytes anywhere" });
      leases.set(blob.digest, await cache.lease(blob, { signal }));
    }));
    const failed = settled.find((result) => result.status === "rejected");
    if (failed === undefined) continue;
    dispose();
    throw failed.reason;
  }
  const pathOf = ({ path, blob }: LocatedFile): string => path ?? leases.get(blob!.digest)!.path; // leased above
  const distinct = new Map(located.map((file) => [pathOf(file), file.sizeBytes]));
  return {
    parts: located.map((file) => (file.range === undefined ? pathOf(file) : { path: pathOf(file), ...file.range })),
    files: distinct.size, sizeBytes: [...distinct.values()].reduce((sum, sizeBytes) => sum + sizeBytes, 0),
    fetchedBytes: [...leases.values()].reduce((sum, { fetchedBytes }) => sum + fetchedBytes, 0),
    [Symbol.dispose]: dispose,
  };
}
