/**
 * Snapshots of an index: kept beside the catalog as the parts they share with it, taken out as one file and put back.
 *
 *   "STRATAVX" | length of JSON u32 | JSON {settings, parts: [{key, digest, sizeBytes}]} | the parts' bytes, in order
 */
import { createHash } from "node:crypto";
import { StrataError } from "../../kernel/errors.ts";
import { sha256 } from "../../kernel/hash.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { BlobStore } from "../../ports/blob-store.ts";
import type { VectorEngine } from "../../ports/vector-index.ts";
import type { IndexImage, SavedIndex, SavedPart, SavedSnapshot } from "./catalog.ts";
import { readImage } from "./index-image.ts";
import type { IndexSettings } from "./index-settings.ts";
import { replacePoints } from "./open-index.ts";
import type { OpenIndex } from "./open-index.ts";

export interface SnapshotDescription {
  readonly name: string;
  readonly createdAtMs: number;
  readonly sizeBytes: number;
  /** SHA-256 of the file. */
  readonly checksum: string;
}

export interface Snapshots {
  create(index: string): Promise<SnapshotDescription>;
  list(index: string): readonly SnapshotDescription[];
  /** The file, part by part. VECTOR_SNAPSHOT_NOT_FOUND. */
  download(index: string, name: string): AsyncIterable<Uint8Array>;
  delete(index: string, name: string): Promise<void>;
  /** Puts the index back to what the snapshot holds. */
  recover(index: string, name: string): Promise<void>;
  /** The same from a file. REQUEST_INVALID when it is none, or damaged. */
  recoverFile(index: string, bytes: Uint8Array): Promise<void>;
}

export interface SnapshotsOptions {
  readonly blobs: BlobStore;
  readonly engine: VectorEngine;
  readonly clock: Clock;
  readonly open: (index: string) => OpenIndex;
  readonly saved: () => readonly SavedSnapshot[];
  readonly save: (next: readonly SavedSnapshot[]) => Promise<void>;
  readonly saveIndex: (index: OpenIndex) => Promise<SavedIndex>;
  /** Appends to the log that the index becomes what the image holds; with the record's offset. */
  readonly record: (index: string, image: IndexImage) => Promise<number>;
}

const MAGIC = "STRATAVX";

interface FileHead {
  readonly settings: IndexSettings;
  readonly parts: readonly (SavedPart & { readonly key: string })[];
}

export function createSnapshots({ blobs, engine, clock, open, saved, save, saveIndex, record }: SnapshotsOptions): Snapshots {
  const find = (index: string, name: string): SavedSnapshot => {
    const found = saved().find((snapshot) => snapshot.index === open(index).name && snapshot.name === name);
    if (found === undefined) throw new StrataError("VECTOR_SNAPSHOT_NOT_FOUND", { index, snapshot: name });
    return found;
  };
  const describe = ({ name, createdAtMs, sizeBytes, checksum }: SavedSnapshot): SnapshotDescription => ({ name, createdAtMs, sizeBytes, checksum });
  async function* fileOf(image: IndexImage): AsyncGenerator<Uint8Array> {
    yield headOf(image);
    for (const { digest } of Object.values(image.parts)) yield await blobs.get(digest);
  }
  const replace = async (name: string, image: IndexImage): Promise<void> => {
    const index = open(name);
    const points = await readImage(image, { blobs, engine });
    await index.idle();
    index.waiting++;
    const recorded = record(index.name, image); // in the order of calls, like the turn below
    recorded.catch(() => undefined);
    await index.inTurn(async () => {
      try {
        await replacePoints(index, points, await recorded);
      } catch (thrown) {
        await points[Symbol.asyncDispose]();
        throw thrown;
      } finally {
        index.waiting--;
      }
    });
    await save(saved()); // from now on the parts are named by the index, too, whatever becomes of the snapshot
  };

  return {
    create: async (name) => {
      const index = open(name);
      const { settings, parts } = await saveIndex(index);
      const createdAtMs = clock.now();
      const hash = createHash("sha256");
      let sizeBytes = 0;
      for await (const bytes of fileOf({ settings, parts })) {
        hash.update(bytes);
        sizeBytes += bytes.byteLength;
      }
      const stamp = new Date(createdAtMs).toISOString().replaceAll(/[:.]/g, "-").slice(0, 23);
      const taken = saved().filter((other) => other.index === index.name).length;
      const snapshot: SavedSnapshot = { index: index.name, name: `${index.name}-${taken}-${stamp}.snapshot`, createdAtMs, sizeBytes, checksum: hash.digest("hex"), settings, parts };
      await save([...saved(), snapshot]);
      return describe(snapshot);
    },
    list: (index) => {
      const { name } = open(index);
      return saved().filter((snapshot) => snapshot.index === name).map(describe);
    },
    download: (index, name) => fileOf(find(index, name)),
    delete: async (index, name) => {
      const gone = find(index, name);
      await save(saved().filter((snapshot) => snapshot !== gone));
    },
    recover: (index, name) => replace(index, find(index, name)),
    recoverFile: async (index, bytes) => {
      open(index);
      await replace(index, await storeFile(bytes, blobs));
    },
  };
}

function headOf({ settings, parts }: IndexImage): Uint8Array {
  const head: FileHead = { settings, parts: Object.entries(parts).map(([key, part]) => ({ key, ...part })) };
  const json = Buffer.from(JSON.stringify(head));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(json.length);
  return Buffer.concat([Buffer.from(MAGIC), length, json]);
}

async function storeFile(bytes: Uint8Array, blobs: BlobStore): Promise<IndexImage> {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const refuse = (reason: string): StrataError => new StrataError("REQUEST_INVALID", { reason: `The snapshot file cannot be used: ${reason}.` });
  if (file.length < MAGIC.length + 4 || file.toString("latin1", 0, MAGIC.length) !== MAGIC) throw refuse("it is not one of Strata's");
  let at = MAGIC.length + 4;
  const end = at + file.readUInt32LE(MAGIC.length);
  if (end > file.length) throw refuse("it is cut off");
  const { settings, parts } = parseHead(file.toString("utf8", at, end), refuse);
  at = end;
  for (const { key, digest, sizeBytes } of parts) {
    const part = file.subarray(at, at + sizeBytes);
    if (part.length !== sizeBytes || sha256(part) !== digest) throw refuse(`its part ${key} is damaged`);
    await blobs.put(part);
    at += sizeBytes;
  }
  return { settings, parts: Object.fromEntries(parts.map(({ key, digest, sizeBytes }) => [key, { digest, sizeBytes }])) };
}

function parseHead(text: string, refuse: (reason: string) => StrataError): FileHead {
  try {
    const head = JSON.parse(text) as FileHead;
    if (Array.isArray(head.parts) && typeof head.settings === "object") return head;
  } catch { // said below
  }
  throw refuse("its head is damaged");
}
