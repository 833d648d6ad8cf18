/**
 * Malformed requests to POST /v1/streams/{stream}/events and the dead letter routes: each is refused with its status
 * and code, and leaves nothing behind that it should not: no event, no dead letter, no remembered id.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateSync, gzipSync } from "node:zlib";
import { handleEvents } from "../../src/protocols/events/events.ts";
import { lines, openIngestionKit, order, textOf } from "./ingestion-kit.ts";
import type { IngestionKit } from "./ingestion-kit.ts";

interface BadRequest {
  readonly name: string;
  /** Default "POST /v1/streams/orders/events". */
  readonly target?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly status: number;
  readonly code: string;
  /** Dead letters it leaves: refused events are kept even when the whole request is refused. */
  readonly letters?: number;
}

const json = { "content-type": "application/json" };
const ndjson = { "content-type": "application/x-ndjson" };
const structured = { "content-type": "application/cloudevents+json" };
const batched = { "content-type": "application/cloudevents-batch+json" };
const binary = { ...json, "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t" };
const attributes = { specversion: "1.0", id: "1", source: "/s", type: "t" };
const good = order({ id: "good" });
const event = JSON.parse(good) as object;
const REPLAY = "POST /v1/streams/orders/dead-letters/replay";
const DISCARD = "POST /v1/streams/orders/dead-letters/discard";
const MAX_BODY = 10_000;

