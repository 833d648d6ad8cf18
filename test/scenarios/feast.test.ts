/**
 * Feast's feature-server API as a platform answers it. The expected bodies are those of Feast 0.66 itself, recorded from
 * `feast serve` with the same requests; where ours must differ (a Strata definition has other views) only names do.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createReplayClock } from "strata/testing";
import type { Platform } from "strata/testing";
import application from "./feast-app.ts";
import { openTestPlatform, send, temporaryFolder, until } from "./platform-kit.ts";
import type { Answered } from "./platform-kit.ts";

const NOW = Date.parse("2026-11-22T15:00:00.250Z");
const clock = createReplayClock(NOW);
let platform: Platform;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;

const post = (path: string, body: unknown): Promise<Answered> => send(platform.url, { path, body });
const online = (body: unknown): Promise<Answered> => post("/get-online-features", body);
const EPOCH = "\"1970-01-01T00:00:00Z\"";
const AT = "\"2026-11-22T15:00:00.250Z\"";

before(async () => {
  folder = await temporaryFolder();
  platform = await openTestPlatform(application, { dataDir: folder.path, clock });
  const pushed = await post("/push", { push_source_name: "profiles", df: { customer: ["C1", "C2"], country: ["FR", null], score: [10, 0.5], level: [3, null], vip: [true, false], event_timestamp: ["2026-11-22T15:00:00.250000", "2026-11-22T15:00:00+00:00"] } });
  assert.equal(`${pushed.status} [${pushed.text}]`, "200 []");
  const bought = await post("/push", { push_source_name: "purchases", to: "online_and_offline", df: { customer: ["C1", "C1", "C3"], item: ["I1", "I1", "I2"], amount: [20, 1, 4], event_timestamp: ["2026-11-22T14:59:00Z", "2026-11-22 15:00:00.250Z", "2026-11-22T13:00:00.250"] } });
  assert.equal(bought.status, 200, bought.text);
});
after(async () => {
  await platform.close();
  await folder[Symbol.asyncDispose]();
});

test("a read is column by column, keys first, with the time of each entity's latest event", async () => {
  const { status, headers, text } = await online({ features: ["customer_profile:country", "customer_profile:score", "customer_profile:level", "customer_profile:vip"], entities: { customer: ["C1", "C2", "C9"] } });
  assert.equal(status, 200);
  assert.equal(headers["content-type"], "application/json");
  const second = "\"2026-11-22T15:00:00Z\"";
  assert.equal(text, `{"results":[{"values":["C1","C2","C9"],"statuses":["PRESENT","PRESENT","PRESENT"],"event_timestamps":[${EPOCH},${EPOCH},${EPOCH}]},`
    + `{"values":["FR",null,null],"statuses":["PRESENT","NULL_VALUE","NOT_FOUND"],"event_timestamps":[${AT},${second},${EPOCH}]},`
    + `{"values":[10.0,0.5,null],"statuses":["PRESENT","PRESENT","NOT_FOUND"],"event_timestamps":[${AT},${second},${EPOCH}]},`
    + `{"values":[3,null,null],"statuses":["PRESENT","NULL_VALUE","NOT_FOUND"],"event_timestamps":[${AT},${second},${EPOCH}]},`
    + `{"values":[true,false,null],"statuses":["PRESENT","PRESENT","NOT_FOUND"],"event_timestamps":[${AT},${second},${EPOCH}]}],`
    + "\"metadata\":{\"feature_names\":[\"customer\",\"country\",\"score\",\"level\",\"vip\"]}}");
});

test("views are grouped in first-seen order, full names join view and feature, and keys keep their order", async () => {
  const { text } = await online({ features: ["affinity:bought", "customer_activity:orders_1d", "customer_activity:spend_1d"], entities: { item: ["I1", "I2"], customer: ["C1", "C1"] }, full_feature_names: true });
  const answer = JSON.parse(text) as { readonly metadata: { readonly feature_names: readonly string[] }; readonly results: readonly { readonly values: readonly unknown[] }[] };
  assert.deepEqual(answer.metadata.feature_names, ["item", "customer", "affinity__bought", "customer_activity__orders_1d", "customer_activity__spend_1d"]);
  assert.deepEqual(answer.results.map(({ values }) => values), [["I1", "I2"], ["C1", "C1"], [2, null], [2, 2], [21, 21]]);
});

test("a feature service by its name, which wins over features", async () => {
  const { text } = await online({ feature_service: "shopper", features: ["customer_profile:vip"], entities: { customer: ["C1"], item: ["I1"] } });
  assert.equal(text, `{"results":[{"values":["C1"],"statuses":["PRESENT"],"event_timestamps":[${EPOCH}]},{"values":["I1"],"statuses":["PRESENT"],"event_timestamps":[${EPOCH}]},`
    + `{"values":["FR"],"statuses":["PRESENT"],"event_timestamps":[${AT}]},{"values":[3],"statuses":["PRESENT"],"event_timestamps":[${AT}]},{"values":[2],"statuses":["PRESENT"],"event_timestamps":[${AT}]}],`
    + "\"metadata\":{\"feature_names\":[\"customer\",\"item\",\"country\",\"level\",\"bought\"]}}");
});

test("on-demand features take their request values from the entities, and the values are not echoed", async () => {
  const { text } = await online({ feature_service: "basket", entities: { customer: ["C1", "C2"], amount: [42, 1] } });
  assert.equal(text, `{"results":[{"values":["C1","C2"],"statuses":["PRESENT","PRESENT"],"event_timestamps":[${EPOCH},${EPOCH}]},{"values":[21.0,null],"statuses":["PRESENT","NOT_FOUND"],"event_timestamps":[${AT},${EPOCH}]},`
    + `{"values":[2.0,null],"statuses":["PRESENT","PRESENT"],"event_timestamps":[${EPOCH},${EPOCH}]}],"metadata":{"feature_names":["customer","spend_1d","ratio"]}}`);
  const alone = await online({ features: ["basket_ratio:ratio"], entities: { customer: ["C1"], amount: [null] } });
  assert.equal(alone.text, `{"results":[{"values":["C1"],"statuses":["PRESENT"],"event_timestamps":[${EPOCH}]},{"values":[null],"statuses":["PRESENT"],"event_timestamps":[${EPOCH}]}],"metadata":{"feature_names":["customer","ratio"]}}`);
});

test("a value older than the ttl is OUTSIDE_MAX_AGE, one that has left its window is NOT_FOUND", async () => {
  const { json } = await online({ features: ["recent:last_amount"], entities: { customer: ["C1", "C3", "C9"] } });
  const [, amounts] = (json as { readonly results: readonly unknown[] }).results;
  assert.deepEqual(amounts, { values: [1, null, null], statuses: ["PRESENT", "OUTSIDE_MAX_AGE", "NOT_FOUND"], event_timestamps: ["2026-11-22T15:00:00.250Z", "2026-11-22T13:00:00.250Z", "1970-01-01T00:00:00Z"] });
});

test("what else Feast takes: numbers as keys, words for truths, unknown members, columns that nobody needs", async () => {
  const { text } = await online({ features: ["customer_profile@latest:vip"], entities: { customer: [1], color: ["red"] }, full_feature_names: "yes", other: 1 });
  assert.equal(text, `{"results":[{"values":[1],"statuses":["PRESENT"],"event_timestamps":[${EPOCH}]},{"values":[null],"statuses":["NOT_FOUND"],"event_timestamps":[${EPOCH}]}],"metadata":{"feature_names":["customer","customer_profile__vip"]}}`);
  const partly = await online({ features: ["affinity:bought"], entities: { customer: ["C1"] } });
  assert.equal(partly.text, `{"results":[{"values":["C1"],"statuses":["PRESENT"],"event_timestamps":[${EPOCH}]},{"values":[null],"statuses":["NOT_FOUND"],"event_timestamps":[${EPOCH}]}],"metadata":{"feature_names":["customer","bought"]}}`);
});

interface Recorded {
  readonly title: string;
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly answer: readonly [status: number, text: string];
}

const feature = "customer_profile:vip";
const entities = { customer: ["C1"] };
const feast = (kind: string, message: string): string => JSON.stringify(`{"module": "feast.errors", "class": "${kind}", "message": "${message}"}`);
const plain = (message: string): string => JSON.stringify(message);
const detail = (...details: readonly unknown[]): string => JSON.stringify({ detail: details });
const invalid = (position: number, error: string): readonly [number, string] => [422, detail({ type: "json_invalid", loc: ["body", position], msg: "JSON decode error", input: {}, ctx: { error } })];
const notObject = (input: unknown): readonly [number, string] => [422, detail({ type: "model_attributes_type", loc: ["body"], msg: "Input should be a valid dictionary or object to extract fields from", input })];

const RECORDED: readonly Recorded[] = [
  { title: "unknown service", body: { feature_service: "nope", entities }, answer: [404, feast("FeatureServiceNotFoundException", "Feature service nope does not exist in project shop")] },
  { title: "unknown view", body: { features: ["nope:x"], entities }, answer: [404, feast("FeatureViewNotFoundException", "Feature view nope does not exist in project shop")] },
  { title: "unknown feature", body: { features: ["customer_profile:nope"], entities }, answer: [500, plain("'Feature nope not found in projection customer_profile'")] },
  { title: "two colons", body: { features: ["customer_profile:a:b"], entities }, answer: [500, plain("'Feature a:b not found in projection customer_profile'")] },
  { title: "no reference", body: { features: ["customer_profile"], entities }, answer: [500, plain("Invalid feature reference 'customer_profile'. Expected format: '<feature_view>:<feature>' or '<feature_view>@<version>:<feature>'")] },
  { title: "a version", body: { features: ["customer_profile@v2:vip"], entities }, answer: [500, plain("Version-qualified ref 'customer_profile@v2' not supported: online versioning is disabled. Set 'enable_online_feature_view_versioning: true' under 'registry' in feature_store.yaml.")] },
  { title: "the same feature twice", body: { features: [feature, feature], entities }, answer: [500, feast("FeatureNameCollisionError", "Duplicate features named vip found.\\nTo resolve this collision, either use the full feature name by setting 'full_feature_names=True', or ensure that the features in question have different names.")] },
  { title: "no features", body: { entities }, answer: [500, plain("No features specified for retrieval")] },
  { title: "no known key", body: { features: ["affinity:bought"], entities: { x: ["C1"] } }, answer: [500, plain("\"Missing join key values for keys: ['customer', 'item']. No values provided for keys: ['customer', 'item']. Provided join_key_values: []\"")] },
  { title: "no rows", body: { features: [feature], entities: { customer: [] } }, answer: [500, plain("\"Missing join key values for keys: ['item']. No values provided for keys: ['customer', 'item']. Provided join_key_values: ['customer']\"")] },
  { title: "columns of two lengths", body: { features: ["affinity:bought"], entities: { customer: ["C1", "C2"], item: ["I1"] } }, answer: [500, plain("All entity rows must have the same columns.")] },
  { title: "no columns", body: { features: [feature], entities: {} }, answer: [500, plain("'pop from an empty set'")] },
  { title: "request value missing", body: { features: ["basket_ratio:ratio"], entities }, answer: [404, feast("RequestDataNotFoundInEntityRowsException", "Required request data source features ['amount'] not found in the entity rows, but required by feature views")] },
  { title: "no entities", body: { features: [feature] }, answer: [422, detail({ type: "missing", loc: ["body", "entities"], msg: "Field required", input: { features: [feature] } })] },
  { title: "entities as rows", body: { features: [feature], entities: [{ customer: "C1" }] }, answer: [422, detail({ type: "dict_type", loc: ["body", "entities"], msg: "Input should be a valid dictionary", input: [{ customer: "C1" }] })] },
  { title: "a key that is no column", body: { features: [feature], entities: { customer: "C1" } }, answer: [422, detail({ type: "list_type", loc: ["body", "entities", "customer"], msg: "Input should be a valid list", input: "C1" })] },
  { title: "features as text", body: { features: feature, entities }, answer: [422, detail({ type: "list_type", loc: ["body", "features"], msg: "Input should be a valid list", input: feature })] },
  { title: "a feature that is a number", body: { features: [1, "a"], entities }, answer: [422, detail({ type: "string_type", loc: ["body", "features", 0], msg: "Input should be a valid string", input: 1 })] },
  { title: "a truth that is none", body: { features: [feature], entities, full_feature_names: "perhaps" }, answer: [422, detail({ type: "bool_parsing", loc: ["body", "full_feature_names"], msg: "Input should be a valid boolean, unable to interpret input", input: "perhaps" })] },
  {
    title: "all problems at once", body: { feature_service: 1, features: "x", full_feature_names: [] },
    answer: [422, detail(
      { type: "missing", loc: ["body", "entities"], msg: "Field required", input: { feature_service: 1, features: "x", full_feature_names: [] } }, { type: "string_type", loc: ["body", "feature_service"], msg: "Input should be a valid string", input: 1 },
      { type: "list_type", loc: ["body", "features"], msg: "Input should be a valid list", input: "x" }, { type: "bool_type", loc: ["body", "full_feature_names"], msg: "Input should be a valid boolean", input: [] })],
  },
  ...([["{\"a\":", 5, "Expecting value"], ["{\"a\":1,}", 7, "Expecting property name enclosed in double quotes"], ["nope", 0, "Expecting value"], ["{\"a\" 1}", 5, "Expecting ':' delimiter"], ["{\"a\":1 \"b\"}", 7, "Expecting ',' delimiter"],
    ["[1 2]", 3, "Expecting ',' delimiter"], ["{\"a\":\"x", 5, "Unterminated string starting at"], ["{\"a\":\"\\q\"}", 6, "Invalid \\escape"], ["{\"a\":\"\\u12\"}", 7, "Invalid \\uXXXX escape"], ["{\"a\":\"x\ny\"}", 7, "Invalid control character at"],
    ["{} x", 3, "Extra data"], ["{\"a\":1}}", 7, "Extra data"], ["[1,]", 3, "Expecting value"], ["   ", 3, "Expecting value"]] as const).map(([text, position, error]) => ({ title: `no JSON: ${JSON.stringify(text)}`, headers: { "content-type": "application/json" }, body: text, answer: invalid(position, error) })),
  { title: "an array", body: [], answer: notObject([]) },
  { title: "null", headers: { "content-type": "application/json" }, body: "null", answer: notObject(null) },
  { title: "a body of another type is text", headers: { "content-type": "text/plain" }, body: "{\"a\":1}", answer: notObject("{\"a\":1}") },
  { title: "an empty body", headers: { "content-type": "application/json" }, body: "", answer: [422, detail({ type: "missing", loc: ["body"], msg: "Field required", input: null })] },
  { title: "another method", method: "GET", answer: [405, "{\"detail\":\"Method Not Allowed\"}"] },
  { title: "health", path: "/health", method: "GET", answer: [200, ""] },
  { title: "health by POST", path: "/health", body: {}, answer: [405, "{\"detail\":\"Method Not Allowed\"}"] },

  { title: "push: unknown source", path: "/push", body: { push_source_name: "nope", df: { customer: ["C1"] } }, answer: [422, feast("PushSourceNotFoundException", "Unable to find push source 'nope'.")] },
  { title: "push: unknown destination", path: "/push", body: { push_source_name: "purchases", df: { customer: ["C1"] }, to: "nowhere" }, answer: [500, plain("nowhere is not a supported push format. Please specify one of these ['online', 'offline', 'online_and_offline'].")] },
  { title: "push: columns of two lengths", path: "/push", body: { push_source_name: "purchases", df: { customer: ["C1"], amount: [1, 2] } }, answer: [500, plain("All arrays must be of the same length")] },
  { title: "push: no frame", path: "/push", body: { push_source_name: "purchases" }, answer: [422, detail({ type: "missing", loc: ["body", "df"], msg: "Field required", input: { push_source_name: "purchases" } })] },
  { title: "push: a list", path: "/push", body: { push_source_name: "purchases", df: [1] }, answer: [422, detail({ type: "dict_type", loc: ["body", "df"], msg: "Input should be a valid dictionary", input: [1] })] },
  { title: "push: one row without columns", path: "/push", body: { push_source_name: "purchases", df: { a: 1 } }, answer: [500, plain("If using all scalar values, you must pass an index")] },
  { title: "push: nothing", path: "/push", body: { push_source_name: "purchases", df: {} }, answer: [200, ""] },
  { title: "write: unknown view", path: "/write-to-online-store", body: { feature_view_name: "nope", df: { a: [1] } }, answer: [404, feast("FeastObjectNotFoundException", "Can't recognize feast object with a name nope")] },
  { title: "write: no view", path: "/write-to-online-store", body: { df: { a: [1] } }, answer: [422, detail({ type: "missing", loc: ["body", "feature_view_name"], msg: "Field required", input: { df: { a: [1] } } })] },

  { title: "materialize: no times", path: "/materialize", body: {}, answer: [500, plain("start_ts and end_ts are required when disable_event_timestamp is False")] },
  { title: "materialize: no time", path: "/materialize", body: { start_ts: "x", end_ts: "y" }, answer: [500, plain("Invalid timestamp format: Unknown string format: x")] },
  { title: "materialize: end before start", path: "/materialize", body: { start_ts: "2026-02-01T00:00:00", end_ts: "2026-01-01T00:00:00Z" }, answer: [500, plain("start_ts (2026-02-01 00:00:00+00:00) must be before end_ts (2026-01-01 00:00:00+00:00)")] },
  { title: "materialize: unknown view", path: "/materialize", body: { start_ts: "2026-01-01T00:00:00", end_ts: "2026-02-01T00:00:00Z", feature_views: ["nope"] }, answer: [404, feast("FeatureViewNotFoundException", "Feature view nope does not exist in project shop")] },
  { title: "materialize: a version", path: "/materialize", body: { start_ts: "2026-01-01T00:00:00", end_ts: "2026-02-01T00:00:00Z", feature_views: ["recent"], version: "v2" }, answer: [500, plain("Version-aware materialization requires 'enable_online_feature_view_versioning: true' under 'registry' in feature_store.yaml.")] },
  { title: "materialize: async that is no truth", path: "/materialize?async=perhaps", body: { start_ts: "2026-01-01T00:00:00", end_ts: "2026-02-01T00:00:00Z" }, answer: [422, detail({ type: "bool_parsing", loc: ["query", "async"], msg: "Input should be a valid boolean, unable to interpret input", input: "perhaps" })] },
  { title: "materialize", path: "/materialize", body: { start_ts: "2026-01-01T00:00:00", end_ts: "2026-12-01T00:00:00Z", feature_views: ["recent"] }, answer: [200, "null"] },
  { title: "materialize incrementally: no end", path: "/materialize-incremental", body: {}, answer: [422, detail({ type: "missing", loc: ["body", "end_ts"], msg: "Field required", input: {} })] },
  { title: "materialize incrementally: no time", path: "/materialize-incremental", body: { end_ts: "x" }, answer: [500, plain("Unknown string format: x")] },
  { title: "materialize incrementally", path: "/materialize-incremental", body: { end_ts: "2026-11-30T00:00:00Z" }, answer: [200, "null"] },

  { title: "no vector stores", path: "/v1/vector_stores", method: "GET", answer: [200, "{\"object\":\"list\",\"data\":[]}"] },
  { title: "unknown vector store", path: "/v1/vector_stores/vs_0", method: "GET", answer: [404, "{\"error\":{\"message\":\"No vector store found with id 'vs_0'\",\"type\":\"not_found_error\"}}"] },
  { title: "search of an unknown vector store", path: "/v1/vector_stores/vs_0/search", body: { query: "x" }, answer: [404, "{\"error\":{\"message\":\"No vector store found with id 'vs_0'\",\"type\":\"not_found_error\"}}"] },
  { title: "search of an unknown view", path: "/search", body: { features: ["nope:flag"], query: [1], top_k: 1 }, answer: [404, feast("FeatureViewNotFoundException", "Feature view nope does not exist in project shop")] },
  { title: "search of a view without vectors", path: "/search", body: { features: ["recent:last_amount"], query: [1], top_k: 1, api_version: 2 }, answer: [500, plain("You must enable either vector search or text search in the online store config")] },
  {
    title: "search: wrong members", path: "/search", body: { features: ["recent:last_amount"], query: "x", top_k: "many" },
    answer: [422, detail({ type: "int_parsing", loc: ["body", "top_k"], msg: "Input should be a valid integer, unable to parse string as an integer", input: "many" }, { type: "list_type", loc: ["body", "query"], msg: "Input should be a valid list", input: "x" })],
  },
];

test("what Feast answers to requests that are wrong, byte by byte", async (context) => {
  for (const { title, path = "/get-online-features", answer, ...request } of RECORDED) {
    await context.test(title, async () => {
      const { status, text } = await send(platform.url, { path, ...request });
      assert.deepEqual([status, text], answer);
    });
  }
});

test("a frame sent again counts once, and NaN stands for a missing value", async () => {
  const df = { customer: ["C5"], item: ["I1"], amount: [5], event_timestamp: ["2026-11-22T14:00:00"] };
  for (let times = 0; times < 2; times++) assert.equal((await post("/push", { push_source_name: "purchases", df })).status, 200);
  const { json } = await online({ features: ["customer_activity:orders_1d"], entities: { customer: ["C5"] } });
  assert.deepEqual((json as { readonly results: readonly { readonly values: readonly unknown[] }[] }).results[1]!.values, [1]);
  const body = "{\"push_source_name\":\"profiles\",\"df\":{\"customer\":[\"C6\"],\"score\":[NaN],\"country\":[\"IT\"],\"event_timestamp\":[\"2026-11-22T14:00:00\"]}}";
  assert.equal((await send(platform.url, { path: "/push", headers: { "content-type": "application/json" }, body })).status, 200);
  const read = await online({ features: ["customer_profile:score", "customer_profile:country"], entities: { customer: ["C6"] } });
  assert.match(read.text, /\{"values":\[null\],"statuses":\["NULL_VALUE"\].*\{"values":\["IT"\],"statuses":\["PRESENT"\]/);
});

test("values are written to a view of last values, and a computed feature is not", async () => {
  const written = await post("/write-to-online-store", { feature_view_name: "customer_profile", df: { customer: ["C7"], country: ["ES"], level: [9], event_timestamp: ["2026-11-22T14:00:00"], created: [null] } });
  assert.equal(`${written.status} ${written.text}`, "200 null");
  const { text } = await online({ features: ["customer_profile:level"], entities: { customer: ["C7"] } });
  assert.match(text, /\{"values":\[9\],"statuses":\["PRESENT"\],"event_timestamps":\["2026-11-22T14:00:00Z"\]\}/);
  const refused = await post("/write-to-online-store", { feature_view_name: "customer_activity", df: { customer: ["C7"], orders_1d: [9], event_timestamp: ["2026-11-22T14:00:00"] } });
  assert.equal(refused.status, 422);
  assert.match(refused.text, /orders_1d' of view 'customer_activity' is computed from the events of stream 'purchases'/);
});

test("a row that the stream refuses is named with its dead letter, and the others are taken", async () => {
  const { status, json } = await post("/push", { push_source_name: "purchases", df: { customer: ["C8", "C8"], item: ["I1", "I1"], amount: [-1, 2], event_timestamp: ["2026-11-22T14:00:00", "2026-11-22T14:00:00"] } });
  assert.equal(status, 422);
  const [problem] = (json as { readonly detail: readonly { readonly loc: readonly unknown[]; readonly msg: string; readonly input: unknown }[] }).detail;
  assert.deepEqual(problem?.loc, ["body", "df", "amount", 0]);
  assert.equal(problem?.input, -1);
  assert.match(problem?.msg ?? "", /row 0 is kept as dead letter \S+; 1 of 2 rows were taken/);
  const [letter] = (await platform.ingestion.listDeadLetters("purchases")).letters;
  assert.ok(letter);
});

test("materialization in the background answers at once and builds the view again", async () => {
  const { status, text } = await post("/materialize?async=true", { disable_event_timestamp: true, feature_views: ["affinity"] });
  assert.equal(`${status} ${text}`, "202 {\"status\":\"accepted\",\"feature_views\":[\"affinity\"]}");
  await until("affinity in service", () => (platform.features.statistics().some(({ rebuild }) => rebuild !== undefined) ? undefined : true));
  assert.match((await online({ features: ["affinity:bought"], entities: { customer: ["C1"], item: ["I1"] } })).text, /"values":\[2\]/);
});

test("the catalogue tells what there is, what it is made of and how fresh it is", async () => {
  const found = (await send(platform.url, { path: "/v1/catalogue?search=shopper" })).json as { readonly entries: readonly { readonly name: string; readonly owner: string; readonly from: readonly string[] }[] };
  assert.deepEqual(found.entries.map(({ name, owner, from }) => ({ name, owner, from })), [{ name: "shopper", owner: "web", from: ["feature-view:customer_profile", "feature-view:affinity"] }]);
  const lineage = (await send(platform.url, { path: "/v1/catalogue/purchases/lineage" })).json as { readonly usedBy: readonly { readonly ref: string }[] };
  assert.deepEqual(lineage.usedBy.map(({ ref }) => ref).toSorted(), ["feature-view:affinity", "feature-view:customer_activity", "feature-view:recent"]);
  const { live } = (await send(platform.url, { path: "/v1/catalogue/customer_profile" })).json as { readonly live: { readonly entities: number; readonly waitingEvents: number; readonly servedAgeSeconds: { readonly count: number } } };
  assert.ok(live.entities >= 4 && live.waitingEvents === 0 && live.servedAgeSeconds.count > 0);
  assert.equal((await send(platform.url, { path: "/v1/catalogue/nothing" })).status, 404);
  assert.match((await send(platform.url, { path: "/metrics" })).text, /strata_feature_event_age_seconds_count\{view="customer_profile"\} \d+/);
});

test("a view is built again on request, and its values stay", async () => {
  const answered = await post("/v1/features/customer_activity/backfill", {});
  assert.equal(`${answered.status} ${answered.text}`, "202 {\"view\":\"customer_activity\",\"accepted\":true}");
  await until("customer_activity in service", () => (platform.features.statistics().some(({ rebuild }) => rebuild !== undefined) ? undefined : true));
  assert.match((await online({ features: ["customer_activity:orders_1d"], entities: { customer: ["C1"] } })).text, /"values":\[2\]/);
  assert.equal((await post("/v1/features/nothing/backfill", {})).status, 404);
});
