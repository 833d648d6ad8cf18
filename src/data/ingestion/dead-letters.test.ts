import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { StrataError } from "../../kernel/errors.ts";
import { createDeadLetterIndex } from "./dead-letter-index.ts";
import { NOW_MS, lines, openIngestionKit, order } from "../../../test/bad-input/ingestion-kit.ts";
import type { IngestionKit } from "../../../test/bad-input/ingestion-kit.ts";

const NDJSON = { format: "ndjson" } as const;
const DAY_MS = 86_400_000;
const RESOLVED = "strata_dead_resolved_orders";
const isoTime = (ms: number): string => new Date(ms).toISOString();

const refuse = async (kit: IngestionKit, ...rows: readonly string[]): Promise<void> => {
  const { accepted } = await kit.ingestion.ingestText("orders", lines(...rows), NDJSON);
  assert.equal(accepted, 0);
};
const ids = async (kit: IngestionKit, query = {}): Promise<readonly string[]> => (await kit.ingestion.listDeadLetters("orders", query)).letters.map(({ id }) => id);

test("dead letters are listed in pages, by reason, with what became of them", async () => {
  await using kit = await openIngestionKit();
  await refuse(kit, "1", "{bad", "2", "3", "{worse");
  assert.deepEqual(await ids(kit), ["0", "1", "2", "3", "4"]);
  assert.deepEqual(await ids(kit, { reason: "not an object" }), ["0", "2", "3"]);
  assert.deepEqual(await ids(kit, { reason: "unheard of" }), []);
  const page = await kit.ingestion.listDeadLetters("orders", { limit: 2 });
  assert.deepEqual([page.letters.map(({ id }) => id), page.nextCursor], [["0", "1"], "2"]);
  const last = await kit.ingestion.listDeadLetters("orders", { limit: 3, cursor: page.nextCursor! });
  assert.deepEqual([last.letters.map(({ id }) => id), last.nextCursor], [["2", "3", "4"], undefined]);
  assert.deepEqual(await kit.ingestion.discardDeadLetters("orders", { ids: ["2", "1", "2"] }), { discarded: 2 });
  assert.deepEqual([await ids(kit), await ids(kit, { includeResolved: true, reason: "not an object" })], [["0", "3", "4"], ["0", "2", "3"]]);
  assert.equal((await kit.ingestion.deadLetter("orders", "2")).state, "discarded");
  assert.deepEqual(await kit.ingestion.deadLetterCounts("orders"), { "not an object": 2, "not JSON": 1 });
  for (const id of ["5", "-1", "1.0", "x", ""]) await assert.rejects(kit.ingestion.deadLetter("orders", id), { code: "DEAD_LETTER_NOT_FOUND" });
});

test("a page of large letters is short", async () => {
  await using kit = await openIngestionKit();
  for (let n = 0; n < 12; n++) await refuse(kit, `{bad ${"x".repeat(900_000)}`);
  const first = await kit.ingestion.listDeadLetters("orders");
  const second = await kit.ingestion.listDeadLetters("orders", { cursor: first.nextCursor! });
  assert.deepEqual([first.letters.length, second.letters.length, second.nextCursor], [10, 2, undefined]);
});

test("states and counts survive a restart", async () => {
  await using kit = await openIngestionKit();
  await refuse(kit, "1", "{bad", order({ customer: "" }));
  await kit.ingestion.discardDeadLetters("orders", { reason: "not JSON" });
  await kit.ingestion.replayDeadLetters("orders", { ids: ["0"], replacement: { customer: "ada", quantity: 1 } });
  await kit.crash();
  assert.deepEqual(await kit.ingestion.deadLetterCounts("orders"), { "missing customer": 1 });
  const { letters } = await kit.ingestion.listDeadLetters("orders", { includeResolved: true });
  assert.deepEqual(letters.map(({ id, state }) => [id, state]), [["0", "replayed"], ["1", "discarded"], ["2", "open"]]);
});

