/**
 * What the embedded event log makes of damaged files: whatever is cut or flipped, it serves the right records or
 * says that they are damaged.
 */
import assert from "node:assert/strict";
import { basename } from "node:path";
import { test } from "node:test";
import { openEmbeddedEventLog } from "../../src/engines/embedded/event-log.ts";
import type { Files } from "../../src/engines/embedded/files.ts";
import { createManualClock } from "../../src/kernel/clock.ts";
import { isStrataError } from "../../src/kernel/errors.ts";
import { createRandom } from "../../src/kernel/random.ts";
import type { EventLog, LogRecord, NewRecord } from "../../src/ports/event-log.ts";
import { plain, readAll, recordsNamed } from "./log-records.ts";
import { createMemoryFiles, type MemoryFiles } from "./memory-files.ts";

/** Two groups of one append, then a group of three: the last acknowledgement covers three batches. */
const GROUPS: readonly (readonly (readonly NewRecord[])[])[] = [
  [recordsNamed("a", 3)], [recordsNamed("b", 2)], [recordsNamed("c", 1), recordsNamed("d", 2), recordsNamed("e", 1)],
];
const ALL = GROUPS.flat(2);
/** Records acknowledged before the last group was written. */
const PROVEN = 5;

interface Image {
  readonly files: ReadonlyMap<string, Buffer>;
  readonly segment: string;
  readonly bytes: Buffer;
  /** File positions at which groups start, and the end. */
  readonly starts: readonly number[];
}

const FOLDER = "/data";

const open = (files: Files): Promise<EventLog> => openEmbeddedEventLog({ folder: FOLDER, clock: createManualClock(1), tailBytes: 0, files });

/** The same log as a kill leaves it, and as a clean close leaves it. */
async function makeImages(): Promise<{ crashed: Image; closed: Image }> {
  const files = createMemoryFiles();
  const starts = [0];
  const log = await open(files);
  for (const group of GROUPS) {
    await Promise.all(group.map((records) => log.append("clicks", records)));
    starts.push(log.statistics("clicks").sizeBytes);
  }
  const crashed = imageOf(files.snapshot(), starts);
  await log.close();
  return { crashed, closed: imageOf(files.snapshot(), starts) };
}

function imageOf(files: ReadonlyMap<string, Buffer>, starts: readonly number[]): Image {
  const segment = segmentsOf(files)[0]!;
  return { files, segment, starts, bytes: files.get(segment)! };
}

function segmentsOf(files: ReadonlyMap<string, Buffer>): readonly string[] {
  return [...files.keys()].filter((path) => path.endsWith(".segment")).toSorted();
}

/** A disk like the image's, with other bytes in its one segment. */
function withBytes({ files, segment }: Image, bytes: Buffer): MemoryFiles {
  return createMemoryFiles([...files, [segment, bytes]]);
}

interface Outcome {
  readonly records: readonly LogRecord[];
  /** How reading from the start ended, if not at the end of the log. */
  readonly code: string | undefined;
}

async function readUntilError(log: EventLog, offset: number): Promise<Outcome> {
  const records: LogRecord[] = [];
  try {
    for await (const batch of log.read("clicks", { from: { offset } })) records.push(...batch.records);
    return { records, code: undefined };
  } catch (thrown) {
    assert.ok(isStrataError(thrown), String(thrown));
    return { records, code: thrown.code };
  }
}

function assertRight(outcome: Outcome, offset: number): void {
  assert.deepEqual(plain(outcome.records), plain(ALL.slice(offset, offset + outcome.records.length)));
}

