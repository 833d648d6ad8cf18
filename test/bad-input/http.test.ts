/**
 * Malformed requests to a platform that serves: each is refused with its status and code and leaves nothing behind,
 * and the platform goes on serving. Events and dead letters have a table of their own (ingestion.test.ts), and so has
 * the inference protocol (oip.test.ts).
 */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { send, until } from "../scenarios/platform-kit.ts";
import type { Sent } from "../scenarios/platform-kit.ts";
import { MAX_BODY_BYTES, openServedPlatform, refuses } from "./served-platform.ts";
import type { BadRequest, ServedPlatform } from "./served-platform.ts";

type Row = readonly [name: string, request: string | Sent, status: number, code: string, says?: RegExp];

const json = { "content-type": "application/json" };
const ndjson = { "content-type": "application/x-ndjson" };
const GUESS = "/v1/endpoints/guess";
const HEAT = "/v1/features/heat";
const EVENTS = "/v1/streams/readings/events";
const good = JSON.stringify({ id: "g", machine: "m", celsius: 1, at: Date.UTC(2026, 0, 5) });
const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
const raw = (path: string, body: string | Buffer, headers: Readonly<Record<string, string>> = json): Sent => ({ path, body, headers });
const post = (path: string, body: unknown): Sent => ({ path, body });
const method = (name: string, path: string): Sent => ({ method: name, path });

