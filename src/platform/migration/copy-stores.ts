/** Copies blobs, checkpoints and the ledger. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sha256 } from "../../kernel/hash.ts";
import type { BlobListing, BlobStore } from "../../ports/blob-store.ts";
import { LEDGER_TABLE_NAMES, type LedgerArchive } from "../../ports/ledger-archive.ts";
import type { StateStore } from "../../ports/state-store.ts";
import { compare, createSetMeasure, type Comparison, type Measure } from "./equality.ts";

interface Pair<T> { readonly source: T; readonly target: T }
type Progress = (done: number, total: number) => void;

/** Every blob is read back from the target and verified there; what the target holds beside them is not counted. */
export async function copyBlobs({ source, target }: Pair<BlobStore & BlobListing>, onProgress: Progress): Promise<Comparison> {
  const digests: string[] = [];
  for await (const digest of source.digests()) digests.push(digest);
  const folder = await mkdtemp(join(tmpdir(), "strata-migrate-"));
  const path = join(folder, "blob");
  try {
    const [ofSource, ofTarget] = [createSetMeasure(), createSetMeasure()];
    for (const [i, digest] of digests.entries()) {
      const { sizeBytes } = await source.getFile(digest, path);
      ofSource.add(`${digest} ${sizeBytes}`);
      if (!await target.has(digest)) await target.putFile(path);
      const stored = await target.getFile(digest, path);
      ofTarget.add(`${stored.digest} ${stored.sizeBytes}`);
      onProgress(i + 1, digests.length);
    }
    return compare("blobs", "blobs", { source: ofSource.measure(), target: ofTarget.measure() });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export async function copyStates({ source, target }: Pair<StateStore>, onProgress: Progress): Promise<readonly Comparison[]> {
  const names = await source.names();
  const comparisons: Comparison[] = [];
  for (const [i, name] of names.entries()) {
    const before = await measureState(source, name);
    if (!compare("state", name, { source: before, target: await measureState(target, name) }).equal) await target.save(name, (await source.load(name))!); // it was named
    comparisons.push(compare("state", name, { source: before, target: await measureState(target, name) }));
    onProgress(i + 1, names.length);
  }
  return comparisons;
}

async function measureState(store: StateStore, name: string): Promise<Measure> {
  const found = await store.load(name);
  if (found === undefined) return { count: 0, sha256: sha256("") };
  const offsets = Object.entries(found.offsets).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return { count: found.bytes.length, sha256: sha256(`${JSON.stringify(offsets)} ${sha256(found.bytes)}`) };
}

export async function copyLedger({ source, target }: Pair<LedgerArchive>, onProgress: Progress): Promise<readonly Comparison[]> {
  const comparisons: Comparison[] = [];
  for (const [i, table] of LEDGER_TABLE_NAMES.entries()) {
    const measure = async (archive: LedgerArchive): Promise<Measure> => {
      const rows = createSetMeasure();
      for (const row of await archive.read(table)) rows.add(JSON.stringify(row));
      return rows.measure();
    };
    const before = await measure(source);
    if (!compare("ledger", table, { source: before, target: await measure(target) }).equal) await target.replace(table, await source.read(table));
    comparisons.push(compare("ledger", table, { source: before, target: await measure(target) }));
    onProgress(i + 1, LEDGER_TABLE_NAMES.length);
  }
  return comparisons;
}