test("a tail cut at any byte of the last group loses nothing that was acknowledged before, and the log goes on", async () => {
  const images = await makeImages();
  const { bytes, starts } = images.crashed;
  for (let length = starts[2]!; length < bytes.length; length++) {
    await using log = await open(withBytes(images.crashed, bytes.subarray(0, length)));
    const { records, code } = await readUntilError(log, 0);
    assertRight({ records, code }, 0);
    assert.equal(code, undefined);
    assert.ok(records.length >= PROVEN, `cut at ${length} left ${records.length} records`);
    const damage = await log.verify("clicks");
    assert.equal(damage.every((one) => one.kind === "torn-tail"), true);
    assert.ok(damage.length <= 1 && (await log.verify("clicks")).length === 0, "a torn tail is reported once");
    assert.deepEqual(await log.append("clicks", recordsNamed("next", 1)), { baseOffset: records.length, nextOffset: records.length + 1 });
    assert.equal((await readAll(log, "clicks")).at(-1)?.id, "next0");
  }
});

test("after a crash any flipped bit is noticed or harmless: records of the last group may go, others never silently", async () => {
  const images = await makeImages();
  const { bytes } = images.crashed;
  const random = createRandom("flips");
  for (let position = 0; position < bytes.length; position += 2) {
    await using log = await open(withBytes(images.crashed, flipped(bytes, position, random.integer(8))));
    const outcome = await readUntilError(log, 0);
    assertRight(outcome, 0);
    const damage = await log.verify("clicks");
    assert.equal(damage.length, 1, `byte ${position}: one damage`);
    const inLastGroup = position >= images.crashed.starts[2]!;
    assert.equal(damage[0]?.kind, inLastGroup ? "torn-tail" : "corrupt", `byte ${position}`);
    assert.equal(outcome.code, inLastGroup ? undefined : "LOG_CORRUPT");
    assert.ok(!inLastGroup || outcome.records.length >= PROVEN);
    const later = await readUntilError(log, PROVEN);
    assertRight(later, PROVEN);
    assert.ok(inLastGroup || later.records.length === ALL.length - PROVEN, "what follows the damage can still be read by offset");
  }
});

test("after a clean close any flipped bit is noticed: nothing acknowledged goes silently, and new records follow the old ones", async () => {
  const images = await makeImages();
  const { bytes } = images.closed;
  const random = createRandom("flips after close");
  for (let position = 0; position < bytes.length; position += 3) {
    await using log = await open(withBytes(images.closed, flipped(bytes, position, random.integer(8))));
    for (const offset of [0, PROVEN, ALL.length - 1]) assertRight(await readUntilError(log, offset), offset);
    assert.equal((await readUntilError(log, 0)).code, "LOG_CORRUPT", `byte ${position}`);
    assert.deepEqual((await log.verify("clicks")).map((one) => one.kind), ["corrupt"]);
    assert.deepEqual(await log.append("clicks", recordsNamed("next", 1)), { baseOffset: ALL.length, nextOffset: ALL.length + 1 });
    assert.deepEqual((await readUntilError(log, ALL.length)).records.map((one) => one.id), ["next0"]);
  }
});

test("after a clean close a shortened file is noticed, and lost offsets are not given out again", async () => {
  const images = await makeImages();
  for (const length of [0, 1, 55, ...images.closed.starts.slice(1, -1), images.closed.bytes.length - 1]) {
    const files = withBytes(images.closed, images.closed.bytes.subarray(0, length));
    {
      await using log = await open(files);
      const outcome = await readUntilError(log, 0);
      assertRight(outcome, 0);
      assert.equal(outcome.code, "LOG_CORRUPT", `cut to ${length}`);
      assert.equal((await log.append("clicks", recordsNamed("next", 1))).baseOffset, ALL.length);
    }
    await using again = await open(files);
    assert.deepEqual((await readUntilError(again, ALL.length)).records.map((one) => one.id), ["next0"]);
    assert.equal((await again.verify("clicks"))[0]?.kind, "corrupt");
  }
});