/** A request given as text is a GET of that path. */
const TABLE: readonly Row[] = [
  // where it goes
  ["a path that is nothing", "/nothing", 404, "ROUTE_NOT_FOUND"],
  ["a path below /v1 that is nothing", "/v1/nothing", 404, "ROUTE_NOT_FOUND"],
  ["a path of a model that is nothing", "/v1/models/wear/nothing", 404, "ROUTE_NOT_FOUND"],
  ["an empty segment before /v1", "//v1/models", 404, "ROUTE_NOT_FOUND"],
  ["a path that climbs", "/console/../package.json", 404, "ROUTE_NOT_FOUND"],
  ["a path that climbs in disguise", "/console/%2e%2e/package.json", 404, "ROUTE_NOT_FOUND"],
  ["a path of 4,000 characters", `/${"a".repeat(4_000)}`, 404, "ROUTE_NOT_FOUND"],
  ["PUT where GET answers", method("PUT", "/v1/overview"), 405, "METHOD_NOT_ALLOWED", /GET|PUT/],
  ["DELETE of a model", method("DELETE", "/v1/models/wear"), 405, "METHOD_NOT_ALLOWED"],
  ["GET of an endpoint", GUESS, 405, "METHOD_NOT_ALLOWED"],
  ["PATCH of events", method("PATCH", EVENTS), 405, "METHOD_NOT_ALLOWED"],
  ["POST to the console", post("/", {}), 405, "METHOD_NOT_ALLOWED"],
  ["POST to the metrics", post("/metrics", {}), 405, "METHOD_NOT_ALLOWED"],
  ["a method that nobody knows", method("PURGE", "/v1/models"), 405, "METHOD_NOT_ALLOWED"],
  ["a percent sign without digits in a model", "/v1/models/%zz", 400, "REQUEST_INVALID", /%zz/],
  ["a byte that is no UTF-8 in an endpoint", post("/v1/endpoints/%ff", {}), 400, "REQUEST_INVALID"],
  ["half a character in a stream", raw("/v1/streams/%E0%A4%A/events", good), 400, "REQUEST_INVALID"],
  ["half a character below /v2", "/v2/models/%E0%A4", 400, "REQUEST_INVALID"],
  ["events that a page of another site sends", raw(EVENTS, good, { "content-type": "text/plain", "sec-fetch-site": "cross-site" }), 403, "CROSS_SITE_REFUSED"],
  ["a training that a page of another site starts", raw("/v1/models/wear/train", "{}", { ...json, "sec-fetch-site": "cross-site" }), 403, "CROSS_SITE_REFUSED"],
  // names that do not exist, also those every object has
  ["an unknown stream", raw("/v1/streams/nothing/events", good), 404, "STREAM_NOT_FOUND", /nothing/],
  ["a stream named constructor", raw("/v1/streams/constructor/events", good), 404, "STREAM_NOT_FOUND"],
  ["the platform's own stream", raw("/v1/streams/strata_predictions/events", good), 404, "STREAM_NOT_FOUND"],
  ["an unknown endpoint", post("/v1/endpoints/nothing", {}), 404, "ENDPOINT_NOT_FOUND", /nothing/],
  ["an endpoint named __proto__", post("/v1/endpoints/__proto__", {}), 404, "ENDPOINT_NOT_FOUND"],
  ["an unknown view", post("/v1/features/nothing", { keys: [{ machine: "m" }] }), 404, "FEATURE_VIEW_NOT_FOUND", /heat/],
  ["a view named constructor", post("/v1/features/constructor", { keys: [{ machine: "m" }] }), 404, "FEATURE_VIEW_NOT_FOUND"],
  ["an unknown model", "/v1/models/nothing", 404, "MODEL_NOT_FOUND", /wear/],
  ["a model with a zero byte", "/v1/models/wear%00", 404, "MODEL_NOT_FOUND"],
  ["a model named __proto__", "/v1/models/__proto__/evidence", 404, "MODEL_NOT_FOUND"],
  ["a version that is not there", "/v1/models/wear/versions/99", 404, "MODEL_VERSION_NOT_FOUND"],
  ["version 0", "/v1/models/wear/versions/0", 400, "REQUEST_INVALID"],
  ["version 1.5", "/v1/models/wear/versions/1.5", 400, "REQUEST_INVALID"],
  ["version 1e0", "/v1/models/wear/versions/1e0", 400, "REQUEST_INVALID"],
  ["version latest", "/v1/models/wear/versions/latest", 400, "REQUEST_INVALID", /latest/],
  ["an unknown run", "/v1/runs/nothing", 404, "RUN_NOT_FOUND"],
  ["metrics of an unknown run", "/v1/runs/nothing/metrics/auc", 404, "RUN_NOT_FOUND"],
  // asking an endpoint
  ["no body", raw(GUESS, ""), 400, "BODY_INVALID", /JSON/],
  ["half a body", raw(GUESS, `{"machine":`), 400, "BODY_INVALID"],
  ["a body with something after it", raw(GUESS, `{"machine":"m"} {}`), 400, "BODY_INVALID"],
  ["a body that is no UTF-8", raw(GUESS, Buffer.from(`{"machine":"\u00e9"}`, "latin1")), 400, "BODY_INVALID", /UTF-8/],
  ["a body in UTF-16", raw(GUESS, Buffer.from(`{"machine":"m"}`, "utf16le")), 400, "BODY_INVALID"],
  ["NaN, which is no JSON", raw(GUESS, `{"machine":NaN}`), 400, "BODY_INVALID"],
  ["null", raw(GUESS, "null"), 400, "REQUEST_INVALID"],
  ["a list", raw(GUESS, `[{"machine":"m"}]`), 400, "REQUEST_INVALID"],
  ["100,000 lists in each other", raw(GUESS, nested(100_000)), 400, "BODY_INVALID", /nested/],
  ["no field", post(GUESS, {}), 400, "REQUEST_INVALID", /machine/],
  ["a field of another type", post(GUESS, { machine: 5 }), 400, "REQUEST_INVALID", /machine/],
  ["a field of lists in each other", raw(GUESS, `{"machine":${nested(101)}}`), 400, "BODY_INVALID", /nested/],
  ["a field of fewer lists in each other", raw(GUESS, `{"machine":${nested(90)}}`), 400, "REQUEST_INVALID", /machine/],
  ["the field in a prototype", raw(GUESS, `{"__proto__":{"machine":"m"}}`), 400, "REQUEST_INVALID", /machine/],
  ["a key with the reserved character", post(GUESS, { machine: "a\u001fb" }), 400, "ENTITY_KEY_INVALID", /U\+001F/],
  ["a variant that is none", { ...post(GUESS, { machine: "m" }), headers: { "strata-variant": "shadow" } }, 400, "REQUEST_INVALID", /champion or canary/],
  // reading features
  ["no keys", post(HEAT, {}), 400, "REQUEST_INVALID", /keys/],
  ["an empty list of keys", post(HEAT, { keys: [] }), 400, "REQUEST_INVALID"],
  ["10,001 keys", post(HEAT, { keys: Array.from({ length: 10_001 }, () => ({ machine: "m" })) }), 400, "REQUEST_INVALID"],
  ["a key of another entity", post(HEAT, { keys: [{ customer: "m" }] }), 400, "ENTITY_KEY_INVALID", /customer/],
  ["an empty key object", post(HEAT, { keys: [{}] }), 400, "ENTITY_KEY_INVALID", /nothing was given/],
  ["a key that is a number", post(HEAT, { keys: [{ machine: 7 }] }), 400, "REQUEST_INVALID"],
  ["a key that is a list", post(HEAT, { keys: [{ machine: ["m"] }] }), 400, "REQUEST_INVALID"],
  ["a key in a prototype", raw(HEAT, `{"keys":[{"__proto__":{"machine":"m"}}]}`), 400, "ENTITY_KEY_INVALID"],
  ["a key named __proto__", raw(HEAT, `{"keys":[{"__proto__":"m"}]}`), 400, "ENTITY_KEY_INVALID"],
  ["one bad key among good ones", post(HEAT, { keys: [{ machine: "m" }, { machine: "a\u001fb" }] }), 400, "ENTITY_KEY_INVALID"],
  ["a time that is text", post(HEAT, { keys: [{ machine: "m" }], atMs: "now" }), 400, "REQUEST_INVALID", /atMs/],
  ["a time that is null", post(HEAT, { keys: [{ machine: "m" }], atMs: null }), 400, "REQUEST_INVALID", /atMs/],
  ["a time beyond all numbers", raw(HEAT, `{"keys":[{"machine":"m"}],"atMs":1e999}`), 400, "REQUEST_INVALID", /atMs/],
  ["a time beyond all dates", post(HEAT, { keys: [{ machine: "m" }], atMs: 1e300 }), 400, "REQUEST_INVALID", /atMs/],
  ["a time before all dates", post(HEAT, { keys: [{ machine: "m" }], atMs: -1e300 }), 400, "REQUEST_INVALID", /atMs/],
  ["a field that is not asked for", post(HEAT, { keys: [{ machine: "m" }], limit: 5 }), 400, "REQUEST_INVALID", /limit/],
  // commands
  ["training an unknown model", post("/v1/models/nothing/train", {}), 404, "MODEL_NOT_FOUND"],
  ["training for a reason that is a number", post("/v1/models/wear/train", { reason: 5 }), 400, "REQUEST_INVALID"],
  ["rolling back without a reason", post("/v1/models/wear/rollback", {}), 400, "REQUEST_INVALID", /reason/],
  ["rolling back for no reason", post("/v1/models/wear/rollback", { reason: "" }), 400, "REQUEST_INVALID"],
  ["rolling back for a blank reason", post("/v1/models/wear/rollback", { reason: "  " }), 400, "REQUEST_INVALID"],
  ["rolling back without an earlier champion", post("/v1/models/wear/rollback", { reason: "why not" }), 409, "ALIAS_REFUSED", /no earlier champion/],
  ["cancelling a rollout that is not", post("/v1/models/wear/rollout/cancel", { reason: "why not" }), 404, "ROLLOUT_NOT_FOUND"],
  ["applying without a file", post("/v1/apply", {}), 400, "REQUEST_INVALID", /not started from a definition file/],
  ["applying a hash that is a number", post("/v1/apply", { hash: 1 }), 400, "REQUEST_INVALID"],
  ["planning nothing", post("/v1/plan", {}), 400, "REQUEST_INVALID", /document/],
  ["planning half a document", post("/v1/plan", { document: { name: "x", resources: { streams: {} } } }), 400, "REQUEST_INVALID"],
  ["planning a resource that is text", post("/v1/plan", { document: documentWith({ streams: { clicks: "text" } }) }), 400, "REQUEST_INVALID"],
  ["planning 30,000 lists in each other", raw("/v1/plan", JSON.stringify({ document: documentWith({ streams: { readings: { deep: "LISTS" } } }) }).replace("\"LISTS\"", nested(30_000))), 400, "BODY_INVALID", /nested/],
  ["auditing nothing", post("/v1/audit", { limit: 0 }), 400, "REQUEST_INVALID", /limit/],
  ["auditing many", post("/v1/audit", { limit: "many" }), 400, "REQUEST_INVALID"],
  ["auditing half a row", post("/v1/audit", { limit: 1.5 }), 400, "REQUEST_INVALID"],
  // lists
  ["a list of nothing", "/v1/runs?limit=0", 400, "REQUEST_INVALID", /limit/],
  ["a list that is too long", "/v1/decisions?limit=1001", 400, "REQUEST_INVALID"],
  ["a list of some", "/v1/rollouts?limit=some", 400, "REQUEST_INVALID", /some/],
  ["a cursor of nothing", "/v1/decisions?cursor=nothing", 400, "REQUEST_INVALID", /cursor/],
  ["a level that is none", "/v1/logs?level=loud", 400, "REQUEST_INVALID", /loud/],
  ["lines after a negative number", "/v1/logs?after=-1", 400, "REQUEST_INVALID"],
  // events, through the whole platform
  ["events of another type", raw(EVENTS, "a=1", { "content-type": "application/x-www-form-urlencoded" }), 415, "MEDIA_TYPE_UNSUPPORTED"],
  ["an array of events that ends early", raw(EVENTS, `[${good},`), 400, "BODY_INVALID"],
  ["gzip that ends early", raw(EVENTS, gzipSync(`${good}\n`.repeat(1_000)).subarray(0, -20), { ...ndjson, "content-encoding": "gzip" }), 400, "BODY_INVALID", /gzip/],
  ["gzip that grows beyond the limit", raw(EVENTS, gzipSync(" ".repeat(100 * 1024 * 1024)), { ...ndjson, "content-encoding": "gzip" }), 413, "BODY_TOO_LARGE"],
  ["a body beyond the limit", raw(EVENTS, `${good}\n`.repeat(5_000), ndjson), 413, "BODY_TOO_LARGE"],
  ["a question beyond the limit", post(GUESS, { machine: "m".repeat(MAX_BODY_BYTES) }), 413, "BODY_TOO_LARGE"],
];

