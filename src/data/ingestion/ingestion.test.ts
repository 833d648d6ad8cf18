import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { defineStream } from "../../define/index.ts";
import { StrataError } from "../../kernel/errors.ts";
import type { Meter } from "../../ports/telemetry.ts";
import { NOW_MS, lines, openIngestionKit, order } from "../../../test/bad-input/ingestion-kit.ts";

const NDJSON = { format: "ndjson" } as const;
const JSON_TEXT = { format: "json" } as const;
const DAY_MS = 86_400_000;

test("events are stored as they were sent, dated, with their ids, and handed to the decoder as the schema sees them", async () => {
  await using kit = await openIngestionKit();
  const spaced = '{ "customer":"ada",  "quantity": 1.50, "id":"o1", "at":"2026-01-09T01:00:00+01:00", "extra": 12345678901234567890 }';
  const result = await kit.ingestion.ingestText("orders", lines(spaced, "", order({ customer: "grüße" })), NDJSON);
  assert.deepEqual(result, { accepted: 2, duplicates: 0, rejected: 0, nextOffset: 2 });
  const [first, second] = await kit.records("orders");
  assert.equal(Buffer.from(first!.payload).toString(), spaced);
  assert.deepEqual([first!.id, first!.timeMs, first!.knownAtMs], ["o1", Date.UTC(2026, 0, 9), NOW_MS]);
  assert.deepEqual([second!.id.startsWith("auto:"), second!.timeMs], [true, NOW_MS]);
  for await (const batch of kit.log.read("orders", { from: { offset: 0 } })) {
    assert.deepEqual(kit.decoder.decode("orders", batch).rows, [
      { customer: "ada", quantity: 1.5, id: "o1", at: "2026-01-09T01:00:00+01:00", country: "unknown" },
      { customer: "grüße", quantity: 1, country: "unknown" },
    ]);
  }
  assert.deepEqual(kit.decoder.statistics(), { sharedRows: 2, parsedRows: 0 });
});

test("a JSON body is one object or an array, each element in its original bytes", async () => {
  await using kit = await openIngestionKit();
  const pretty = '{\n "customer": "a,]\\"[",\n "quantity": 2.0 }';
  assert.equal((await kit.ingestion.ingestText("orders", Buffer.from(`\uFEFF${pretty}\n`), JSON_TEXT)).accepted, 1);
  const result = await kit.ingestion.ingestText("orders", Buffer.from(` [ ${pretty} ,\n${order()}, 7 , [1,{"a":[]}]]`), JSON_TEXT);
  assert.deepEqual([result.accepted, result.rejected, result.nextOffset], [2, 2, 3]);
  assert.deepEqual(result.rows?.map(({ index, problems }) => [index, problems[0]?.code]), [[2, "not an object"], [3, "not an object"]]);
  assert.deepEqual(await kit.texts("orders"), [pretty, pretty, order()]);
});

test("good events of a partly bad request are kept; bad ones become dead letters with every problem", async () => {
  await using kit = await openIngestionKit();
  const result = await kit.ingestion.ingestText("orders", lines(order(), "{oops", order({ customer: 7, quantity: -1 }), "[]", order()), NDJSON);
  assert.deepEqual([result.accepted, result.duplicates, result.rejected, result.nextOffset], [2, 0, 3, 2]);
  assert.deepEqual(result.rows?.map(({ index, deadLetterId, problems }) => [index, deadLetterId, problems.map(({ path, code }) => `${path}:${code}`)]), [
    [1, "0", [":not JSON"]], [2, "1", ["customer:missing customer", "quantity:too_small"]], [3, "2", [":not an object"]],
  ]);
  assert.deepEqual(await kit.ingestion.deadLetterCounts("orders"), { "not JSON": 1, "missing customer": 1, "not an object": 1 });
  const letter = await kit.ingestion.deadLetter("orders", "1");
  assert.deepEqual({ ...letter, problems: letter.problems.length }, {
    id: "1", state: "open", stream: "orders", receivedAtMs: NOW_MS, reason: "missing customer", problems: 2, event: order({ customer: 7, quantity: -1 }), backfill: false,
  });
});

test("a byte order mark, CR LF, a missing last newline and broken UTF-8 in one line do no harm to the others", async () => {
  await using kit = await openIngestionKit();
  const body = Buffer.concat([Buffer.from(`\uFEFF${order({ id: "1" })}\r\n \t\r\n`), Buffer.from('{"customer":"\xff","quantity":1}\n', "latin1"), Buffer.from(order({ customer: "é" }))]);
  const result = await kit.ingestion.ingestText("orders", body, NDJSON);
  assert.deepEqual([result.accepted, result.rows?.map(({ index, problems }) => [index, problems[0]?.code])], [2, [[1, "not UTF-8"]]]);
  assert.deepEqual(await kit.texts("orders"), [order({ id: "1" }), order({ customer: "é" })]);
});

