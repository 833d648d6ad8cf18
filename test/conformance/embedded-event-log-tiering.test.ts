/** Tiering of the embedded event log: what leaves the disk, what comes back, and what a crash, a full blob store or a damaged blob do. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openEmbeddedBlobStore } from "../../src/engines/embedded/blob-store.ts";
import { openEmbeddedEventLog } from "../../src/engines/embedded/event-log.ts";
import type { Files } from "../../src/engines/embedded/files.ts";
import { createManualClock } from "../../src/kernel/clock.ts";
import { createRandom } from "../../src/kernel/random.ts";
import type { TieringEventLog } from "../../src/ports/event-log.ts";
import { createFaultyFiles } from "./faulty-files.ts";
import { plain, readAll, record } from "./log-records.ts";
import { createMemoryFiles, type MemoryFiles } from "./memory-files.ts";

const RECORDS = 60;
const clock = createManualClock(1_000_000);

async function open(files: Files, at = clock): Promise<TieringEventLog> {
  const blobs = await openEmbeddedBlobStore({ folder: "/blobs", files });
  return openEmbeddedEventLog({ folder: "/data", clock: at, segmentBytes: 4_096, tailBytes: 0, files, blobs: () => blobs });
}

async function fill(log: TieringEventLog, at = clock): Promise<void> {
  for (let n = 0; n < RECORDS; n++) {
    await log.append("clicks", [record(`${n}`, Buffer.alloc(500, n))]);
    at.advance(1_000);
  }
}

const localBytes = (files: MemoryFiles): number => [...files.snapshot()].filter(([path]) => path.endsWith(".segment")).reduce((sum, [, bytes]) => sum + bytes.length, 0);

test("segments move by age, never the one being written; reading fetches them back, also after a restart", async () => {
  const files = createMemoryFiles();
  const at = createManualClock(1_000_000);
  let before;
  {
    await using log = await open(files, at);
    await fill(log, at);
    before = plain(await readAll(log, "clicks"));
    const { sizeBytes, segments } = log.statistics("clicks");
    assert.equal(await log.tier("clicks", { olderThanMs: 1e9 }), 0);
    const half = await log.tier("clicks", { olderThanMs: 30_000 });
    assert.ok(half > 0.3 * sizeBytes && half < 0.7 * sizeBytes, `${half} of ${sizeBytes} bytes`);
    const rest = await log.tier("clicks", { olderThanMs: 0 });
    assert.deepEqual(log.statistics("clicks"), { oldestOffset: 0, nextOffset: RECORDS, sizeBytes, segments, tieredBytes: half + rest });
    assert.equal(localBytes(files), sizeBytes - half - rest);
    assert.deepEqual(plain(await readAll(log, "clicks")), before);
    assert.equal((await readAll(log, "clicks", { from: { appendedAtMs: 1_010_000 } }))[0]?.id, "10");
    assert.deepEqual(await log.verify("clicks"), []);
  }
  await using log = await open(files, at);
  assert.deepEqual(plain(await readAll(log, "clicks")), before);
  const dropped = await log.retain("clicks", { maxAgeMs: 30_000 });
  assert.ok(dropped > 20 && dropped <= 31);
  assert.deepEqual((await readAll(log, "clicks", { from: { offset: dropped } })).map(({ offset }) => offset), Array.from({ length: RECORDS - dropped }, (_, n) => n + dropped));
  await log.retain("clicks", { maxBytes: 0 });
  assert.equal([...files.snapshot().keys()].filter((path) => path.startsWith("/blobs/")).length, 0, "blobs of dropped segments are gone");
  assert.equal(log.statistics("clicks").tieredBytes, undefined);
});

test("a kill or a power loss after any change of the disk leaves every record readable", async () => {
  const filled = createMemoryFiles();
  {
    await using log = await open(filled);
    await fill(log);
  }
  const disks: MemoryFiles[] = [];
  const random = createRandom("tiering");
  let files: MemoryFiles | undefined;
  files = createMemoryFiles(filled.snapshot(), () => {
    if (files !== undefined) disks.push(files.kill(), files.crash(random));
  });
  let before;
  {
    await using log = await open(files);
    before = plain(await readAll(log, "clicks"));
    await log.tier("clicks", { olderThanMs: -1 });
    await log.append("clicks", [record("after")]);
  }
  assert.ok(disks.length > 100, `${disks.length} disks`);
  for (const [at, disk] of disks.entries()) {
    await using log = await open(disk);
    const found = plain(await readAll(log, "clicks"));
    assert.deepEqual(found.slice(0, RECORDS), before, `disk ${at}`);
    assert.deepEqual(await log.verify("clicks").then((damages) => damages.filter(({ kind }) => kind === "corrupt")), [], `disk ${at}`);
    await log.tier("clicks", { olderThanMs: -1 });
    assert.deepEqual(plain(await readAll(log, "clicks")).slice(0, RECORDS), before, `disk ${at}, tiered again`);
  }
});

test("a blob store that refuses leaves the segment on the disk; a damaged blob is told, never served", async () => {
  const memory = createMemoryFiles();
  const files = createFaultyFiles(memory);
  await using log = await open(files);
  await fill(log);
  const before = plain(await readAll(log, "clicks"));
  files.fail("datasync", { path: "/blobs/" });
  await assert.rejects(log.tier("clicks", { olderThanMs: -1 }));
  assert.deepEqual(plain(await readAll(log, "clicks")), before);
  files.fail("rename", { path: "tiered" });
  await assert.rejects(log.tier("clicks", { olderThanMs: -1 }));
  assert.deepEqual(plain(await readAll(log, "clicks")), before);
  assert.equal(log.statistics("clicks").tieredBytes, undefined);
  assert.ok(await log.tier("clicks", { olderThanMs: -1 }) > 0);

  const disk = new Map(memory.snapshot());
  const blob = [...disk.keys()].find((path) => path.startsWith("/blobs/"))!;
  disk.get(blob)![100]! ^= 1;
  await using damaged = await open(createMemoryFiles(disk));
  await assert.rejects(readAll(damaged, "clicks"), { code: "LOG_CORRUPT" });
  const [damage] = await damaged.verify("clicks");
  assert.match(damage!.reason, /does not match its digest/);
});
