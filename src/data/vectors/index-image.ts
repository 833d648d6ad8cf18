/** An index as parts in the blob store, and back. Parts whose version has not moved since they were last written are not written again. */
import { StrataError } from "../../kernel/errors.ts";
import type { BlobStore } from "../../ports/blob-store.ts";
import type { VectorEngine } from "../../ports/vector-index.ts";
import type { IndexImage, SavedPart } from "./catalog.ts";
import { SLOTS_PER_BLOCK, createIndexPoints } from "./index-points.ts";
import type { IndexPoints } from "./index-points.ts";
import type { Payload, PointId, SparseVector } from "./point.ts";

/** What was written, by part; kept beside the points it was written from. */
export type WrittenParts = Map<string, SavedPart & { readonly version: number }>;

/** [slot, id, payload, sparse vectors] per line. */
type PointLine = readonly [number, PointId, Payload, Readonly<Record<string, SparseVector>>];

/** Nothing may change the points until it resolves; searching goes on. */
export async function writeImage(points: IndexPoints, written: WrittenParts, blobs: BlobStore): Promise<IndexImage> {
  const parts = new Map<string, SavedPart>();
  const write = async (key: string, version: number, bytes: () => Uint8Array): Promise<void> => {
    const known = written.get(key);
    if (known?.version !== version) {
      const made = bytes();
      written.set(key, { digest: await blobs.put(made), sizeBytes: made.byteLength, version });
    }
    const { digest, sizeBytes } = written.get(key)!;
    parts.set(key, { digest, sizeBytes });
  };
  for (let block = 0; block * SLOTS_PER_BLOCK < points.slots; block++) await write(`points/${block}`, points.blockVersions[block] ?? 0, () => pointLines(points, block));
  for (const [name, rows] of points.dense) {
    await using _ = await rows.hold();
    for (const { key, version, bytes } of rows.sections()) await write(`vectors:${name}/${key}`, version, bytes);
  }
  return { settings: points.settings, parts: Object.fromEntries(parts) };
}

/** STATE_CORRUPT, BLOB_CORRUPT or BLOB_NOT_FOUND when a part is not what was written. */
export async function readImage({ settings, parts }: IndexImage, { blobs, engine }: { readonly blobs: Pick<BlobStore, "get">; readonly engine: VectorEngine }): Promise<IndexPoints> {
  const points = createIndexPoints(settings, engine);
  try {
    for (const [key, { digest }] of Object.entries(parts).toSorted(([a], [b]) => orderOf(a) - orderOf(b))) {
      const bytes = await blobs.get(digest);
      if (key.startsWith("points/")) restoreLines(points, bytes);
      else {
        const [name, section] = splitKey(key);
        const rows = points.dense.get(name);
        if (rows === undefined) throw new StrataError("STATE_CORRUPT", { file: key, reason: "the index has no such vector" });
        rows.restore(section, bytes);
      }
    }
    return points;
  } catch (thrown) {
    await points[Symbol.asyncDispose]();
    throw thrown;
  }
}

/** For points just read from an image: nothing of them needs to be written again. */
export function writtenFrom(points: IndexPoints, { parts }: IndexImage): WrittenParts {
  const written: WrittenParts = new Map();
  const add = (key: string, version: number): void => {
    const part = parts[key];
    if (part) written.set(key, { ...part, version });
  };
  for (let block = 0; block * SLOTS_PER_BLOCK < points.slots; block++) add(`points/${block}`, points.blockVersions[block] ?? 0);
  for (const [name, rows] of points.dense) for (const { key, version } of rows.sections()) add(`vectors:${name}/${key}`, version);
  return written;
}

/** Heads before blocks, vectors before links, points by their slots. */
function orderOf(key: string): number {
  const block = Number(key.slice(key.lastIndexOf("/") + 1));
  if (key.endsWith("/head")) return 0;
  return (key.includes("/links/") ? 2e9 : 1) + block;
}

function splitKey(key: string): readonly [string, string] {
  const section = /\/(head|vectors\/\d+|links\/\d+)$/.exec(key)?.[1] ?? "";
  return [key.slice("vectors:".length, key.length - section.length - 1), section];
}

function pointLines(points: IndexPoints, block: number): Uint8Array {
  const lines: string[] = [];
  for (let slot = block * SLOTS_PER_BLOCK; slot < Math.min(points.slots, (block + 1) * SLOTS_PER_BLOCK); slot++) {
    const id = points.id(slot);
    if (id === undefined) continue;
    const sparse = Object.fromEntries([...points.sparse].flatMap(([name]) => {
      const vector = points.vector(slot, name);
      return vector ? [[name, vector as SparseVector]] : [];
    }));
    lines.push(JSON.stringify([slot, id, points.payload(slot), sparse] satisfies PointLine));
  }
  return Buffer.from(lines.join("\n"));
}

function restoreLines(points: IndexPoints, bytes: Uint8Array): void {
  for (const line of Buffer.from(bytes).toString().split("\n")) {
    if (line === "") continue;
    const [slot, id, payload, sparse] = JSON.parse(line) as PointLine; // written by pointLines; the store checked the bytes
    points.restore(slot, { id, payload, sparse: new Map(Object.entries(sparse)) });
  }
}
