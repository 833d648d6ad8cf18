/**
 * The catalog: which indexes there are, where each one's checkpoint lies, their aliases and snapshots. One state
 * checkpoint, saved in one atomic step; the parts it names are blobs, written before it and deleted only after the
 * catalog that no longer names them has a successor, so that the one before it stays readable.
 */
import type { BlobStore } from "../../ports/blob-store.ts";
import type { StateStore } from "../../ports/state-store.ts";
import type { IndexSettings } from "./index-settings.ts";

export interface SavedPart {
  readonly digest: string;
  readonly sizeBytes: number;
}

/** A whole index as parts: "points/N", and "vectors:NAME/KEY" for each dense vector. */
export interface IndexImage {
  readonly settings: IndexSettings;
  readonly parts: Readonly<Record<string, SavedPart>>;
}

export interface SavedIndex extends IndexImage {
  readonly name: string;
  /** Offset of its creation: another index of the same name has another. */
  readonly createdAt: number;
  /** Next offset to apply. */
  readonly offset: number;
}

export interface SavedSnapshot extends IndexImage {
  readonly index: string;
  readonly name: string;
  readonly createdAtMs: number;
  readonly sizeBytes: number;
  readonly checksum: string;
}

/** An index whose checkpoint is damaged and whose log no longer tells all of it. */
export interface LostIndex {
  readonly name: string;
  readonly reason: string;
  /** Where its parts should lie: once they are back, so is the index. */
  readonly saved?: SavedIndex;
}

export interface Catalog {
  readonly version: 1;
  /** Next offset of the log whose creations, drops and aliases are in here. */
  readonly offset: number;
  readonly indexes: readonly SavedIndex[];
  readonly aliases: Readonly<Record<string, string>>;
  readonly snapshots: readonly SavedSnapshot[];
  readonly lost: readonly LostIndex[];
  /** Blobs that the catalog before this one named and this one does not. */
  readonly dropped: readonly string[];
}

export const EMPTY_CATALOG: Catalog = { version: 1, offset: 0, indexes: [], aliases: {}, snapshots: [], lost: [], dropped: [] };

const STATE = "vectors-catalog";

export async function loadCatalog(states: StateStore): Promise<Catalog> {
  const saved = await states.load(STATE);
  return saved === undefined ? EMPTY_CATALOG : { ...EMPTY_CATALOG, ...JSON.parse(Buffer.from(saved.bytes).toString()) as Catalog }; // written by saveCatalog; the store checked the bytes
}

/** Saves the successor of `before`, then deletes what `before` had dropped. */
export async function saveCatalog({ states, blobs }: { readonly states: StateStore; readonly blobs: BlobStore }, before: Catalog, next: Omit<Catalog, "dropped" | "version">): Promise<Catalog> {
  const named = digestsOf(next);
  const catalog: Catalog = { ...next, version: 1, dropped: [...digestsOf(before)].filter((digest) => !named.has(digest)) };
  await states.save(STATE, { offsets: { strata_vectors: catalog.offset }, bytes: Buffer.from(JSON.stringify(catalog)) });
  const stillNamed = new Set([...named, ...catalog.dropped]);
  for (const digest of before.dropped) if (!stillNamed.has(digest)) await blobs.delete(digest);
  return catalog;
}

function digestsOf({ indexes, snapshots, lost }: Pick<Catalog, "indexes" | "snapshots" | "lost">): Set<string> {
  return new Set([...indexes, ...snapshots, ...lost.flatMap(({ saved }) => saved ?? [])].flatMap(({ parts }) => Object.values(parts).map(({ digest }) => digest)));
}