const table: readonly BadRequest[] = [
  // where it goes
  { name: "unknown stream", target: "POST /v1/streams/nothing/events", headers: json, body: good, status: 404, code: "STREAM_NOT_FOUND" },
  { name: "stream of the prototype", target: "POST /v1/streams/__proto__/events", headers: json, body: good, status: 404, code: "STREAM_NOT_FOUND" },
  { name: "path traversal", target: "POST /v1/streams/..%2Forders/events", headers: json, body: good, status: 404, code: "STREAM_NOT_FOUND" },
  { name: "stream name that is no UTF-8", target: "POST /v1/streams/%ff/events", headers: json, body: good, status: 400, code: "REQUEST_INVALID" },
  { name: "wrong method", target: "PUT /v1/streams/orders/events", headers: json, body: good, status: 405, code: "METHOD_NOT_ALLOWED" },
  { name: "reading events", target: "GET /v1/streams/orders/events", status: 405, code: "METHOD_NOT_ALLOWED" },
  { name: "flag that is neither", target: "POST /v1/streams/orders/events?backfill=yes", headers: json, body: good, status: 400, code: "REQUEST_INVALID" },
  // how it is sent
  { name: "no content type", body: good, status: 415, code: "MEDIA_TYPE_UNSUPPORTED" },
  { name: "form", headers: { "content-type": "application/x-www-form-urlencoded" }, body: "a=1", status: 415, code: "MEDIA_TYPE_UNSUPPORTED" },
  { name: "content type of the prototype", headers: { "content-type": "constructor" }, body: good, status: 415, code: "MEDIA_TYPE_UNSUPPORTED" },
  { name: "another charset", headers: { "content-type": "application/json; charset=utf-16" }, body: Buffer.from(good, "utf16le"), status: 415, code: "MEDIA_TYPE_UNSUPPORTED" },
  { name: "another encoding", headers: { ...json, "content-encoding": "deflate" }, body: deflateSync(good), status: 415, code: "MEDIA_TYPE_UNSUPPORTED" },
  { name: "gzip that is none", headers: { ...json, "content-encoding": "gzip" }, body: good, status: 400, code: "BODY_INVALID" },
  { name: "gzip cut off", headers: { ...ndjson, "content-encoding": "gzip" }, body: gzipSync(lines(good, good)).subarray(0, -12), status: 400, code: "BODY_INVALID" },
  { name: "gzip bomb", headers: { ...ndjson, "content-encoding": "gzip" }, body: gzipSync(Buffer.alloc(50_000_000, 32)).subarray(0, MAX_BODY), status: 413, code: "BODY_TOO_LARGE" },
  { name: "body beyond the limit", headers: ndjson, body: Buffer.alloc(MAX_BODY + 1, `${good}\n`), status: 413, code: "BODY_TOO_LARGE" },
  { name: "idempotency key too long", headers: { ...ndjson, "idempotency-key": "k".repeat(257) }, body: good, status: 400, code: "REQUEST_INVALID" },
  { name: "empty idempotency key", headers: { ...ndjson, "idempotency-key": "" }, body: good, status: 400, code: "REQUEST_INVALID" },
  // JSON and NDJSON
  { name: "empty JSON body", headers: json, body: "", status: 400, code: "BODY_INVALID" },
  { name: "empty NDJSON body", headers: ndjson, body: "\n \r\n\n", status: 400, code: "BODY_INVALID" },
  { name: "empty array", headers: json, body: " [ ] ", status: 400, code: "BODY_INVALID" },
  { name: "array cut off after a good event", headers: json, body: `[${good},`, status: 400, code: "BODY_INVALID" },
  { name: "array with a stray comma", headers: json, body: `[${good},]`, status: 400, code: "BODY_INVALID" },
  { name: "two objects in a JSON body", headers: json, body: `${good}\n${good}`, status: 400, code: "BODY_INVALID" },
  { name: "a number", headers: json, body: "42", status: 400, code: "BODY_INVALID" },
  { name: "null", headers: json, body: "null", status: 400, code: "BODY_INVALID" },
  { name: "JSON in Latin-1", headers: json, body: Buffer.from(order({ customer: "é" }), "latin1"), status: 400, code: "BODY_INVALID" },
  { name: "a null byte", headers: json, body: `${good}\0`, status: 400, code: "BODY_INVALID" },
  { name: "brackets without end", headers: json, body: "[".repeat(MAX_BODY), status: 400, code: "BODY_INVALID" },
  { name: "objects nested deeply", headers: json, body: `{"a":`.repeat(1_500) + "1" + "}".repeat(1_500), status: 400, code: "EVENT_INVALID", letters: 1 },
  { name: "an object that is not the stream's", headers: json, body: '{"hello":"world"}', status: 400, code: "EVENT_INVALID", letters: 1 },
  { name: "a prototype for the row", headers: json, body: '{"__proto__":{"customer":"x","quantity":1}}', status: 400, code: "EVENT_INVALID", letters: 1 },
  { name: "lines that are all bad", headers: ndjson, body: lines("{", "[]", "7", '"x"', "null"), status: 400, code: "EVENT_INVALID", letters: 5 },
  { name: "times that are none", headers: ndjson, body: lines(order({ at: "yesterday" }), order({ at: "2026-02-30T00:00:00Z" }), order({ at: 5 })), status: 400, code: "EVENT_INVALID", letters: 3 },
  { name: "an event from long ago", headers: json, body: order({ at: "1999-01-01T00:00:00Z" }), status: 400, code: "EVENT_INVALID", letters: 1 },
  { name: "an id without end", headers: json, body: order({ id: "x".repeat(513) }), status: 400, code: "EVENT_INVALID", letters: 1 },
  { name: "an id that is half a character", headers: json, body: '{"customer":"a","quantity":1,"id":"\\ud800"}', status: 400, code: "EVENT_INVALID", letters: 1 },
  // CloudEvents
  { name: "binary event without its attributes", headers: { ...json, "ce-id": "1" }, body: good, status: 400, code: "CLOUDEVENT_INVALID" },
  { name: "binary event of another version", headers: { ...binary, "ce-specversion": "0.3" }, body: good, status: 400, code: "CLOUDEVENT_INVALID" },
  { name: "header that is no UTF-8", headers: { ...binary, "ce-id": "%C0%A0" }, body: good, status: 400, code: "CLOUDEVENT_INVALID" },
  { name: "binary event in XML", headers: { ...binary, "content-type": "text/xml" }, body: "<a/>", status: 415, code: "MEDIA_TYPE_UNSUPPORTED" },
  { name: "binary event that is not JSON", headers: binary, body: "{", status: 400, code: "BODY_INVALID" },
  { name: "binary event that is refused", headers: binary, body: "{}", status: 400, code: "EVENT_INVALID", letters: 1 },
  { name: "event format that is not JSON", headers: { "content-type": "application/cloudevents+avro" }, body: good, status: 415, code: "MEDIA_TYPE_UNSUPPORTED" },
  { name: "structured event without data", headers: structured, body: JSON.stringify(attributes), status: 400, code: "CLOUDEVENT_INVALID" },
  { name: "structured event with broken base64", headers: structured, body: JSON.stringify({ ...attributes, datacontenttype: "application/json", data_base64: "{}" }), status: 400, code: "CLOUDEVENT_INVALID" },
  { name: "batch that is an object", headers: batched, body: JSON.stringify({ ...attributes, data: event }), status: 400, code: "CLOUDEVENT_INVALID" },
  { name: "batch with one bad event after a good one", headers: batched, body: JSON.stringify([{ ...attributes, data: event }, { ...attributes, id: "" }]), status: 400, code: "CLOUDEVENT_INVALID" },
  { name: "batch cut off", headers: batched, body: JSON.stringify([{ ...attributes, data: event }]).slice(0, -1), status: 400, code: "BODY_INVALID" },
  // dead letters
  { name: "dead letter that is not there", target: "GET /v1/streams/orders/dead-letters/0", status: 404, code: "DEAD_LETTER_NOT_FOUND" },
  { name: "dead letter id that is none", target: "GET /v1/streams/orders/dead-letters/..%2F..%2Fetc", status: 404, code: "DEAD_LETTER_NOT_FOUND" },
  { name: "page without a size", target: "GET /v1/streams/orders/dead-letters?limit=0", status: 400, code: "REQUEST_INVALID" },
  { name: "page size that is no number", target: "GET /v1/streams/orders/dead-letters?limit=ten", status: 400, code: "REQUEST_INVALID" },
  { name: "cursor that is none", target: "GET /v1/streams/orders/dead-letters?cursor=-1", status: 400, code: "REQUEST_INVALID" },
  { name: "writing a dead letter", target: "POST /v1/streams/orders/dead-letters", body: "{}", status: 405, code: "METHOD_NOT_ALLOWED" },
  { name: "reading a replay", target: "GET /v1/streams/orders/dead-letters/replay", status: 405, code: "METHOD_NOT_ALLOWED" },
  { name: "replay without a choice", target: REPLAY, body: "{}", status: 400, code: "REQUEST_INVALID" },
  { name: "replay with two choices", target: REPLAY, body: '{"ids":["0"],"reason":"x"}', status: 400, code: "REQUEST_INVALID" },
  { name: "replay of what is not there", target: REPLAY, body: '{"ids":["0"]}', status: 404, code: "DEAD_LETTER_NOT_FOUND" },
  { name: "replay with a misspelt member", target: REPLAY, body: '{"reason":"x","replacment":{}}', status: 400, code: "REQUEST_INVALID" },
  { name: "one replacement for many", target: REPLAY, body: '{"reason":"x","replacement":{}}', status: 400, code: "REQUEST_INVALID" },
  { name: "replay that is no JSON", target: REPLAY, body: "reason=x", status: 400, code: "BODY_INVALID" },
  { name: "discard of everything by mistake", target: DISCARD, body: '{"ids":[]}', status: 400, code: "REQUEST_INVALID" },
  { name: "dead letters of an unknown stream", target: "GET /v1/streams/nothing/dead-letters", status: 404, code: "STREAM_NOT_FOUND" },
];

