/** The embedded state and blob stores: their contracts, and what they make of damage, refusing disks and power loss. */
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { test } from "node:test";
import { openEmbeddedBlobStore } from "../../src/engines/embedded/blob-store.ts";
import type { Files } from "../../src/engines/embedded/files.ts";
import { openEmbeddedStateStore } from "../../src/engines/embedded/state-store.ts";
import { openSpillFolder } from "../../src/engines/embedded/spill-file.ts";
import { sha256 } from "../../src/kernel/hash.ts";
import { createRandom } from "../../src/kernel/random.ts";
import type { BlobStore } from "../../src/ports/blob-store.ts";
import type { StateStore } from "../../src/ports/state-store.ts";
import { blobStoreConformance } from "./blob-store.ts";
import { spillStoreConformance } from "./spill-store.ts";
import { createFaultyFiles, type FaultyOperation } from "./faulty-files.ts";
import { createMemoryFiles, type MemoryFiles } from "./memory-files.ts";
import { checkpoint, stateStoreConformance } from "./state-store.ts";
import { temporaryFolder } from "./temporary-folder.ts";

stateStoreConformance("embedded", async () => {
  const folder = await temporaryFolder();
  return { open: () => openEmbeddedStateStore({ folder: folder.path }), [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
});

blobStoreConformance("embedded", async () => {
  const folder = await temporaryFolder();
  return { open: () => openEmbeddedBlobStore({ folder: folder.path }), [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
});

spillStoreConformance("embedded", async () => {
  const folder = await temporaryFolder();
  const spills = openSpillFolder(folder.path);
  return { open: () => spills.open("store"), [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
});

test("a spill folder is emptied of what a crash left, and its files go when they are closed", async () => {
  await using folder = await temporaryFolder();
  const left = openSpillFolder(folder.path).open("view");
  left.put(Uint8Array.of(1));
  const store = openSpillFolder(folder.path).open("view");
  assert.equal((await readdir(folder.path)).length, 1);
  store.close();
  assert.deepEqual(await readdir(folder.path), []);
});

const FOLDER = "/data";
const openStates = (files: Files): Promise<StateStore> => openEmbeddedStateStore({ folder: FOLDER, files });
const openBlobs = (files: Files): Promise<BlobStore> => openEmbeddedBlobStore({ folder: FOLDER, files });
const offsetOf = async (store: StateStore): Promise<number> => (await store.load("windows"))?.offsets["clicks"] ?? 0;

function pathEndingWith(files: MemoryFiles, suffix: string): string {
  return [...files.snapshot().keys()].find((path) => path.endsWith(suffix))!;
}

function damagedAt(files: MemoryFiles, path: string, position: number): MemoryFiles {
  const contents = new Map(files.snapshot());
  const bytes = contents.get(path)!;
  bytes[position] = bytes[position]! ^ 4;
  return createMemoryFiles(contents);
}

test("a damaged state checkpoint gives way to the one before it, and to STATE_CORRUPT when there is none", async () => {
  const files = createMemoryFiles();
  const store = await openStates(files);
  await store.save("windows", checkpoint(1, [1, 2, 3]));
  const newest = pathEndingWith(files, ".checkpoint");
  const sizeBytes = files.snapshot().get(newest)!.length;
  for (let position = 0; position < sizeBytes; position++) {
    await assert.rejects(offsetOf(await openStates(damagedAt(files, newest, position))), { code: "STATE_CORRUPT" });
  }
  await store.save("windows", checkpoint(2, [1, 2, 3]));
  for (let position = 0; position < sizeBytes; position++) {
    const damaged = damagedAt(files, newest, position);
    assert.equal(await offsetOf(await openStates(damaged)), 1);
    const again = await openStates(damaged);
    await again.save("windows", checkpoint(3, []));
    assert.equal(await offsetOf(again), 3);
    assert.equal(await offsetOf(await openStates(damagedAt(damaged, newest, 0))), 1, "the damaged one did not push out the whole one");
  }
});

test("whenever the power goes during saves, a state that was acknowledged or a newer one is loaded", async () => {
  const random = createRandom("state crash");
  const moments: { disk: MemoryFiles; acknowledged: number }[] = [];
  let acknowledged = 0;
  const files: MemoryFiles = createMemoryFiles([], () => {
    for (let i = 0; i < 5; i++) moments.push({ disk: files.crash(random), acknowledged });
  });
  const store = await openStates(files);
  for (let i = 1; i <= 12; i++) {
    await store.save("windows", checkpoint(i, Array.from({ length: i * 150 }, () => i)));
    acknowledged = i;
  }
  for (const moment of moments) {
    const again = await openStates(moment.disk);
    const offset = await offsetOf(again);
    assert.ok(offset === moment.acknowledged || offset === moment.acknowledged + 1, `${offset} of ${moment.acknowledged}`);
    await again.save("windows", checkpoint(99, [9]));
    assert.equal(await offsetOf(await openStates(moment.disk.crash(random))), 99);
  }
  assert.ok(moments.length > 200);
});

test("a save that the disk refuses is rejected and leaves the last checkpoint", async () => {
  for (const operation of ["create", "write", "datasync", "rename", "syncFolder"] satisfies FaultyOperation[]) {
    const files = createFaultyFiles(createMemoryFiles());
    const store = await openStates(files);
    await store.save("windows", checkpoint(1, [1]));
    files.fail(operation);
    await assert.rejects(store.save("windows", checkpoint(2, [2])), /planned failure/);
    assert.ok([1, 2].includes(await offsetOf(store)), operation);
    await store.save("windows", checkpoint(3, [3]));
    assert.equal(await offsetOf(await openStates(files)), 3);
  }
});

test("a damaged blob is never handed out, and is healed by putting it again", async () => {
  const files = createMemoryFiles();
  const bytes = Buffer.from("the artifact of a model");
  const digest = await (await openBlobs(files)).put(bytes);
  const path = pathEndingWith(files, digest);
  const damaged = [
    ...Array.from(bytes, (_, position) => damagedAt(files, path, position)),
    ...[0, 1, bytes.length - 1].map((length) => createMemoryFiles([[path, bytes.subarray(0, length)]])),
  ];
  for (const disk of damaged) {
    const store = await openBlobs(disk);
    await assert.rejects(store.get(digest), { code: "BLOB_CORRUPT" });
    assert.equal(await store.put(bytes), digest);
    assert.deepEqual([...await store.get(digest)], [...bytes]);
  }
});

test("whenever the power goes, an acknowledged blob is whole and no other is handed out", async () => {
  const random = createRandom("blob crash");
  const moments: { disk: MemoryFiles; acknowledged: readonly string[] }[] = [];
  const acknowledged: string[] = [];
  const files: MemoryFiles = createMemoryFiles([], () => {
    for (let i = 0; i < 5; i++) moments.push({ disk: files.crash(random), acknowledged: [...acknowledged] });
  });
  const store = await openBlobs(files);
  const blobs = Array.from({ length: 10 }, (_, i) => Buffer.alloc(i * 300, i + 1));
  for (const blob of [...blobs, blobs[3]!]) acknowledged.push(await store.put(blob));
  for (const { disk, acknowledged } of moments) {
    const again = await openBlobs(disk);
    for (const digest of acknowledged) assert.equal(sha256(await again.get(digest)), digest);
    for (const blob of blobs) {
      await again.put(blob);
      assert.ok(blob.equals(await again.get(sha256(blob))));
    }
    assert.deepEqual([...disk.snapshot().keys()].filter((path) => path.endsWith(".temporary")), []);
  }
  assert.ok(moments.length > 150);
});

test("a blob found in place is acknowledged only when its name is durable", async () => {
  const disk = createMemoryFiles();
  const files = createFaultyFiles(disk);
  files.fail("syncFolder");
  const store = await openBlobs(files);
  const bytes = Buffer.from("renamed, and then the sync failed");
  await assert.rejects(store.put(bytes), /planned failure/);
  const digest = await store.put(bytes);
  for (let seed = 0; seed < 20; seed++) assert.ok(bytes.equals(await (await openBlobs(disk.crash(createRandom(seed)))).get(digest)));
});

test("a damaged blob never becomes a file, and is healed by putting the file again", async () => {
  const bytes = Buffer.alloc(600_000, "rows of Parquet ");
  const files = createMemoryFiles([["/lake/rows", bytes]]);
  const { digest } = await (await openBlobs(files)).putFile("/lake/rows");
  const path = pathEndingWith(files, digest);
  const damaged = [0, 299_999, bytes.length - 1].map((position) => damagedAt(files, path, position));
  for (const disk of [...damaged, createMemoryFiles([["/lake/rows", bytes], [path, bytes.subarray(0, 300_000)]])]) {
    const store = await openBlobs(disk);
    await assert.rejects(store.getFile(digest, "/lake/again"), { code: "BLOB_CORRUPT" });
    assert.deepEqual([...disk.snapshot().keys()].filter((name) => name.startsWith("/lake/")), ["/lake/rows"]);
    await store.putFile("/lake/rows");
    await store.getFile(digest, "/lake/again");
    assert.ok(bytes.equals(disk.snapshot().get("/lake/again")!));
  }
});

test("whenever the power goes while files move, a stored file is whole and a fetched one is whole or absent", async () => {
  const random = createRandom("blob file crash");
  const moments: { disk: MemoryFiles; stored: readonly string[]; fetched: number }[] = [];
  const sources = Array.from({ length: 4 }, (_, i): [string, Buffer] => [`/lake/${i}`, Buffer.alloc(1_000 * (i + 1), i + 1)]);
  const stored: string[] = [];
  let fetched = 0;
  const files: MemoryFiles = createMemoryFiles(sources, () => {
    for (let i = 0; i < 5; i++) moments.push({ disk: files.crash(random), stored: [...stored], fetched });
  });
  const store = await openBlobs(files);
  for (const [path] of sources) stored.push((await store.putFile(path)).digest);
  for (const [index, digest] of stored.entries()) {
    await store.getFile(digest, `/cache/${index}`);
    fetched = index + 1;
  }
  for (const { disk, stored: acknowledged, fetched: done } of moments) {
    const again = await openBlobs(disk);
    for (const digest of acknowledged) assert.equal(sha256(await again.get(digest)), digest);
    const contents = disk.snapshot();
    for (const [index, [, bytes]] of sources.entries()) {
      const found = contents.get(`/cache/${index}`);
      assert.ok(index < done ? found?.equals(bytes) : found === undefined || found.equals(bytes));
    }
  }
  assert.ok(moments.length > 100);
});

test("a file move that the disk refuses is rejected, leaves nothing behind, and works the next time", async () => {
  for (const operation of ["create", "write", "datasync", "rename"] satisfies FaultyOperation[]) {
    const files = createFaultyFiles(createMemoryFiles([["/lake/rows", Buffer.alloc(2_000, 7)]]));
    const store = await openBlobs(files);
    files.fail(operation);
    await assert.rejects(store.putFile("/lake/rows"), /planned failure/);
    const { digest } = await store.putFile("/lake/rows");
    files.fail(operation);
    await assert.rejects(store.getFile(digest, "/cache/rows"), /planned failure/);
    assert.deepEqual(await files.list("/cache"), []);
    assert.equal((await store.getFile(digest, "/cache/rows")).sizeBytes, 2_000);
  }
});