test("events older than the stream's lateness are dead letters, unless they are a backfill, known from their own time", async () => {
  await using kit = await openIngestionKit();
  const at = (ms: number): string => new Date(ms).toISOString();
  const body = lines(order({ at: at(NOW_MS - 7 * DAY_MS) }), order({ at: at(NOW_MS - 7 * DAY_MS - 1) }));
  const live = await kit.ingestion.ingestText("orders", body, NDJSON);
  assert.deepEqual(live.rows?.map(({ index, problems }) => [index, problems[0]?.code]), [[1, "EVENT_TOO_LATE"]]);
  const imported = await kit.ingestion.ingestText("orders", body, { ...NDJSON, backfill: true });
  assert.deepEqual([imported.accepted, imported.rejected], [2, 0]);
  assert.deepEqual((await kit.records("orders")).map(({ timeMs, knownAtMs }) => NOW_MS - 7 * DAY_MS === timeMs ? NOW_MS - knownAtMs : NOW_MS - knownAtMs - 1), [0, 7 * DAY_MS, 7 * DAY_MS]);
});

test("an event that comes again has no effect: in one body, later, under another key, after a restart", async () => {
  await using kit = await openIngestionKit();
  const first = await kit.ingestion.ingestText("orders", lines(order({ id: "a" }), order({ id: "a", quantity: 2 }), order({ id: "b" })), NDJSON);
  assert.deepEqual(first, { accepted: 2, duplicates: 1, rejected: 0, nextOffset: 2 });
  assert.deepEqual(await kit.ingestion.ingestText("orders", lines(order({ id: "b" })), NDJSON), { accepted: 0, duplicates: 1, rejected: 0, nextOffset: 2 });
  await kit.crash();
  assert.deepEqual(await kit.ingestion.ingestText("orders", lines(order({ id: "c" }), order({ id: "a" })), NDJSON), { accepted: 1, duplicates: 1, rejected: 0, nextOffset: 3 });
  assert.deepEqual((await kit.records("orders")).map(({ id }) => id), ["a", "b", "c"]);
});

test("an idempotency key identifies the events that have no id, by their place in the request", async () => {
  await using kit = await openIngestionKit();
  const body = lines(order(), "{bad", order(), order({ id: "own" }));
  const options = { ...NDJSON, idempotencyKey: "req-1" };
  assert.deepEqual([(await kit.ingestion.ingestText("orders", body, options)).accepted, (await kit.ingestion.ingestText("orders", body, options)).duplicates], [3, 3]);
  await kit.crash();
  assert.equal((await kit.ingestion.ingestText("orders", body, options)).duplicates, 3);
  assert.equal((await kit.ingestion.ingestText("orders", body, { ...NDJSON, idempotencyKey: "req-2" })).accepted, 2);
  assert.deepEqual((await kit.records("orders")).map(({ id }) => id), ["key:req-1.0", "key:req-1.2", "own", "key:req-2.0", "key:req-2.2"]);
});

test("ids of different kinds never meet", async () => {
  await using kit = await openIngestionKit();
  await kit.ingestion.ingestText("orders", lines(order()), { ...NDJSON, idempotencyKey: "k" });
  assert.equal((await kit.ingestion.ingestText("orders", lines(order({ id: "key:k.0" })), NDJSON)).accepted, 1);
  assert.equal((await kit.ingestion.ingestRows("orders", [{ row: { customer: "x", quantity: 1 }, id: "key:k.0" }])).duplicates, 1);
});

test("rows of producers in this process: given ids and times hold where the row has none", async () => {
  await using kit = await openIngestionKit();
  const result = await kit.ingestion.ingestRows("notes", [
    { row: { text: "a" }, id: "n1", timeMs: NOW_MS - 5 }, { row: { text: "again" }, id: "n1" }, { row: { text: 1 }, id: "n2" },
    { row: { text: "b" }, payload: Buffer.from('{"text" : "b"}') }, { row: { text: 1n } }, { row: undefined },
  ]);
  assert.deepEqual([result.accepted, result.duplicates, result.rejected], [2, 1, 3]);
  assert.deepEqual((await kit.records("notes")).map(({ timeMs, payload }) => [timeMs, Buffer.from(payload).toString()]), [[NOW_MS - 5, '{"text":"a"}'], [NOW_MS, '{"text" : "b"}']]);
  assert.deepEqual(await kit.ingestion.ingestRows("notes", []), { accepted: 0, duplicates: 0, rejected: 0, nextOffset: 2 });
});