async function send(kit: IngestionKit, { target = "POST /v1/streams/orders/events", headers = {}, body = "" }: Pick<BadRequest, "target" | "headers" | "body">): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> {
  const [method = "", url = ""] = target.split(" ");
  const [path = "", query = ""] = url.split("?");
  const response = await handleEvents({ method, path, query: new URLSearchParams(query), headers, body: Buffer.from(body), signal: new AbortController().signal }, kit.ingestion);
  return { status: response?.status ?? 0, body: JSON.parse(textOf(response)) as Record<string, unknown> };
}

for (const bad of table) {
  test(`${bad.name}: ${bad.status} ${bad.code}`, async () => {
    await using kit = await openIngestionKit({ maxBodyBytes: MAX_BODY });
    const answer = await send(kit, bad);
    const error = answer.body["error"] as Readonly<Record<string, unknown>>;
    assert.deepEqual([answer.status, error["code"]], [bad.status, bad.code], JSON.stringify(error));
    assert.ok(String(error["message"]).length > 10 && String(error["hint"]).length > 5, "says what is wrong and what to do");
    assert.deepEqual([await kit.records("orders"), (await kit.records("strata_dead_orders")).length, (await kit.records("strata_dead_resolved_orders")).length], [[], bad.letters ?? 0, 0]);
    assert.ok(kit.log.logs().every((log) => log === "strata_dead_orders"), "nothing else was written");
    const afterwards = await send(kit, { headers: batched, body: JSON.stringify([{ ...attributes, data: event }, { ...attributes, id: "2", data: { customer: "ada", quantity: 1 } }]) });
    assert.deepEqual([afterwards.status, afterwards.body["accepted"]], [202, 2], "the ids it brought are free and the stream goes on");
  });
}
