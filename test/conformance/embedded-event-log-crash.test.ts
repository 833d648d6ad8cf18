/**
 * Power loss at every moment: a workload runs on a file system that knows what is durable, and after each of its
 * operations the disk is examined as a power loss could leave it. Failing syncs are part of the workload.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { openEmbeddedEventLog } from "../../src/engines/embedded/event-log.ts";
import type { Files } from "../../src/engines/embedded/files.ts";
import { createManualClock } from "../../src/kernel/clock.ts";
import { createRandom, type Random } from "../../src/kernel/random.ts";
import type { EventLog, NewRecord } from "../../src/ports/event-log.ts";
import { readAll, record } from "./log-records.ts";
import { createFaultyFiles } from "./faulty-files.ts";
import { createMemoryFiles, type MemoryFiles } from "./memory-files.ts";

type Step =
  | { readonly kind: "append"; readonly sizes: readonly (readonly number[])[] }
  | { readonly kind: "commit" | "retain" | "reopen" }
  | { readonly kind: "fail"; readonly operation: "write" | "datasync" };

/** What the callers of the log had been told at some moment. */
interface Told {
  /** By offset. */
  readonly acknowledged: readonly string[];
  readonly rejected: readonly string[];
  readonly checkpoint: number;
}

interface Moment extends Told {
  readonly disk: MemoryFiles;
}

const sizes = fc.array(fc.array(fc.integer({ min: 0, max: 1_400 }), { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("append"), sizes }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("commit", "retain", "reopen") }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("fail"), operation: fc.constantFrom("write", "datasync") }) },
);

const open = (files: Files): Promise<EventLog> => openEmbeddedEventLog({ folder: "/data", clock: createManualClock(1), segmentBytes: 2_500, files });

test("whenever the power goes, what was acknowledged is there, what was rejected is not, and the log goes on", async () => {
  let moments = 0;
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 8 }), fc.integer(), async (steps, seed) => {
    const random = createRandom(seed);
    for (const moment of await runWorkload(steps, random)) {
      await checkMoment(moment, random);
      moments++;
    }
  }), { numRuns: 25 });
  assert.ok(moments > 150, `only ${moments} moments were examined`);
});

async function runWorkload(steps: readonly Step[], random: Random): Promise<readonly Moment[]> {
  const told = { acknowledged: [] as string[], rejected: [] as string[], checkpoint: 0 };
  const moments: Moment[] = [];
  const memory = createMemoryFiles([], () => {
    moments.push({ disk: memory.crash(random), acknowledged: [...told.acknowledged], rejected: [...told.rejected], checkpoint: told.checkpoint });
  });
  const files = createFaultyFiles(memory);
  let log = await open(files);
  for (const [i, step] of steps.entries()) {
    if (step.kind === "append") await Promise.all(step.sizes.map((sizes, j) => appendTold(log, told, recordsOf(`${i}.${j}`, sizes))));
    if (step.kind === "fail") files.fail(step.operation, { path: ".segment" });
    if (step.kind === "retain") await log.retain("clicks", { maxBytes: 4_000 });
    if (step.kind === "commit") {
      const offset = log.statistics("clicks").nextOffset;
      await log.commit("clicks", "lake", offset);
      told.checkpoint = offset;
    }
    if (step.kind === "reopen") {
      await log.close();
      log = await open(files);
    }
  }
  await log.close();
  return moments;
}

function recordsOf(prefix: string, sizes: readonly number[]): readonly NewRecord[] {
  return sizes.map((size, i) => record(`${prefix}.${i}`, Buffer.alloc(size, i + 1)));
}

async function appendTold(log: EventLog, told: { acknowledged: string[]; rejected: string[] }, records: readonly NewRecord[]): Promise<void> {
  try {
    const { baseOffset } = await log.append("clicks", records);
    for (const [i, { id }] of records.entries()) told.acknowledged[baseOffset + i] = id;
  } catch {
    told.rejected.push(...records.map(({ id }) => id));
  }
}

async function checkMoment(moment: Moment, random: Random): Promise<void> {
  const log = await open(moment.disk);
  const { oldestOffset, nextOffset } = log.statistics("clicks");
  const found = (await readAll(log, "clicks", { from: { offset: oldestOffset } })).map((one) => one.id);
  assert.equal(found.length, nextOffset - oldestOffset);
  assert.deepEqual(found.slice(0, Math.max(0, moment.acknowledged.length - oldestOffset)), moment.acknowledged.slice(oldestOffset));
  assert.equal(new Set(found).size, found.length);
  assert.deepEqual(found.filter((id) => moment.rejected.includes(id)), []);
  assert.ok(log.checkpoint("clicks", "lake") >= moment.checkpoint && log.checkpoint("clicks", "lake") <= nextOffset);
  assert.ok((await log.verify("clicks")).every((damage) => damage.kind === "torn-tail"));
  await log.append("clicks", [record("after")]);
  await using again = await open(moment.disk.crash(random));
  assert.deepEqual((await readAll(again, "clicks", { from: { offset: oldestOffset } })).map((one) => one.id), [...found, "after"]);
}