test("mended letters become events; what is still wrong stays open with its problems", async () => {
  await using kit = await openIngestionKit();
  await refuse(kit, order({ id: "a", quantity: "2" }), order({ id: "b", quantity: "x" }), "{bad", order({ id: "c", quantity: "3" }));
  const fix = (event: unknown): unknown => {
    const row = event as { quantity: string };
    return { ...row, quantity: Number(row.quantity) };
  };
  const result = await kit.ingestion.replayDeadLetters("orders", { ids: ["0", "1", "2"], fix });
  assert.deepEqual([result.replayed, result.duplicates, result.failed.map(({ id, problems }) => [id, problems[0]?.code])], [1, 0, [["1", "invalid_type"], ["2", "not JSON"]]]);
  assert.deepEqual(await kit.texts("orders"), ['{"customer":"ada","quantity":2,"id":"a"}']);
  assert.deepEqual(await ids(kit), ["1", "2", "3"]);
  const failing = await kit.ingestion.replayDeadLetters("orders", { reason: "invalid_type", fix: () => { throw new Error("no"); } });
  assert.deepEqual(failing.failed.map(({ problems }) => problems[0]?.message), ["the fix failed: no", "the fix failed: no"]);
  const again = await kit.ingestion.replayDeadLetters("orders", { reason: "invalid_type", fix });
  assert.deepEqual([again.replayed, again.failed.map(({ id }) => id)], [1, ["1"]]);
  assert.deepEqual((await kit.records("strata_dead_orders")).length, 4, "a replay that fails makes no new letter");
});

test("a replay keeps the original bytes, the arrival's time and the lateness of the arrival", async () => {
  await using kit = await openIngestionKit();
  const fine = '{"customer" :"ada", "quantity":1,  "at":"2026-01-05T00:00:00Z"}';
  const stream = kit.streams.get("orders")!;
  kit.streams.set("orders", { ...stream, schema: stream.schema.extend({ missing: stream.schema.shape["customer"]! }) });
  await refuse(kit, fine, order());
  kit.streams.set("orders", stream);
  kit.clock.advance(30 * DAY_MS);
  assert.equal((await kit.ingestion.replayDeadLetters("orders", { ids: ["0", "1"] })).replayed, 2);
  assert.deepEqual((await kit.records("orders")).map(({ timeMs, knownAtMs, payload, id }) => [timeMs, knownAtMs, Buffer.from(payload).toString(), id]), [
    [Date.UTC(2026, 0, 5), NOW_MS + 30 * DAY_MS, fine, "letter:0"], [NOW_MS, NOW_MS + 30 * DAY_MS, order(), "letter:1"],
  ]);
});

test("an event that came too late goes in as a backfill", async () => {
  await using kit = await openIngestionKit();
  const at = NOW_MS - 8 * DAY_MS;
  await refuse(kit, order({ at: isoTime(at) }));
  assert.equal((await kit.ingestion.replayDeadLetters("orders", { ids: ["0"] })).failed[0]?.problems[0]?.code, "EVENT_TOO_LATE");
  assert.equal((await kit.ingestion.replayDeadLetters("orders", { ids: ["0"], backfill: true })).replayed, 1);
  assert.equal((await kit.records("orders"))[0]?.knownAtMs, at);
});

test("a crash between storing the event and resolving the letter stores nothing twice", async () => {
  await using kit = await openIngestionKit();
  const broken = [order({ id: "own", quantity: 0 }), order({ quantity: 0 })];
  await kit.ingestion.ingestText("orders", lines(...broken), { ...NDJSON, idempotencyKey: "k" });
  await kit.ingestion.ingestRows("orders", [{ row: { customer: "ada", quantity: 0 }, timeMs: NOW_MS - 7 }]);
  const fix = (event: unknown): unknown => ({ ...(event as object), quantity: 1 });
  kit.beforeAppend = (log) => {
    if (log === RESOLVED) throw new StrataError("LOG_WRITE_FAILED", { log, reason: "planned" });
  };
  await assert.rejects(kit.ingestion.replayDeadLetters("orders", { reason: "too_small", fix }), { code: "LOG_WRITE_FAILED" });
  const stored = (await kit.records("orders")).map(({ id, timeMs }) => [id, timeMs]);
  assert.deepEqual(stored, [["own", NOW_MS], ["key:k.1", NOW_MS], ["letter:2", NOW_MS - 7]]);
  await kit.crash();
  kit.beforeAppend = () => undefined;
  assert.deepEqual(await ids(kit), ["0", "1", "2"]);
  assert.deepEqual(await kit.ingestion.replayDeadLetters("orders", { reason: "too_small", fix }), { replayed: 0, duplicates: 3, failed: [] });
  assert.deepEqual([(await kit.records("orders")).length, await ids(kit)], [3, []]);
});

