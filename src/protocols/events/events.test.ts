import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { z } from "zod";
import { defineStream } from "../../define/index.ts";
import type { HttpRequest, HttpResponse } from "../http.ts";
import { handleEvents } from "./events.ts";
import { NOW_MS, lines, openIngestionKit, order, textOf } from "../../../test/bad-input/ingestion-kit.ts";
import type { IngestionKit } from "../../../test/bad-input/ingestion-kit.ts";

interface Answer { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: Record<string, unknown> }

async function call(kit: IngestionKit, method: string, target: string, { headers = {}, body = "" }: { readonly headers?: HttpRequest["headers"]; readonly body?: string | Buffer } = {}): Promise<Answer> {
  const [path = "", query = ""] = target.split("?");
  const request: HttpRequest = { method, path, query: new URLSearchParams(query), headers, body: Buffer.from(body), signal: new AbortController().signal };
  const response: HttpResponse = await handleEvents(request, kit.ingestion) ?? assert.fail(`${target} is nobody's`);
  return { status: response.status, headers: response.headers ?? {}, body: JSON.parse(textOf(response)) as Record<string, unknown> };
}

const NDJSON = { "content-type": "application/x-ndjson" };
const JSON_TYPE = { "content-type": "application/json; charset=utf-8" };
const EVENTS = "/v1/streams/orders/events";
const LETTERS = "/v1/streams/orders/dead-letters";
const errorOf = ({ body }: Answer): Record<string, unknown> => body["error"] as Record<string, unknown>;

test("NDJSON and JSON, plain and compressed, are accepted with 202 and what became of them", async () => {
  await using kit = await openIngestionKit();
  const accepted = await call(kit, "POST", EVENTS, { headers: NDJSON, body: lines(order(), "{bad") });
  assert.equal(accepted.status, 202);
  assert.deepEqual({ ...accepted.body, rows: (accepted.body["rows"] as { index: number; deadLetterId: string }[]).map(({ index, deadLetterId }) => [index, deadLetterId]) },
    { accepted: 1, duplicates: 0, rejected: 1, nextOffset: 1, rows: [[1, "0"]] });
  assert.deepEqual((await call(kit, "POST", EVENTS, { headers: JSON_TYPE, body: order() })).body, { accepted: 1, duplicates: 0, rejected: 0, nextOffset: 2 });
  const zipped = { ...JSON_TYPE, "content-encoding": "gzip" };
  assert.deepEqual((await call(kit, "POST", EVENTS, { headers: zipped, body: gzipSync(`[${order()},${order()}]`) })).body, { accepted: 2, duplicates: 0, rejected: 0, nextOffset: 4 });
});

test("a request sent again with its key is acknowledged and has no effect", async () => {
  await using kit = await openIngestionKit();
  const headers = { ...NDJSON, "idempotency-key": "r1" };
  await call(kit, "POST", EVENTS, { headers, body: lines(order(), order()) });
  const again = await call(kit, "POST", EVENTS, { headers, body: lines(order(), order()) });
  assert.deepEqual([again.status, again.body], [202, { accepted: 0, duplicates: 2, rejected: 0, nextOffset: 2 }]);
});

test("when every event is refused the answer is 400 EVENT_INVALID with the problems", async () => {
  await using kit = await openIngestionKit();
  const answer = await call(kit, "POST", EVENTS, { headers: NDJSON, body: lines('{"quantity":1}', "7") });
  assert.deepEqual([answer.status, answer.body["rejected"], errorOf(answer)["code"], errorOf(answer)["message"]], [400, 2, "EVENT_INVALID", '2 event(s) of stream "orders" were refused and kept as dead letters.']);
  assert.deepEqual(errorOf(answer)["problems"], [{ path: "0.customer", message: "missing customer", code: "missing customer" }, { path: "1", message: "is not a JSON object", code: "not an object" }]);
});

test("backfill is a flag of the query", async () => {
  await using kit = await openIngestionKit();
  const body = order({ at: "2020-01-01T00:00:00Z" });
  assert.equal((await call(kit, "POST", EVENTS, { headers: JSON_TYPE, body })).status, 400);
  for (const flag of ["backfill", "backfill=true", "backfill=1"]) assert.equal((await call(kit, "POST", `${EVENTS}?${flag}`, { headers: JSON_TYPE, body })).status, 202);
  assert.equal((await kit.records("orders"))[0]?.knownAtMs, Date.UTC(2020, 0, 1));
});

const CE = { "ce-specversion": "1.0", "ce-id": "e1", "ce-source": "/shop", "ce-type": "order" };
const ATTRIBUTES = { specversion: "1.0", id: "e1", source: "/shop", type: "order" };

test("CloudEvents in three modes: source and id identify, an event that comes by another mode is known", async () => {
  await using kit = await openIngestionKit();
  const row = JSON.parse(order()) as object;
  assert.equal((await call(kit, "POST", EVENTS, { headers: { ...CE, ...JSON_TYPE }, body: ` ${order()}` })).body["accepted"], 1);
  const structured = await call(kit, "POST", EVENTS, { headers: { "content-type": "application/cloudevents+json" }, body: JSON.stringify({ ...ATTRIBUTES, data: row }) });
  assert.deepEqual([structured.status, structured.body], [202, { accepted: 0, duplicates: 1, rejected: 0, nextOffset: 1 }]);
  const batch = [{ ...ATTRIBUTES, data: row }, { ...ATTRIBUTES, source: "/other", data: row }, { ...ATTRIBUTES, id: "e2", data: { ...row, id: "own" } }, { ...ATTRIBUTES, id: "e3", data: 7 }];
  const batched = await call(kit, "POST", EVENTS, { headers: { "content-type": "application/cloudevents-batch+json" }, body: JSON.stringify(batch) });
  assert.deepEqual([batched.body["accepted"], batched.body["duplicates"], batched.body["rejected"]], [2, 1, 1]);
  assert.deepEqual((await kit.records("orders")).map(({ id }) => id), ["/shop e1", "/other e1", "own"]);
  assert.equal((await kit.texts("orders"))[0], ` ${order()}`);
});

