/** Local files of the lake that were cut, flipped or removed: written again from the log, or refused by name; never read. */
import assert from "node:assert/strict";
import { readFile, readdir, rm, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { z } from "zod";
import { defineStream } from "../../define/index.ts";
import type { Stream } from "../../define/index.ts";
import { isStrataError } from "../../kernel/errors.ts";
import { createRandom } from "../../kernel/random.ts";
import { clicks, openPlace, read, rowsOf, users } from "./lake-place.test.ts";
import type { Place } from "./lake-place.test.ts";

async function onlyFile(place: Place): Promise<string> {
  const folder = join(place.folder, "clicks");
  const names = await readdir(folder);
  assert.equal(names.length, 1, names.join());
  return join(folder, names[0]!);
}

async function flip(path: string, at: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[at]! ^= 4;
  await writeFile(path, bytes);
}

const wider = defineStream("clicks", { schema: clicks.schema.extend({ extra: z.string().optional() }) }) as Stream;

test("whatever happened to a file, its rows are the same afterwards, and the log's copy of them is what gives them back", async () => {
  await using place = await openPlace({ rowsPerFile: 500 });
  await place.append("clicks", users(400).map((row, n) => ({ ...row, n })));
  await using lake = await place.openLake();
  await lake.flush();
  const snapshot = await lake.snapshot();
  const truth = rowsOf(await read(lake, snapshot));
  const random = createRandom("lake-damage");
  for (const kind of ["bit", "bit", "bit", "cut", "gone"]) {
    const path = await onlyFile(place);
    const { length } = await readFile(path);
    if (kind === "gone") await rm(path);
    else if (kind === "cut") await truncate(path, random.integer(length));
    else await flip(path, random.integer(length));
    assert.deepEqual(rowsOf(await read(lake, snapshot)), truth, kind);
    assert.equal((await lake.verify())[0]!.mended.length, 0, `${kind}: mended before`);
  }
  assert.equal((await lake.snapshot()).id, snapshot.id, "the same contents");
});

test("what the log cannot give back is refused with its name and offsets, and is not moved, merged or read", async () => {
  await using place = await openPlace({ rowsPerFile: 500 });
  await place.append("clicks", users(100));
  await using lake = await place.openLake();
  await lake.flush();
  const snapshot = await lake.snapshot();
  place.streams = new Map([["clicks", wider]]);
  await flip(await onlyFile(place), 300);
  await assert.rejects(read(lake, snapshot, ["who"]), (thrown) => isStrataError(thrown) && thrown.code === "LAKE_FILE_DAMAGED"
    && thrown.details["fromOffset"] === 0 && thrown.details["toOffset"] === 100 && /bytes do not match.*schema has other fields now/.test(thrown.message));
  const [verified] = await lake.verify();
  assert.deepEqual(verified!.damaged.map(({ code, fromOffset, toOffset }) => ({ code, fromOffset, toOffset })), [{ code: "LAKE_FILE_DAMAGED", fromOffset: 0, toOffset: 100 }]);
  place.streams = new Map([["clicks", defineStream("clicks", { schema: clicks.schema, storage: { warmAfter: "1ms" } }) as Stream]]);
  await rm(await onlyFile(place)); // with the schema it was written by, the file comes back
  assert.equal((await lake.verify())[0]!.mended.length, 1);
  assert.equal((await read(lake, snapshot)).rows, 100);
});

test("a change while the process runs is noticed by size or time; an untouched file is looked at once", async () => {
  await using place = await openPlace({ rowsPerFile: 500 });
  await place.append("clicks", users(50));
  await using lake = await place.openLake();
  await lake.flush();
  const snapshot = await lake.snapshot();
  await read(lake, snapshot);
  const path = await onlyFile(place);
  const bytes = await readFile(path);
  const other = new Date(Date.now() - 60_000);
  bytes[bytes.length >> 1]! ^= 1;
  await writeFile(path, bytes);
  await utimes(path, other, other);
  assert.equal((await read(lake, snapshot)).rows, 50);
  assert.notDeepEqual(await readFile(path), bytes, "it was written again");
});

test("where the blob store has the bytes, a damaged local copy is dropped", async () => {
  await using place = await openPlace({ rowsPerFile: 500, durable: "blob" });
  await place.append("clicks", users(50));
  await using lake = await place.openLake();
  await lake.flush();
  const snapshot = await lake.snapshot();
  await flip(await onlyFile(place), 200);
  assert.equal((await read(lake, snapshot)).rows, 50);
  assert.equal(place.fetched.length, 1);
  assert.deepEqual(await readdir(join(place.folder, "clicks")), []);
});

test("verification looks at the blob store too, and does not repeat what a copy in the cache says", async () => {
  await using place = await openPlace({ rowsPerFile: 500, durable: "blob" });
  await place.append("clicks", users(50));
  await using lake = await place.openLake();
  await lake.flush();
  const [blob] = (await readdir(place.blobFolder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  await flip(join(blob!.parentPath, blob!.name), 100);
  const [verified] = await lake.verify();
  assert.deepEqual(verified!.damaged.map(({ code }) => code), ["BLOB_CORRUPT"]);
});
