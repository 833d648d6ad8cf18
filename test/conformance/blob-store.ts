/** The blob store's contract as tests: `blobStoreConformance(engine, newPlace)` declares them for one engine. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { sha256 } from "../../src/kernel/hash.ts";
import type { BlobStore } from "../../src/ports/blob-store.ts";
import { caseDeclarer, type Skips } from "./cases.ts";

export interface BlobStorePlace extends AsyncDisposable {
  /** Opens the same data each time, as after a restart. */
  open(): Promise<BlobStore>;
}

export function blobStoreConformance(engine: string, newPlace: () => Promise<BlobStorePlace>, skips: Skips = {}): void {
  const declare = caseDeclarer(`${engine} blob store`, skips);

  declare("gives back any bytes by their SHA-256, also after a restart", async () => {
    await using place = await newPlace();
    const store = await place.open();
    await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 2_000 }), async (bytes) => {
      const digest = await store.put(bytes);
      assert.equal(digest, sha256(bytes));
      assert.deepEqual([...await store.get(digest)], [...bytes]);
      assert.equal(await (await place.open()).has(digest), true);
    }), { numRuns: 20 });
  });

  declare("takes large blobs, and the same blob from several callers at once", async () => {
    await using place = await newPlace();
    const store = await place.open();
    const bytes = Buffer.alloc(3_000_000, "strata");
    const digests = await Promise.all([store.put(bytes), store.put(bytes), store.put(Buffer.from(bytes))]);
    assert.deepEqual(new Set(digests), new Set([sha256(bytes)]));
    assert.ok(bytes.equals(await store.get(digests[0])));
  });

  declare("knows nothing of what was not put, or is not an address", async () => {
    await using place = await newPlace();
    const store = await place.open();
    for (const digest of [sha256("never"), "", "../../etc/passwd", "ab", sha256("never").toUpperCase()]) {
      assert.equal(await store.has(digest), false);
      await assert.rejects(store.get(digest), { code: "BLOB_NOT_FOUND" });
      await store.delete(digest);
    }
  });

  declare("forgets a deleted blob, and takes it again", async () => {
    await using place = await newPlace();
    const store = await place.open();
    const digest = await store.put(Buffer.from("once"));
    await store.delete(digest);
    assert.equal(await store.has(digest), false);
    await assert.rejects(store.get(digest), { code: "BLOB_NOT_FOUND" });
    assert.equal(await store.put(Buffer.from("once")), digest);
    assert.equal(Buffer.from(await store.get(digest)).toString(), "once");
  });
}