test("ids that cannot be kept are refused: endless ones, half characters, objects", async () => {
  await using kit = await openIngestionKit();
  const rows = ["x".repeat(513), "\ud800"].map((id) => ({ row: { customer: "a", quantity: 1, id } }));
  const result = await kit.ingestion.ingestRows("orders", [...rows, { row: { customer: "a", quantity: 1 }, id: "\udfff" }, { row: { customer: "a", quantity: 1, id: "" } }]);
  assert.deepEqual([result.accepted, result.rows?.map(({ problems }) => problems[0]?.code)], [1, ["invalid id", "invalid id", "invalid id"]]);
});

test("a failed append acknowledges nothing, stores nothing and frees its ids", async () => {
  await using kit = await openIngestionKit();
  kit.files.fail("datasync", { path: "logs/orders/" });
  await assert.rejects(kit.ingestion.ingestText("orders", lines(order({ id: "a" }), order({ id: "b" })), NDJSON), { code: "LOG_WRITE_FAILED" });
  assert.deepEqual(await kit.records("orders"), []);
  assert.deepEqual(await kit.ingestion.ingestText("orders", lines(order({ id: "a" }), order({ id: "b" })), NDJSON), { accepted: 2, duplicates: 0, rejected: 0, nextOffset: 2 });
});

test("when its dead letters cannot be stored, a request stores no event either", async () => {
  await using kit = await openIngestionKit();
  kit.files.fail("datasync", { path: "strata_dead_orders" });
  await assert.rejects(kit.ingestion.ingestText("orders", lines(order({ id: "a" }), "{bad"), NDJSON), { code: "LOG_WRITE_FAILED" });
  assert.deepEqual([await kit.records("orders"), await kit.ingestion.deadLetterCounts("orders")], [[], {}]);
  assert.equal((await kit.ingestion.ingestText("orders", lines(order({ id: "a" }), "{bad"), NDJSON)).accepted, 1);
});

test("a duplicate of an event under way is acknowledged only when that event is durable", async () => {
  await using kit = await openIngestionKit();
  const held = kit.gate();
  kit.beforeAppend = () => held.opened;
  const first = kit.ingestion.ingestText("orders", lines(order({ id: "a" })), NDJSON);
  let isAcknowledged = false;
  const second = kit.ingestion.ingestText("orders", lines(order({ id: "a" })), NDJSON).then((result) => {
    isAcknowledged = true;
    return result;
  });
  await new Promise(setImmediate);
  assert.equal(isAcknowledged, false);
  held.open();
  assert.deepEqual([(await first).accepted, await second], [1, { accepted: 0, duplicates: 1, rejected: 0, nextOffset: 1 }]);
});

test("when the event under way fails, its duplicates fail with it, and the next one is stored", async () => {
  await using kit = await openIngestionKit();
  const held = kit.gate();
  kit.beforeAppend = () => held.opened;
  const body = lines(order({ id: "a" }), "{bad");
  const all = Promise.allSettled([kit.ingestion.ingestText("orders", lines(order({ id: "a" })), NDJSON), kit.ingestion.ingestText("orders", body, NDJSON)]);
  await new Promise(setImmediate);
  kit.beforeAppend = () => undefined;
  held.fail(new StrataError("LOG_WRITE_FAILED", { log: "orders", reason: "planned" }));
  for (const result of await all) assert.equal(result.status === "rejected" && (result.reason as StrataError).code, "LOG_WRITE_FAILED");
  assert.deepEqual(await kit.ingestion.deadLetterCounts("orders"), {});
  assert.deepEqual((await kit.ingestion.ingestText("orders", body, NDJSON)).accepted, 1);
});

test("too many bytes under way: INGEST_FULL with a time to come back, and room again afterwards", async () => {
  await using kit = await openIngestionKit({ maxPendingBytes: 300 });
  const held = kit.gate();
  kit.beforeAppend = () => held.opened;
  const body = lines(order({ customer: "x".repeat(150) }), "{bad");
  const first = kit.ingestion.ingestText("orders", body, NDJSON);
  await new Promise(setImmediate);
  await assert.rejects(kit.ingestion.ingestText("orders", body, NDJSON), { code: "INGEST_FULL", retryAfterSeconds: 1 });
  held.open();
  await first;
  assert.equal((await kit.ingestion.ingestText("orders", body, NDJSON)).accepted, 1);
  await assert.rejects(kit.ingestion.ingestText("orders", Buffer.alloc(301, 32), NDJSON), { code: "BODY_TOO_LARGE" });
});

