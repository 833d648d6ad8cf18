import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createDraft } from "./draft.ts";
import type { Draft } from "./draft.ts";
import { automaticId, keyId, letterId, ownId } from "./event-id.ts";
import { draftLines } from "./event-text.ts";
import { splitArray } from "./json-elements.ts";
import { createPressureGauge } from "./pressure-gauge.ts";

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const newDraft = (): Draft => createDraft({ check: (value) => ({ row: value as Record<string, unknown>, timeMs: undefined, id: undefined }), latenessMs: 0, nowMs: 0, backfill: false });

test("the elements of any array are found in any spacing", () => {
  const space = fc.stringMatching(/^[ \n\r\t]{0,3}$/);
  const element = fc.tuple(fc.jsonValue(), fc.constantFrom(undefined, 1, "\t")).map(([value, indent]) => JSON.stringify(value, null, indent));
  fc.assert(fc.property(fc.array(fc.tuple(space, element, space), { maxLength: 6 }), space, (elements, around) => {
    const json = `${around}[${elements.map((parts) => parts.join("")).join(",") || around}]${around}`;
    assert.ok(Array.isArray(JSON.parse(json)));
    assert.deepEqual(splitArray(Buffer.from(json)).map(text), elements.map(([, value]) => value));
  }), { numRuns: 300 });
});

test("lines are cut at newlines and nowhere else, in the bytes they came in", async () => {
  const line = fc.dictionary(fc.string({ unit: "grapheme" }), fc.oneof(fc.string({ unit: "grapheme" }), fc.double()), { minKeys: 1 }).map((row) => JSON.stringify(row));
  await fc.assert(fc.asyncProperty(fc.array(fc.oneof(line, fc.constantFrom("", "  ")), { maxLength: 8 }), fc.constantFrom("\n", "\r\n"), fc.boolean(), async (all, newline, ends) => {
    const draft = newDraft();
    await draftLines(Buffer.from(all.join(newline) + (ends ? newline : "")), draft, { maxRecordBytes: 1_000_000 });
    assert.deepEqual(draft.records.map(({ payload }) => text(payload)), all.filter((row) => row.trim() !== ""));
    assert.deepEqual(draft.rows, all.filter((row) => row.trim() !== "").map((row) => JSON.parse(row) as unknown));
  }));
});

test("a long body gives way to others while it is checked", async () => {
  let turns = 0;
  const timer = setInterval(() => undefined, 1_000);
  const count = (): void => void (turns++, counting && setImmediate(count));
  let counting = true;
  setImmediate(count);
  await draftLines(Buffer.from('{"a":1}\n'.repeat(100_000)), newDraft(), { maxRecordBytes: 100 });
  counting = false;
  clearInterval(timer);
  assert.ok(turns >= 3, `${turns} turns for 800 kB`);
});

test("record ids keep their kinds apart and every own id whole", () => {
  const own = fc.oneof(fc.string({ minLength: 1, maxLength: 20 }), fc.constantFrom("id:", "key:", "letter:", "auto:").chain((kind) => fc.string({ maxLength: 5 }).map((rest) => kind + rest)));
  fc.assert(fc.property(own, own, (a, b) => {
    assert.equal(ownId(a, "id") === ownId(b, "id"), a === b);
    for (const other of [keyId(a, 1), letterId(a), automaticId(a, 1)]) assert.notEqual(ownId(other, "id"), other);
  }));
  assert.deepEqual([ownId(7, "id"), ownId(7n, "id"), ownId("", "id"), ownId(null, "id"), ownId(undefined, "id")], ["7", "7", undefined, undefined, undefined]);
  assert.equal((ownId(true, "id") as { code: string }).code, "invalid id");
});

test("waiting bytes of the log and of requests count together; a lone request always passes", () => {
  let pendingBytes = 0;
  const gauge = createPressureGauge({ log: { pendingBytes: () => pendingBytes } as never, maxPendingBytes: 100 });
  const release = gauge.admit(1_000, assert.fail);
  release();
  release();
  pendingBytes = 60;
  gauge.admit(30, assert.fail);
  let refusals = 0;
  assert.throws(() => gauge.admit(11, () => refusals++), { code: "INGEST_FULL" });
  gauge.admit(10, assert.fail);
  assert.equal(refusals, 1);
});