function documentWith(resources: Readonly<Record<string, unknown>>): unknown {
  return { name: "x", resources: { streams: {}, featureViews: {}, candidates: {}, onDemand: {}, models: {}, endpoints: {}, ...resources } };
}

test("malformed requests", { timeout: 120_000 }, async (context) => {
  await using served = await openServedPlatform();
  for (const [name, request, status, code, says] of TABLE) {
    const row: BadRequest = { name, request: typeof request === "string" ? { path: request } : request, status, code, ...(says ? { says } : {}) };
    await context.test(`${name}: ${status} ${code}`, async () => { await refuses(served, row); });
  }
  await context.test("a body that never ends is refused while it is sent", () => endlessBody(served));
  await context.test("refused events are kept as dead letters, and nothing else of them", () => refusedEvents(served));
  await context.test("strange but valid: answered, and the prototype of all objects is as it was", () => strangeButValid(served));
  await context.test("bytes that are no HTTP, headers without end and clients that hang up harm nobody", () => brokenConnections(served));
});

async function endlessBody(served: ServedPlatform): Promise<void> {
  const pieces = async function* () {
    for (let at = 0; at < 64; at++) yield Buffer.alloc(64 * 1024, 0x20);
  };
  await refuses(served, { name: "", request: { path: EVENTS, headers: ndjson, body: pieces() }, status: 413, code: "BODY_TOO_LARGE" });
}