test("a CloudEvent's time counts where the row has none, in the notation the schema wants", async () => {
  await using kit = await openIngestionKit();
  const time = "2026-01-09T12:00:00.5+02:00";
  const ms = Date.UTC(2026, 0, 9, 10, 0, 0, 500);
  kit.streams.set("numbers", defineStream("numbers", { schema: z.object({ v: z.number(), at: z.number() }), time: "at" }));
  kit.streams.set("utc", defineStream("utc", { schema: z.object({ v: z.number(), at: z.iso.datetime() }), time: "at" }));
  const post = (stream: string, data: unknown): Promise<Answer> => call(kit, "POST", `/v1/streams/${stream}/events`, { headers: { ...CE, ...JSON_TYPE, "ce-time": encodeURIComponent(time) }, body: JSON.stringify(data) });
  for (const [stream, data] of [["orders", { customer: "a", quantity: 1 }], ["notes", { text: "x" }], ["numbers", { v: 1 }], ["utc", { v: 1 }]] as const) {
    assert.equal((await post(stream, data)).status, 202, stream);
    assert.equal((await kit.records(stream))[0]?.timeMs, ms, stream);
  }
  assert.deepEqual([await kit.texts("orders"), await kit.texts("numbers"), await kit.texts("notes")], [[`{"customer":"a","quantity":1,"at":"${time}"}`], [`{"v":1,"at":${ms}}`], ['{"text":"x"}']]);
  await call(kit, "POST", EVENTS, { headers: { ...CE, ...JSON_TYPE, "ce-id": "e9", "ce-time": time }, body: order({ at: "2026-01-08T00:00:00Z" }) });
  assert.equal((await kit.records("orders"))[1]?.timeMs, Date.UTC(2026, 0, 8));
});

test("dead letters over HTTP: list, read, mend, replace, discard", async () => {
  await using kit = await openIngestionKit();
  await call(kit, "POST", EVENTS, { headers: NDJSON, body: lines(order({ customer: "" }), order({ customer: "" }), "{bad", "7", order({ at: "2020-01-01T00:00:00Z" })) });
  const list = await call(kit, "GET", `${LETTERS}?reason=missing%20customer&limit=1`);
  assert.deepEqual([list.status, (list.body["letters"] as { id: string }[]).map(({ id }) => id), list.body["nextCursor"], list.body["counts"]],
    [200, ["0"], "1", { "missing customer": 2, "not JSON": 1, "not an object": 1, EVENT_TOO_LATE: 1 }]);
  assert.deepEqual((({ id, state, reason, event, receivedAtMs }) => ({ id, state, reason, event, receivedAtMs }))((await call(kit, "GET", `${LETTERS}/2`)).body), { id: "2", state: "open", reason: "not JSON", event: "{bad", receivedAtMs: NOW_MS });
  const replay = (body: unknown): Promise<Answer> => call(kit, "POST", `${LETTERS}/replay`, { body: JSON.stringify(body) });
  assert.deepEqual((await replay({ reason: "missing customer", set: { customer: "eve" } })).body, { replayed: 2, duplicates: 0, failed: [] });
  assert.deepEqual((await replay({ ids: ["2"], replacement: { customer: "new", quantity: 1 } })).body, { replayed: 1, duplicates: 0, failed: [] });
  assert.deepEqual((await replay({ ids: ["4"], backfill: true })).body, { replayed: 1, duplicates: 0, failed: [] });
  assert.match(JSON.stringify((await replay({ ids: ["3"], set: { a: 1 } })).body["failed"]), /the fix failed: the event is no object/);
  assert.deepEqual((await call(kit, "POST", `${LETTERS}/discard`, { body: '{"ids":["3"]}' })).body, { discarded: 1 });
  assert.deepEqual((await call(kit, "GET", LETTERS)).body, { letters: [], counts: {} });
  assert.equal(((await call(kit, "GET", `${LETTERS}?includeResolved`)).body["letters"] as unknown[]).length, 5);
  assert.deepEqual((await kit.texts("orders")).map((text) => (JSON.parse(text) as { customer: string }).customer), ["eve", "eve", "new", "ada"]);
});

test("paths of others are left to others", async () => {
  await using kit = await openIngestionKit();
  for (const path of ["/", "/v1", "/v1/streams", "/v1/streams/orders", "/v1/streams//events", "/v1/streams/orders/events/1", "/v1/streams/orders/dead-letters/1/2", "/v2/streams/orders/events", "/v1/models/orders/events"]) {
    assert.equal(await handleEvents({ method: "POST", path, query: new URLSearchParams(), headers: {}, body: Buffer.alloc(0), signal: new AbortController().signal }, kit.ingestion), undefined, path);
  }
});

test("a full house says when to come back", async () => {
  await using kit = await openIngestionKit({ maxPendingBytes: 100 });
  const held = kit.gate();
  kit.beforeAppend = () => held.opened;
  const body = lines(order(), "{bad");
  const first = call(kit, "POST", EVENTS, { headers: NDJSON, body });
  await new Promise(setImmediate);
  const refused = await call(kit, "POST", EVENTS, { headers: NDJSON, body: Buffer.concat([body, body]) });
  assert.deepEqual([refused.status, refused.headers["retry-after"], errorOf(refused)["code"], errorOf(refused)["retryable"]], [429, "1", "INGEST_FULL", true]);
  held.open();
  assert.equal((await first).status, 202);
});
