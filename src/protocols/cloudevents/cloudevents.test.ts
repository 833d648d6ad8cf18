import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { StrataError } from "../../kernel/errors.ts";
import type { CloudEvent } from "./cloud-event.ts";
import { contentModeOf, parseCloudEvents } from "./http-binding.ts";
import type { Headers } from "./http-binding.ts";

const REQUIRED = { specversion: "1.0", id: "A234-1234-1234", source: "/mycontext", type: "com.example.someevent" };
const BINARY: Headers = { "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t", "content-type": "application/json" };
const STRUCTURED: Headers = { "content-type": "application/cloudevents+json; charset=UTF-8" };
const BATCHED: Headers = { "content-type": "Application/CloudEvents-Batch+JSON" };

const parse = (headers: Headers, body: unknown): readonly CloudEvent[] =>
  parseCloudEvents(contentModeOf(headers) ?? assert.fail("no mode"), headers, Buffer.isBuffer(body) ? body : Buffer.from(typeof body === "string" ? body : JSON.stringify(body)));

/** `path: message` of each problem, or the error's code. */
function problemsOf(headers: Headers, body: unknown): readonly string[] | string {
  try {
    parse(headers, body);
    return [];
  } catch (thrown) {
    const error = thrown as StrataError;
    return error.code === "CLOUDEVENT_INVALID" ? error.problems.map(({ path, message }) => `${path}: ${message}`) : error.code;
  }
}

test("the mode is told by Content-Type, else by the required headers", () => {
  assert.deepEqual([BINARY, STRUCTURED, BATCHED, { "content-type": "application/json" }, {}].map(contentModeOf), ["binary", "structured", "batched", undefined, undefined]);
  assert.equal(contentModeOf({ "ce-type": "t" }), "binary");
  assert.equal(contentModeOf({ "ce-subject": "t", "content-type": "application/json" }), undefined);
});

test("binary mode: attributes from headers, data and its own bytes from the body", () => {
  const body = '{ "a": 1.0 }';
  const [event] = parse({ ...BINARY, "ce-time": "2018-04-05T03:56:24.5+01:00", "ce-comexampleextension1": "value", "content-type": "application/vnd.shop+json; charset=utf-8" }, body);
  assert.deepEqual({ ...event, payload: event!.payload!.toString() }, {
    id: "1", source: "/s", type: "t", data: { a: 1 }, payload: body, time: { text: "2018-04-05T03:56:24.5+01:00", ms: Date.UTC(2018, 3, 5, 2, 56, 24, 500) },
  });
});