test("pages of a torn group that reached the disk out of order are cut, not taken for damage", async () => {
  const images = await makeImages();
  const { bytes, starts } = images.crashed;
  const torn = Buffer.from(bytes);
  torn.fill(0, starts[2], starts[2]! + 80); // the first batch of the last group is lost, those after it are whole
  await using log = await open(withBytes(images.crashed, torn));
  assert.equal((await readAll(log, "clicks")).length, PROVEN);
  assert.deepEqual((await log.verify("clicks")).map((one) => [one.kind, one.position]), [["torn-tail", starts[2]]]);
});

test("zeros after the last batch, as some file systems leave them, are cut", async () => {
  const images = await makeImages();
  await using log = await open(withBytes(images.crashed, Buffer.concat([images.crashed.bytes, Buffer.alloc(4_096)])));
  assert.equal((await readAll(log, "clicks")).length, ALL.length);
  assert.equal((await log.verify("clicks")).length, 1);
});

test("a payload that imitates a batch is never taken for one, not even where a header is damaged", async () => {
  const images = await makeImages();
  const files = createMemoryFiles();
  const log = await open(files);
  const imitation = images.crashed.bytes; // whole batches of another segment
  for (let shift = 0; shift < 8; shift++) await log.append("clicks", [{ id: "imitation", timeMs: 0, knownAtMs: 0, payload: Buffer.concat([Buffer.alloc(shift), imitation]) }]);
  await log.append("clicks", recordsNamed("last", 1));
  await log.close();
  const image = imageOf(files.snapshot(), []);
  await using again = await open(withBytes(image, flipped(image.bytes, 20, 1))); // in the first header
  assert.deepEqual((await again.verify("clicks")).map((one) => one.position), [0]);
  await assert.rejects(readAll(again, "clicks"), { code: "LOG_CORRUPT" });
  assert.deepEqual((await readAll(again, "clicks", { from: { offset: 8 } })).map((one) => one.id), ["last0"]);
});

test("damage in an older segment stops a read there and leaves the other segments alone", async () => {
  const files = createMemoryFiles();
  const openSmall = (on: Files): Promise<EventLog> => openEmbeddedEventLog({ folder: FOLDER, clock: createManualClock(1), segmentBytes: 1_000, files: on });
  const log = await openSmall(files);
  for (let i = 0; i < 30; i++) await log.append("clicks", recordsNamed(`${i}-`, 2));
  await log.close();
  const contents = files.snapshot();
  const [, second = "", third = ""] = segmentsOf(contents);
  await using again = await openSmall(createMemoryFiles([...contents, [second, contents.get(second)!.subarray(0, -1)]]));
  const [secondBase, thirdBase] = [second, third].map((path) => Number(basename(path).slice(0, 16))) as [number, number];
  const outcome = await readUntilError(again, 0);
  assert.equal(outcome.code, "LOG_CORRUPT");
  assert.ok(outcome.records.length >= secondBase && outcome.records.length < thirdBase);
  assert.equal((await readAll(again, "clicks", { from: { offset: thirdBase } })).length, 60 - thirdBase);
  assert.deepEqual((await again.verify("clicks")).map((one) => one.file), [second]);
});

test("a damaged checkpoint file costs repeated reading, never records", async () => {
  const files = createMemoryFiles();
  {
    await using log = await open(files);
    await log.append("clicks", recordsNamed("a", 10));
    for (let i = 1; i <= 10; i++) await log.commit("clicks", "lake", i);
  }
  const contents = files.snapshot();
  const bytes = contents.get(`${FOLDER}/checkpoints`)!;
  for (let position = 0; position < bytes.length; position += 2) {
    await using log = await open(createMemoryFiles([...contents, [`${FOLDER}/checkpoints`, flipped(bytes, position, position % 8)]]));
    const checkpoint = log.checkpoint("clicks", "lake");
    assert.ok(checkpoint <= 10 && checkpoint >= 8, `byte ${position}: ${checkpoint}`); // a flipped line end takes two lines
    assert.equal((await readAll(log, "clicks")).length, 10);
  }
});

function flipped(bytes: Buffer, position: number, bit: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[position] = copy[position]! ^ (1 << bit);
  return copy;
}