test("two replays at once store each event once", async () => {
  await using kit = await openIngestionKit();
  await refuse(kit, ...Array.from({ length: 1_200 }, () => order({ customer: "" })));
  const options = { reason: "missing customer", fix: (event: unknown) => ({ ...(event as object), customer: "bob" }) };
  const [first, second] = await Promise.all([kit.ingestion.replayDeadLetters("orders", options), kit.ingestion.replayDeadLetters("orders", options)]);
  assert.equal(first.replayed + second.replayed, 1_200);
  assert.equal((await kit.records("orders")).length, 1_200);
  assert.deepEqual(await kit.ingestion.deadLetterCounts("orders"), {});
});

test("letters that are not whole need a replacement, and a replacement one letter", async () => {
  await using kit = await openIngestionKit({ maxRecordBytes: 60 });
  await kit.ingestion.ingestText("orders", Buffer.concat([lines(order({ customer: "x".repeat(99) })), Buffer.from('{"customer":"\xff","quantity":1}', "latin1")]), NDJSON);
  const plain = await kit.ingestion.replayDeadLetters("orders", { ids: ["0", "1"], fix: (event) => event });
  assert.deepEqual(plain.failed.map(({ problems }) => problems[0]?.code), ["too large", "not UTF-8"]);
  const replacement = { customer: "ada", quantity: 2 };
  await assert.rejects(kit.ingestion.replayDeadLetters("orders", { ids: ["0", "1"], replacement }), { code: "REQUEST_INVALID" });
  await assert.rejects(kit.ingestion.replayDeadLetters("orders", { ids: ["0", "7"] }), { code: "DEAD_LETTER_NOT_FOUND" });
  assert.equal((await kit.ingestion.replayDeadLetters("orders", { ids: ["0"], replacement: { ...replacement, customer: "y".repeat(60) } })).failed[0]?.problems[0]?.code, "too large");
  assert.equal((await kit.ingestion.replayDeadLetters("orders", { ids: ["0"], replacement })).replayed, 1);
  assert.deepEqual(await kit.texts("orders"), [JSON.stringify(replacement)]);
});

test("the index agrees with a plain list of letters, in any order of additions and resolutions", () => {
  const step = fc.record({ offset: fc.nat(30), reason: fc.constantFrom("a", "b", "c"), kind: fc.constantFrom("add", "replayed", "discarded") });
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), fc.nat(30), (steps, from) => {
    const index = createDeadLetterIndex();
    const letters = new Map<number, string>();
    for (const { offset, reason, kind } of steps) {
      if (kind === "add") {
        index.add(offset, reason);
        if (!letters.has(offset)) letters.set(offset, reason);
      } else {
        assert.equal(index.resolve(offset, kind as "replayed"), letters.has(offset) && letters.get(offset)!.length === 1);
        letters.set(offset, kind);
      }
    }
    const open = [...letters].filter(([, state]) => state.length === 1);
    assert.equal(index.open(), open.length);
    for (const reason of ["a", "b", "c"]) assert.equal(index.counts()[reason] ?? 0, open.filter(([, state]) => state === reason).length);
    const expected = open.filter(([offset, state]) => offset >= from && state === "b").map(([offset]) => offset).toSorted((a, b) => a - b);
    assert.deepEqual(index.select({ reason: "b", from, limit: 100 }), expected);
    assert.deepEqual(index.select({ reason: "b", from, limit: 1 }), expected.slice(0, 1));
  }));
});

test("more reasons than can be told apart count as other", () => {
  const index = createDeadLetterIndex();
  for (let offset = 0; offset < 1_000; offset++) index.add(offset, `reason ${offset}`);
  assert.deepEqual([Object.keys(index.counts()).length, index.counts()["other"], index.open()], [250, 751, 1_000]);
});