test("any attribute text survives the way through a header, encoded as the binding says", () => {
  const encode = (text: string): string => Array.from(text, (character) => (/[!#$&-~]/.test(character) ? character : Array.from(Buffer.from(character), (byte) => `%${byte.toString(16).padStart(2, "0")}`).join(""))).join("");
  const allowed = fc.string({ unit: "grapheme", minLength: 1 }).filter((text) => !/\p{Cc}|\p{Noncharacter_Code_Point}/u.test(text));
  fc.assert(fc.property(allowed, (id) => {
    assert.equal(parse({ ...BINARY, "ce-id": encode(id) }, "{}")[0]?.id, id);
  }));
  assert.equal(parse({ ...BINARY, "ce-id": "Euro%20%E2%82%AC%20%F0%9F%98%80" }, "{}")[0]?.id, "Euro € 😀");
  assert.equal(parse({ ...BINARY, "ce-id": String.raw`"a \"b\" \\ c%20d"` }, "{}")[0]?.id, 'a "b" \\ c d');
});

test("header values that are no percent-encoded UTF-8 are refused", () => {
  for (const value of ["%C0%A0", "%", "%zz", "%ff", "é"]) assert.deepEqual(problemsOf({ ...BINARY, "ce-id": value }, "{}"), ["id: is not percent-encoded UTF-8"], value);
});

test("binary mode: what is missing, misplaced or not JSON", () => {
  assert.deepEqual(problemsOf({ "ce-id": "1", "content-type": "application/json" }, "{}"), ["specversion: is required", "source: is required", "type: is required"]);
  assert.deepEqual(problemsOf({ ...BINARY, "ce-datacontenttype": "application/json" }, "{}"), ["datacontenttype: belongs into Content-Type in binary mode"]);
  for (const type of ["text/plain", "", undefined, "application/jsonl"]) assert.equal(problemsOf({ ...BINARY, "content-type": type }, "{}"), "MEDIA_TYPE_UNSUPPORTED");
  assert.equal(problemsOf(BINARY, "{"), "BODY_INVALID");
  assert.equal(problemsOf(BINARY, Buffer.from('"\xff"', "latin1")), "BODY_INVALID");
});

test("structured mode: data as a JSON value, null attributes as not set", () => {
  const [event] = parse(STRUCTURED, { ...REQUIRED, subject: null, time: null, comexampleothervalue: 5, flag: true, datacontenttype: "application/json", data: { a: null } });
  assert.deepEqual(event, { id: REQUIRED.id, source: REQUIRED.source, type: REQUIRED.type, data: { a: null } });
  assert.equal(parse(STRUCTURED, { ...REQUIRED, data: "I'm just a string" })[0]?.data, "I'm just a string");
  assert.equal(parse(STRUCTURED, { ...REQUIRED, data: null })[0]?.data, null);
});

test("structured mode: base64 data that is declared to be JSON keeps its bytes", () => {
  const text = '{"xyz": 1.0}';
  const encoded = Buffer.from(text).toString("base64");
  const [event] = parse(STRUCTURED, { ...REQUIRED, datacontenttype: "application/json", data_base64: encoded });
  assert.deepEqual([event?.data, event?.payload?.toString()], [{ xyz: 1 }, text]);
  assert.deepEqual(problemsOf(STRUCTURED, { ...REQUIRED, data_base64: encoded }), ["data: in data_base64 needs a datacontenttype that says it is JSON"]);
  assert.deepEqual(problemsOf(STRUCTURED, { ...REQUIRED, datacontenttype: "text/xml", data_base64: encoded }), ['data: is "text/xml"; a stream\'s events are JSON']);
  assert.deepEqual(problemsOf(STRUCTURED, { ...REQUIRED, datacontenttype: "application/json", data_base64: "e30" }), ["data: in data_base64 is not base64 text"]);
  assert.match(problemsOf(STRUCTURED, { ...REQUIRED, datacontenttype: "application/json", data_base64: "e30x" })[0]!, /^data: in data_base64: The request body is not valid JSON/);
  assert.deepEqual(problemsOf(STRUCTURED, { ...REQUIRED, data: {}, data_base64: "e30=" }), ["data: and data_base64 exclude each other"]);
});

test("every rule on attributes is told at once", () => {
  const table: readonly (readonly [Readonly<Record<string, unknown>>, readonly string[]])[] = [
    [{ specversion: "0.3" }, ['specversion: is "0.3"; only "1.0" is supported']],
    [{ specversion: 1 }, ["specversion: must be text"]],
    [{ id: "" }, ["id: must not be empty"]],
    [{ id: null }, ["id: is required"]],
    [{ id: "a\u0007" }, ["id: contains characters that CloudEvents forbid"]],
    [{ id: "\ud800" }, ["id: contains characters that CloudEvents forbid"]],
    [{ id: "\ufdd0" }, ["id: contains characters that CloudEvents forbid"]],
    [{ type: 7 }, ["type: must be text"]],
    [{ source: "" }, ["source: must be a non-empty URI reference"]],
    [{ source: "a b" }, ["source: must be a non-empty URI reference"]],
    [{ source: "a%2" }, ["source: must be a non-empty URI reference"]],
    [{ time: "2018-04-05" }, ["time: must be an RFC 3339 time"]],
    [{ time: "2018-02-30T00:00:00Z" }, ["time: must be an RFC 3339 time"]],
    [{ time: 1 }, ["time: must be text"]],
    [{ dataschema: "relative" }, ["dataschema: must be an absolute URI"]],
    [{ subject: "" }, ["subject: must not be empty"]],
    [{ datacontenttype: "json" }, ["datacontenttype: must be a media type", 'data: is "json"; a stream\'s events are JSON']],
    [{ Extension: "x" }, ["Extension: is no attribute name: use lower-case letters and digits"]],
    [{ ext: {} }, ["ext: must be text, a boolean or a 32-bit integer"]],
    [{ ext: 2 ** 31 }, ["ext: must be text, a boolean or a 32-bit integer"]],
    [{ ext: 0.5 }, ["ext: must be text, a boolean or a 32-bit integer"]],
    [{ ext: -(2 ** 31), time: "2018-04-05t03:56:24z", source: "urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66", dataschema: "https://x.example/s" }, []],
  ];
  for (const [changes, expected] of table) assert.deepEqual(problemsOf(STRUCTURED, { ...REQUIRED, data: {}, ...changes }), expected, JSON.stringify(changes));
  assert.deepEqual(problemsOf(STRUCTURED, { ...REQUIRED, id: "", source: " " }), ["id: must not be empty", "source: must be a non-empty URI reference", "data: is missing: a stream's event is its data"]);
  for (const body of ["[]", "7", "null", '"x"']) assert.deepEqual(problemsOf(STRUCTURED, body), [": is no JSON object"]);
  assert.equal(problemsOf(STRUCTURED, "{"), "BODY_INVALID");
});

test("batched mode: all events, or the problems of each that has some; an empty batch is one", () => {
  const events = parse(BATCHED, [{ ...REQUIRED, data: { n: 1 } }, { ...REQUIRED, id: "2", data: { n: 2 } }]);
  assert.deepEqual(events.map(({ id, data }) => [id, data]), [[REQUIRED.id, { n: 1 }], ["2", { n: 2 }]]);
  assert.deepEqual(parse(BATCHED, "[]"), []);
  assert.deepEqual(problemsOf(BATCHED, [{ ...REQUIRED, data: {} }, 7, { ...REQUIRED, type: "", data: {} }]), ["1: is no JSON object", "2.type: must not be empty"]);
  assert.deepEqual(problemsOf(BATCHED, { ...REQUIRED, data: {} }), [": a batch is a JSON array of events"]);
});

test("other event formats are not understood", () => {
  for (const type of ["application/cloudevents+avro", "application/cloudevents", "application/cloudevents-batch+xml"]) assert.equal(problemsOf({ "content-type": type }, "{}"), "MEDIA_TYPE_UNSUPPORTED");
});
