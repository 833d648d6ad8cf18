/** The embedded online store: its contract, and what it makes of refusing disks, damage and power loss. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Files } from "../../src/engines/embedded/files.ts";
import { openEmbeddedOnlineStore } from "../../src/engines/embedded/online-store.ts";
import { createRandom } from "../../src/kernel/random.ts";
import type { OnlineStore } from "../../src/ports/online-store.ts";
import { createFaultyFiles, type FaultyOperation } from "./faulty-files.ts";
import { createMemoryFiles, type MemoryFiles } from "./memory-files.ts";
import { onlineStoreConformance } from "./online-store.ts";
import { temporaryFolder } from "./temporary-folder.ts";

onlineStoreConformance("embedded", async () => {
  const folder = await temporaryFolder();
  return { isShared: false, open: () => openEmbeddedOnlineStore({ folder: folder.path }), [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
});

const FOLDER = "/data";
const openStore = (files: Files): Promise<OnlineStore> => openEmbeddedOnlineStore({ folder: FOLDER, files });

/** Entities that all carry the offset they were written at: whoever reads them can tell whether a write was whole. */
const put = (store: OnlineStore, offset: number, sizeBytes = 50): Promise<void> =>
  store.write({ view: "v", partition: 0, epoch: 1, offsets: { log: offset }, entries: ["a", "b", "c"].map((key) => ({ key, bytes: Buffer.alloc(sizeBytes, offset) })) });

async function offsetIn(store: OnlineStore): Promise<number> {
  const at = (await store.position("v", 0))?.offsets["log"] ?? 0;
  for (const bytes of await store.read("v", ["a", "b", "c"])) assert.equal(bytes?.at(-1) ?? 0, at, "the position says what the bytes contain");
  return at;
}

test("whenever the power goes, the last acknowledged write or a newer one is there, whole", async () => {
  const random = createRandom("online crash");
  const moments: { disk: MemoryFiles; acknowledged: number }[] = [];
  let acknowledged = 0;
  const files: MemoryFiles = createMemoryFiles([], () => {
    for (let i = 0; i < 3; i++) moments.push({ disk: files.crash(random), acknowledged });
  });
  const store = await openStore(files);
  for (let i = 1; i <= 20; i++) {
    await put(store, i, i * 7_000); // rewrites come in between
    acknowledged = i;
  }
  for (const moment of moments) {
    const again = await openStore(moment.disk);
    const offset = await offsetIn(again);
    assert.ok(offset === moment.acknowledged || offset === moment.acknowledged + 1, `${offset} of ${moment.acknowledged}`);
    await put(again, 99);
    assert.equal(await offsetIn(await openStore(moment.disk.crash(random))), 99);
  }
  assert.ok(moments.length > 100);
});

test("a write that the disk refuses is rejected with STORE_FAILED and seen by nobody; the next one works", async () => {
  for (const operation of ["create", "write", "datasync", "rename", "syncFolder"] satisfies FaultyOperation[]) {
    const disk = createMemoryFiles();
    const files = createFaultyFiles(disk);
    const store = await openStore(files);
    const isFirstWrite = !["write", "datasync"].includes(operation);
    if (!isFirstWrite) await put(store, 1);
    files.fail(operation);
    await assert.rejects(put(store, 2), { code: "STORE_FAILED" }, operation);
    assert.equal(await offsetIn(store), isFirstWrite ? 0 : 1);
    await put(store, 3);
    assert.equal(await offsetIn(store), 3);
    await store.close();
    assert.equal(await offsetIn(await openStore(disk)), 3);
  }
});

test("damage cuts the journal at the write it is in, and the position goes back with the bytes", async () => {
  const files = createMemoryFiles();
  const store = await openStore(files);
  for (let i = 1; i <= 3; i++) await put(store, i, 4);
  const path = [...files.snapshot().keys()].find((name) => name.endsWith(".journal"))!;
  const bytes = files.snapshot().get(path)!;
  for (let position = 0; position < bytes.length; position++) {
    const damaged = Buffer.from(bytes);
    damaged[position] = damaged[position]! ^ 4;
    const warnings: string[] = [];
    const again = await openEmbeddedOnlineStore({ folder: FOLDER, files: createMemoryFiles([[path, damaged]]), logger: { log: (_, message) => warnings.push(message) } });
    const offset = await offsetIn(again);
    assert.equal(offset, Math.floor(position / (bytes.length / 3)), `damage at ${position}`);
    assert.equal(warnings.length, 1);
    await put(again, 4);
    assert.equal(await offsetIn(again), 4);
  }
});

test("a journal that is mostly history is rewritten", async () => {
  const files = createMemoryFiles();
  const store = await openStore(files);
  let largest = 0;
  for (let i = 1; i <= 120; i++) {
    await put(store, i, 20_000);
    largest = Math.max(largest, ...[...files.snapshot().values()].map((bytes) => bytes.length));
  }
  assert.ok(largest < 1_400_000, `${largest} bytes`);
  await store.close();
  assert.equal(await offsetIn(await openStore(files)), 120);
});

test("one process at a time: a folder in use is refused, and free again after closing", async () => {
  await using folder = await temporaryFolder();
  const store = await openEmbeddedOnlineStore({ folder: folder.path });
  await assert.rejects(openEmbeddedOnlineStore({ folder: folder.path }), { code: "DATA_DIR_LOCKED" });
  await store.close();
  await (await openEmbeddedOnlineStore({ folder: folder.path })).close();
});