/** [what, the event's text] */
const REFUSED: readonly (readonly [string, string])[] = [
  ["a number beyond all numbers", good.replace("\"celsius\":1", "\"celsius\":1e999")],
  ["a time beyond all dates", good.replace(/"at":\d+/, "\"at\":1e300")],
  ["a time before all dates", good.replace(/"at":\d+/, "\"at\":-1e300")],
  ["a time that is text", good.replace(/"at":\d+/, "\"at\":\"noon\"")],
  ["fields in a prototype", `{"__proto__":${good}}`],
  ["a field in a prototype", good.replace("\"machine\":\"m\"", "\"__proto__\":{\"machine\":\"m\"}")],
  ["lists in each other", good.replace("\"m\"", nested(20_000))],
  ["a list", `[1]`],
  ["a word", `"word"`],
];

async function refusedEvents({ platform }: ServedPlatform): Promise<void> {
  const offsets = async () => (await platform.overview()).streams.map(({ name, events }) => [name, events]);
  const letters = async (): Promise<number> => Object.values(await platform.ingestion.deadLetterCounts("readings")).reduce((sum, count) => sum + count, 0);
  const [offsetsBefore, lettersBefore] = [await offsets(), await letters()];
  for (const [what, text] of REFUSED) {
    const answer = await send(platform.url, raw(EVENTS, text, ndjson));
    assert.deepEqual([answer.status, (answer.json as { readonly error: { readonly code: string } }).error.code], [400, "EVENT_INVALID"], `${what}: ${answer.text.slice(0, 300)}`);
  }
  assert.deepEqual(await offsets(), offsetsBefore);
  assert.equal(await letters(), lettersBefore + REFUSED.length);

  const mixed = await send(platform.url, raw(EVENTS, [good, "{broken", "", good.replace("\"g\"", "\"h\""), "null"].join("\n"), ndjson));
  const { accepted, rejected } = mixed.json as { readonly accepted: number; readonly rejected: number };
  assert.deepEqual([mixed.status, accepted, rejected], [202, 2, 2], mixed.text);
}

