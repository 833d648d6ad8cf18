/** The blob store's contract as tests: `blobStoreConformance(engine, newPlace)` declares them for one engine. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { sha256 } from "../../src/kernel/hash.ts";
import type { BlobStore } from "../../src/ports/blob-store.ts";
import { caseDeclarer, type Skips } from "./cases.ts";
import { temporaryFolder } from "./temporary-folder.ts";

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

  declare("takes files and gives them back, the same blobs as bytes, over what lay at the path", async () => {
    await using place = await newPlace();
    await using folder = await temporaryFolder();
    const store = await place.open();
    let number = 0;
    await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 3_000 }), async (bytes) => {
      const [from, to] = [join(folder.path, `from ${number}`), join(folder.path, `to ${number++}`)];
      await writeFile(from, bytes);
      if (number % 2 === 0) await writeFile(to, "something older");
      const stored = await store.putFile(from);
      assert.deepEqual(stored, { digest: sha256(bytes), sizeBytes: bytes.length });
      assert.deepEqual([...await store.get(stored.digest)], [...bytes]);
      assert.deepEqual(await (await place.open()).getFile(stored.digest, to), stored);
      assert.deepEqual([...await readFile(to)], [...bytes]);
      assert.equal(await store.put(bytes), stored.digest);
    }), { numRuns: 12 });
    assert.deepEqual((await readdir(folder.path)).filter((name) => !/^(?:from|to) \d+$/.test(name)), []);
  });

  declare("moves a large file without holding it in memory, also to several paths at once", async () => {
    await using place = await newPlace();
    await using folder = await temporaryFolder();
    const store = await place.open();
    const from = join(folder.path, "large");
    const bytes = Buffer.alloc(20_000_003, "a piece that is no divisor of any buffer's size;");
    await writeFile(from, bytes);
    const [{ digest, sizeBytes }] = await Promise.all([store.putFile(from), store.putFile(from)]);
    assert.deepEqual([digest, sizeBytes], [createHash("sha256").update(bytes).digest("hex"), bytes.length]);
    const targets = ["one", "two"].map((name) => join(folder.path, name));
    await Promise.all([...targets, ...targets].map((path) => store.getFile(digest, path)));
    for (const path of targets) assert.ok(bytes.equals(await readFile(path)));
    assert.deepEqual((await readdir(folder.path)).toSorted(), ["large", "one", "two"]);
  });

  declare("refuses files that are not there, and leaves the path alone when a blob is not", async () => {
    await using place = await newPlace();
    await using folder = await temporaryFolder();
    const store = await place.open();
    const path = join(folder.path, "kept");
    await writeFile(path, "kept");
    await assert.rejects(store.putFile(join(folder.path, "nothing")), { code: "FILE_NOT_FOUND" });
    await mkdir(join(folder.path, "folder"));
    await assert.rejects(store.putFile(join(folder.path, "folder")));
    for (const digest of [sha256("never"), "", "../../etc/passwd"]) await assert.rejects(store.getFile(digest, path), { code: "BLOB_NOT_FOUND" });
    const { digest } = await store.putFile(path);
    await assert.rejects(store.putFile(path, { signal: AbortSignal.abort() }), { code: "ABORTED" });
    await assert.rejects(store.getFile(digest, join(folder.path, "new"), { signal: AbortSignal.abort() }), { code: "ABORTED" });
    await store.delete(digest);
    await assert.rejects(store.getFile(digest, path), { code: "BLOB_NOT_FOUND" });
    assert.equal(await readFile(path, "utf8"), "kept");
    assert.deepEqual((await readdir(folder.path)).toSorted(), ["folder", "kept"]);
  });
}
