import assert from "node:assert/strict";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import type { BlobStore } from "../../ports/blob-store.ts";
import { openEmbeddedBlobStore } from "./blob-store.ts";
import { openEmbeddedFileCache } from "./file-cache.ts";

interface Place extends AsyncDisposable {
  readonly folder: string;
  readonly blobs: BlobStore;
  /** Files fetched so far, by digest. */
  readonly fetched: string[];
  failing: boolean;
}

async function openPlace(): Promise<Place> {
  const root = await mkdtemp(join(tmpdir(), "strata-cache-"));
  const store = await openEmbeddedBlobStore({ folder: join(root, "blobs") });
  const fetched: string[] = [];
  const place: Place = {
    folder: join(root, "cache"), fetched, failing: false,
    blobs: { ...store, getFile: async (digest, path, options) => {
      if (place.failing) throw new Error("the network is down");
      fetched.push(digest);
      return store.getFile(digest, path, options);
    } },
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
  };
  return place;
}

const blobOf = async (blobs: BlobStore, byte: number, sizeBytes: number) => ({ digest: await blobs.put(Buffer.alloc(sizeBytes, byte)), sizeBytes });

test("a blob is fetched once, shared by who asks at once, and found again after a restart", async () => {
  await using place = await openPlace();
  const blob = await blobOf(place.blobs, 1, 1_000);
  {
    await using cache = await openEmbeddedFileCache({ folder: place.folder, maxBytes: 10_000, blobs: place.blobs });
    const leases = await Promise.all([cache.lease(blob), cache.lease(blob), cache.lease(blob)]);
    assert.deepEqual(await readFile(leases[0].path), Buffer.alloc(1_000, 1));
    for (const lease of leases) lease.release();
    assert.deepEqual([...cache.contents()], [[blob.digest, 1_000]]);
  }
  await using again = await openEmbeddedFileCache({ folder: place.folder, maxBytes: 10_000, blobs: place.blobs });
  assert.equal((await again.lease(blob)).fetchedBytes, 0);
  assert.equal(place.fetched.length, 1);
  assert.deepEqual({ ...again.statistics() }, { files: 1, sizeBytes: 1_000, maxBytes: 10_000, hits: 1, misses: 0, fetchedBytes: 0, evictedFiles: 0 });
});

test("the file used longest ago goes first, one in use never", async () => {
  await using place = await openPlace();
  await using cache = await openEmbeddedFileCache({ folder: place.folder, maxBytes: 2_500, blobs: place.blobs });
  const blobs = await Promise.all([1, 2, 3, 4].map((byte) => blobOf(place.blobs, byte, 1_000)));
  const held = await cache.lease(blobs[0]!);
  for (const blob of [blobs[1]!, blobs[2]!, blobs[1]!, blobs[3]!]) (await cache.lease(blob)).release();
  await new Promise((resolve) => { setTimeout(resolve, 20); });
  assert.deepEqual(new Set(cache.contents().keys()), new Set([blobs[0]!.digest, blobs[3]!.digest]));
  assert.deepEqual(await readFile(held.path), Buffer.alloc(1_000, 1));
  const all = await Promise.all(blobs.map((blob) => cache.lease(blob))); // more than fits, all in use
  for (const [index, { path }] of all.entries()) assert.deepEqual(await readFile(path), Buffer.alloc(1_000, index + 1));
});

test("a file that was damaged while no process looked is fetched again", async () => {
  await using place = await openPlace();
  const blob = await blobOf(place.blobs, 7, 500);
  await using first = await openEmbeddedFileCache({ folder: place.folder, maxBytes: 10_000, blobs: place.blobs });
  const { path } = await first.lease(blob);
  await first.close();
  await writeFile(path, Buffer.alloc(500, 8));
  await writeFile(`${path}.x.temporary`, "half");
  await using cache = await openEmbeddedFileCache({ folder: place.folder, maxBytes: 10_000, blobs: place.blobs });
  const lease = await cache.lease(blob);
  assert.equal(lease.fetchedBytes, 500);
  assert.deepEqual(await readFile(lease.path), Buffer.alloc(500, 7));
  assert.equal((await readdir(place.folder)).length, 1);
});

test("a failed transfer is told, leaves nothing, and is tried again by the next caller", async () => {
  await using place = await openPlace();
  await using cache = await openEmbeddedFileCache({ folder: place.folder, maxBytes: 10_000, blobs: place.blobs });
  const blob = await blobOf(place.blobs, 1, 100);
  place.failing = true;
  const results = await Promise.allSettled([cache.lease(blob), cache.lease(blob)]);
  assert.deepEqual(results.map(({ status }) => status), ["rejected", "rejected"]);
  assert.deepEqual([cache.statistics().files, cache.statistics().sizeBytes], [0, 0]);
  place.failing = false;
  assert.equal((await cache.lease(blob)).fetchedBytes, 100);
  await assert.rejects(cache.lease(blob, { signal: AbortSignal.abort() }).then(() => cache.lease({ digest: "0".repeat(64), sizeBytes: 1 }, { signal: AbortSignal.abort() })), { code: "ABORTED" });
});

test("whatever is leased and released at once, a leased file holds its bytes and the rest fits", async () => {
  await fc.assert(fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 5, maxLength: 40 }), fc.integer({ min: 0, max: 3_000 }), async (choices, maxBytes) => {
    await using place = await openPlace();
    await using cache = await openEmbeddedFileCache({ folder: place.folder, maxBytes, blobs: place.blobs });
    const blobs = await Promise.all([1, 2, 3, 4, 5, 6].map((byte) => blobOf(place.blobs, byte, byte * 200)));
    await Promise.all(choices.map(async (choice) => {
      const lease = await cache.lease(blobs[choice]!);
      await new Promise((resolve) => { setImmediate(resolve); });
      assert.deepEqual(await readFile(lease.path), Buffer.alloc((choice + 1) * 200, choice + 1));
      lease.release();
    }));
    await new Promise((resolve) => { setTimeout(resolve, 15); });
    const { sizeBytes } = cache.statistics();
    assert.ok(sizeBytes <= maxBytes, `${sizeBytes} of ${maxBytes}`);
    const sizes = await Promise.all((await readdir(place.folder)).map(async (name) => (await readFile(join(place.folder, name))).length));
    assert.equal(sizes.reduce((sum, size) => sum + size, 0), sizeBytes);
  }), { numRuns: 15 });
});