async function strangeButValid({ platform, clock }: ServedPlatform): Promise<void> {
  const polluting = await send(platform.url, raw(GUESS, `{"machine":"m","__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}`));
  assert.equal(polluting.status, 200, polluting.text);
  const event = await send(platform.url, raw(EVENTS, good.replace("{", `{"__proto__":{"polluted":1},"extra":${nested(5_000)},`).replace("\"g\"", "\"strange\"")));
  assert.equal(event.status, 202, event.text);
  assert.equal(({} as { readonly polluted?: number }).polluted, undefined);

  const long = "x".repeat(200_000);
  const read = await send(platform.url, post(HEAT, { keys: [{ machine: long }, { machine: "" }, { machine: "__proto__" }] }));
  assert.deepEqual((read.json as { readonly rows: unknown }).rows, [[null, null, 0], [null, null, 0], [null, null, 0]]);
  const answer = await send(platform.url, post(GUESS, { machine: long }));
  assert.deepEqual([answer.status, (answer.json as { readonly variant: string }).variant], [200, "champion"]);
  await platform.ingestion.ingestRows("readings", [{ row: { id: "proto", machine: "__proto__", celsius: 3, at: clock.now() } }]);
  const known = await send(platform.url, post(HEAT, { keys: [{ machine: "__proto__" }] }));
  assert.deepEqual((known.json as { readonly rows: unknown }).rows, [[3, 3, 1]]);
}

async function brokenConnections(served: ServedPlatform): Promise<void> {
  const { url } = served.platform;
  const before = await served.fingerprint();
  assert.match(await exchange(url, "NONSENSE\r\n\r\n"), /^HTTP\/1\.1 400 /);
  assert.match(await exchange(url, `GET / HTTP/1.1\r\nhost: x\r\n${"x-long: ".padEnd(20_000, "y")}\r\n\r\n`), /^HTTP\/1\.1 431 /);
  assert.match(await exchange(url, `POST ${EVENTS} HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n`), /^HTTP\/1\.1 400 /);
  assert.equal(await hangUp(url, `POST ${EVENTS} HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-ndjson\r\ncontent-length: 5000\r\n\r\n${good}\n`), "");
  await until("an answer afterwards", async () => ((await send(url, { path: "/v1/models" })).status === 200 ? true : undefined));
  assert.deepEqual(await served.fingerprint(), before);
}

/** Sends the text and returns all that comes back until the server closes. */
function exchange(url: string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    let answer = "";
    const socket = connect(Number(port), hostname, () => socket.write(text));
    socket.setEncoding("latin1").on("data", (part: string) => { answer += part; }).on("close", () => resolve(answer)).on("error", (thrown) => (answer === "" ? reject(thrown) : resolve(answer)));
  });
}

/** Sends the text, then hangs up. */
function hangUp(url: string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname, () => socket.write(text, () => socket.resetAndDestroy()));
    socket.on("close", () => resolve("")).on("error", reject);
  });
}
