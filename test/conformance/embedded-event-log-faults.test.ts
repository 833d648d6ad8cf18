/** What the embedded event log does when the disk refuses: nothing rejected is ever served, everything acknowledged stays. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openEmbeddedEventLog } from "../../src/engines/embedded/event-log.ts";
import type { Files } from "../../src/engines/embedded/files.ts";
import { createManualClock } from "../../src/kernel/clock.ts";
import { createRandom } from "../../src/kernel/random.ts";
import type { EventLog } from "../../src/ports/event-log.ts";
import { readAll, recordsNamed } from "./log-records.ts";
import { createFaultyFiles, type FaultyFiles, type FaultyOperation } from "./faulty-files.ts";
import { createMemoryFiles, type MemoryFiles } from "./memory-files.ts";

const open = (files: Files): Promise<EventLog> => openEmbeddedEventLog({ folder: "/data", clock: createManualClock(1), segmentBytes: 2_000, files });

function disk(): { memory: MemoryFiles; files: FaultyFiles } {
  const memory = createMemoryFiles();
  return { memory, files: createFaultyFiles(memory) };
}

const failed = { code: "LOG_WRITE_FAILED" };

async function idsOf(log: EventLog): Promise<readonly string[]> {
  return (await readAll(log, "clicks")).map((record) => record.id);
}

for (const operation of ["write", "datasync"] satisfies FaultyOperation[]) {
  test(`a failed ${operation} rejects the group and only the group; later appends go to a new segment`, async () => {
    const { memory, files } = disk();
    const log = await open(files);
    await log.append("clicks", recordsNamed("kept", 2));
    files.fail(operation, { path: "segment" });
    await Promise.all(["lost-a", "lost-b"].map((name) => assert.rejects(log.append("clicks", recordsNamed(name, 2)), failed)));
    assert.deepEqual([log.statistics("clicks").nextOffset, log.pendingBytes()], [2, 0]);
    assert.deepEqual(await log.append("clicks", recordsNamed("next", 1)), { baseOffset: 2, nextOffset: 3 });
    assert.equal(log.statistics("clicks").segments, 2);
    assert.deepEqual(await idsOf(log), ["kept0", "kept1", "next0"]);
    await using afterKill = await open(memory.kill());
    assert.deepEqual(await idsOf(afterKill), ["kept0", "kept1", "next0"]);
    assert.deepEqual(await afterKill.verify("clicks"), []);
    await log.close();
  });
}

test("what was rejected does not come back after a power loss either", async () => {
  const { memory, files } = disk();
  await using log = await open(files);
  await log.append("clicks", recordsNamed("kept", 1));
  files.fail("datasync", { path: "segment" });
  await assert.rejects(log.append("clicks", recordsNamed("lost", 1)), failed);
  for (let seed = 0; seed < 50; seed++) {
    await using afterLoss = await open(memory.crash(createRandom(seed)));
    assert.deepEqual(await idsOf(afterLoss), ["kept0"]);
  }
});

test("a failure of the very first write leaves nothing behind", async () => {
  const { memory, files } = disk();
  await using log = await open(files);
  files.fail("datasync", { path: "segment" });
  await assert.rejects(log.append("clicks", recordsNamed("lost", 1)), failed);
  assert.deepEqual(await idsOf(log), []);
  assert.deepEqual([...memory.snapshot().keys()].filter((path) => path.endsWith("segment")), []);
  assert.deepEqual(await log.append("clicks", recordsNamed("first", 1)), { baseOffset: 0, nextOffset: 1 });
  assert.deepEqual(await idsOf(log), ["first0"]);
});

test("a new segment that cannot be made rejects the append and is tried again", async () => {
  for (const operation of ["create", "syncFolder"] satisfies FaultyOperation[]) {
    const { memory, files } = disk();
    const log = await open(files);
    await log.append("clicks", recordsNamed("kept", 2));
    files.fail(operation, { path: "clicks" });
    if (operation === "syncFolder") files.fail("remove", { path: "clicks" }); // the empty file stays
    const big = [{ ...recordsNamed("big", 1)[0]!, payload: Buffer.alloc(2_000) }];
    await assert.rejects(log.append("clicks", big), failed);
    assert.equal((await log.append("clicks", big)).baseOffset, 2);
    assert.deepEqual(await idsOf(log), ["kept0", "kept1", "big0"]);
    await using afterKill = await open(memory.kill());
    assert.deepEqual(await idsOf(afterKill), ["kept0", "kept1", "big0"]);
    assert.equal(afterKill.statistics("clicks").segments, 2);
    assert.equal(files.planned(), 0);
    await log.close();
  }
});

test("while the file cannot be cut back, appends are refused; when it can, they go on", async () => {
  const { files } = disk();
  await using log = await open(files);
  await log.append("clicks", recordsNamed("kept", 1));
  files.fail("datasync", { path: "segment" });
  files.fail("truncate", { times: 2 });
  await assert.rejects(log.append("clicks", recordsNamed("lost-a", 1)), failed);
  await assert.rejects(log.append("clicks", recordsNamed("lost-b", 1)), failed);
  assert.deepEqual(await idsOf(log), ["kept0"]);
  await log.append("clicks", recordsNamed("next", 1));
  assert.deepEqual(await idsOf(log), ["kept0", "next0"]);
});

test("a follower waits through a failed append and sees only what was acknowledged", async () => {
  const { files } = disk();
  await using log = await open(files);
  const reading = log.read("clicks", { from: { offset: 0 }, follow: true })[Symbol.asyncIterator]();
  const waiting = reading.next();
  files.fail("datasync", { path: "segment" });
  await assert.rejects(log.append("clicks", recordsNamed("lost", 1)), failed);
  await log.append("clicks", recordsNamed("kept", 1));
  const step = await waiting;
  assert.deepEqual(step.done ? [] : step.value.records.map((record) => [record.offset, record.id]), [[0, "kept0"]]);
});

test("a checkpoint that cannot be stored is rejected and not shown; the next one is stored", async () => {
  for (const operation of ["write", "datasync", "rename", "syncFolder"] satisfies FaultyOperation[]) {
    const { memory, files } = disk();
    const log = await open(files);
    await log.append("clicks", recordsNamed("a", 9));
    if (operation === "write" || operation === "datasync") await log.commit("clicks", "lake", 1); // so that the file is there to be extended
    const before = log.checkpoint("clicks", "lake");
    files.fail(operation);
    await assert.rejects(log.commit("clicks", "lake", 5), failed);
    assert.equal(log.checkpoint("clicks", "lake"), before);
    await log.commit("clicks", "lake", 6);
    await using afterKill = await open(memory.kill());
    assert.equal(afterKill.checkpoint("clicks", "lake"), 6);
    assert.equal(files.planned(), 0);
    await log.close();
  }
});

test("one writer per folder", async () => {
  const { files } = disk();
  const log = await open(files);
  await assert.rejects(open(files), { code: "DATA_DIR_LOCKED" });
  await log.close();
  await (await open(files)).close();
});