test("bytes that the log has taken over are counted by the log alone", async () => {
  await using kit = await openIngestionKit({ maxPendingBytes: 100 });
  const held = kit.gate();
  kit.beforeAppend = () => held.opened; // the log has not seen them yet, so it counts nothing
  const requests = [];
  for (let n = 0; n < 3; n++) {
    requests.push(kit.ingestion.ingestText("orders", lines(order({ country: "x".repeat(40) })), NDJSON));
    await new Promise(setImmediate);
  }
  held.open();
  assert.deepEqual((await Promise.all(requests)).map(({ accepted }) => accepted), [1, 1, 1]);
});

test("an event larger than a record may be is kept as the beginning of a dead letter", async () => {
  await using kit = await openIngestionKit({ maxRecordBytes: 100 });
  const large = order({ customer: "é".repeat(100) });
  const result = await kit.ingestion.ingestText("orders", lines(order(), large), NDJSON);
  assert.deepEqual([result.accepted, result.rows?.[0]?.problems[0]?.code], [1, "too large"]);
  const letter = await kit.ingestion.deadLetter("orders", "0");
  assert.deepEqual([letter.truncatedFromBytes, letter.event.length < 100, large.startsWith(letter.event.slice(0, 50))], [Buffer.byteLength(large), true, true]);
});

test("a request of nothing but rubbish is refused whole before it fills the disk", async () => {
  await using kit = await openIngestionKit();
  await assert.rejects(kit.ingestion.ingestText("orders", Buffer.from("1\n".repeat(20_000)), NDJSON), { code: "REQUEST_INVALID", message: /More than 10000 events/ });
  assert.deepEqual(await kit.ingestion.deadLetterCounts("orders"), {});
});

test("a new definition of a stream holds for the next request, with the ids known before", async () => {
  await using kit = await openIngestionKit();
  await kit.ingestion.ingestText("orders", lines(order({ id: "a" })), NDJSON);
  kit.streams.set("orders", defineStream("orders", { schema: z.object({ id: z.string(), total: z.number() }), id: "id" }));
  const result = await kit.ingestion.ingestText("orders", lines('{"id":"a","total":1}', '{"id":"b","total":2}', order({ id: "c" })), NDJSON);
  assert.deepEqual([result.accepted, result.duplicates, result.rejected], [1, 1, 1]);
  kit.streams.delete("orders");
  await assert.rejects(kit.ingestion.ingestText("orders", lines("{}"), NDJSON), { code: "STREAM_NOT_FOUND", message: 'There is no stream named "orders".' });
});

test("a schema that throws makes a dead letter, not a failure", async () => {
  await using kit = await openIngestionKit();
  kit.streams.set("odd", defineStream("odd", { schema: z.object({ a: z.string().refine(() => { throw new Error("boom"); }) }) }));
  const result = await kit.ingestion.ingestText("odd", lines('{"a":"x"}'), NDJSON);
  assert.deepEqual(result.rows?.[0]?.problems, [{ path: "", message: "the schema's check failed: Error: boom", code: "check failed" }]);
});

test("stopping refuses new requests and waits for those under way", async () => {
  await using kit = await openIngestionKit();
  const held = kit.gate();
  kit.beforeAppend = () => held.opened;
  const under = kit.ingestion.ingestText("orders", lines(order()), NDJSON);
  let hasStopped = false;
  const stopped = kit.ingestion.stop(1_000).then(() => { hasStopped = true; });
  await assert.rejects(kit.ingestion.ingestText("orders", lines(order()), NDJSON), { code: "CLOSED" });
  assert.equal(hasStopped, false);
  held.open();
  assert.equal((await under).accepted, 1);
  await stopped;
});

test("what happened is counted by stream and result", async () => {
  const counted: string[] = [];
  const note = (name: string) => (value: number, labels?: Readonly<Record<string, string>>): void => void counted.push(`${name}{${Object.values(labels ?? {}).join(",")}} ${value}`);
  const meter: Meter = { counter: (name) => ({ add: note(name) }), gauge: (name) => ({ set: note(name) }), histogram: (name) => ({ record: note(name) }) };
  await using kit = await openIngestionKit({ meter });
  const body = lines(order({ id: "a" }), order({ id: "a" }), "{bad");
  await kit.ingestion.ingestText("orders", body, NDJSON);
  assert.deepEqual(counted.toSorted(), [
    "strata_dead_letters_open{orders} 1", "strata_ingest_bytes_total{orders} " + body.length, "strata_ingest_events_total{orders,accepted} 1",
    "strata_ingest_events_total{orders,duplicate} 1", "strata_ingest_events_total{orders,rejected} 1", "strata_ingest_seconds{orders} 0",
  ]);
});
