/** A derivation that dies between any two changes of the disk goes on as if nothing had happened: no output is missing, none is there twice, and a run from the beginning makes every byte again. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createRandom } from "../../kernel/random.ts";
import type { LogRecord } from "../../ports/event-log.ts";
import { createFaultyFiles } from "../../../test/conformance/faulty-files.ts";
import { createMemoryFiles, type MemoryFiles } from "../../../test/conformance/memory-files.ts";
import { deadLetterLog } from "../ingestion/dead-letter.ts";
import { DERIVED, openDerivationKit, planOf, type DerivationKit, type Plan } from "./derivation-kit.test.ts";

const plan = planOf("exactly once", 60);

const plainRecord = ({ id, timeMs, knownAtMs, payload }: LogRecord) => `${id} ${timeMs} ${knownAtMs} ${Buffer.from(payload).toString()}`;

/** Outputs by stream. Pairs and enriched events may come in another order when a crash changes how two streams interleave; the others may not. */
async function outputsOf(kit: DerivationKit): Promise<Record<string, readonly string[]>> {
  const found: Record<string, readonly string[]> = {};
  for (const stream of DERIVED) found[stream] = (await kit.records(stream)).map(plainRecord);
  return found;
}

/** Everything was fed, applied, and what the silence closes is closed. */
async function finish(kit: DerivationKit, rest: Plan): Promise<void> {
  await kit.feed(rest);
  await kit.engine.fresh(DERIVED);
  for (let round = 0; round < 3; round++) {
    kit.clock.advance(60_000);
    for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
    await kit.engine.fresh(DERIVED);
  }
}

/** From the beginning, without any checkpoint: the gate compares each output with the stored one, byte by byte. */
async function checkReplay(files: MemoryFiles): Promise<void> {
  await using kit = await openDerivationKit(files, { stateFiles: createMemoryFiles() });
  const before = await outputsOf(kit);
  kit.engine.start();
  await kit.engine.fresh(DERIVED);
  assert.deepEqual(kit.engine.health(), { ok: true });
  assert.deepEqual(await outputsOf(kit), before);
}

test("a kill or a power loss after any change of the disk loses no output and makes none twice", { timeout: 300_000 }, async (context) => {
  const disks: MemoryFiles[] = [];
  const random = createRandom("power");
  let files: MemoryFiles | undefined;
  let changes = 0;
  files = createMemoryFiles([], () => {
    changes++;
    if (files !== undefined && changes % 9 === 0) disks.push(random.next() < 0.5 ? files.kill() : files.crash(random));
  });
  let expected: Record<string, readonly string[]>;
  {
    await using kit = await openDerivationKit(files);
    kit.engine.start();
    await finish(kit, plan);
    expected = await outputsOf(kit);
    for (const stream of DERIVED) assert.ok(expected[stream]!.length > 3, `${stream} has ${expected[stream]!.length} events`);
    assert.ok((await kit.records(deadLetterLog("big_buys"))).length > 0, "some outputs do not fit the schema");
    assert.ok((await kit.records(deadLetterLog("visits"))).length > 0, "some events are late");
  }
  await checkReplay(files.kill());
  for (const [at, disk] of disks.entries()) {
    const kit = await openDerivationKit(disk);
    try {
      kit.engine.start();
      await finish(kit, plan);
      assert.deepEqual(kit.engine.health(), { ok: true }, `disk ${at}`);
      const found = await outputsOf(kit);
      for (const stream of DERIVED) {
        assert.equal(new Set(found[stream]!.map((record) => record.split(" ", 1)[0])).size, found[stream]!.length, `disk ${at}: an event of ${stream} is there twice`);
      }
      assert.deepEqual(found["big_buys"], expected["big_buys"], `disk ${at}`);
      for (const letters of ["big_buys", "visits"].map(deadLetterLog)) {
        const ids = (await kit.records(letters)).map(({ payload }) => (JSON.parse(Buffer.from(payload).toString()) as { readonly eventId: string }).eventId);
        assert.equal(new Set(ids).size, ids.length, `disk ${at}: a letter of ${letters} is there twice`);
      }
    } finally {
      await kit[Symbol.asyncDispose]();
    }
    if (at % 5 === 0) await checkReplay(disk.kill());
  }
  context.diagnostic(`${disks.length} disks of ${changes} changes: none lost an output, none made one twice`);
});

test("a disk that refuses to write outputs or checkpoints now and then changes nothing in the end", { timeout: 60_000 }, async () => {
  const memory = createMemoryFiles();
  const files = createFaultyFiles(memory);
  await using kit = await openDerivationKit(files);
  kit.engine.start();
  await kit.feed(plan, 0.4);
  for (const path of ["big_buys", "visits", "strata_derivation_pairs", "derivation"]) files.fail("datasync", { path, times: 1 });
  await finish(kit, plan);
  await kit.engine.checkpoint();
  assert.deepEqual(kit.engine.health(), { ok: true });
  assert.equal(files.planned(), 0, "every planned failure happened");
  await checkReplay(memory.kill());
});
