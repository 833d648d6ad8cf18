/** The quality commands: what they ask a server, what they print, and a contract checked without one. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { DuckDBInstance } from "@duckdb/node-api";
import { openFakeServer, runStrata, type FakeAnswer } from "../../../../test/fake-strata-server.ts";

const verdict = {
  expectations: "checks", stream: "orders", rule: "has_customer", kind: "not-null", fields: ["customer"], action: "stop", severity: "critical", because: "orders are billed to them.",
  status: "failing", evaluated: 200, failed: 20, share: 0.9, atLeast: 0.95, atMs: 0, sentence: "10 % of 200 events of the last hour (20) have no customer; at most 5 % may.",
  samples: [{ place: 7, timeMs: 0, values: { customer: null }, event: "{}" }, { place: 9, timeMs: 0, values: { customer: null }, event: "{}" }],
};
const state = { name: "checks", description: "", stream: "orders", windowMs: 3_600_000, verdicts: [verdict], stop: { stream: "orders", atMs: 0, expectations: "checks", rule: "has_customer", reason: verdict.sentence }, acceptance: null };
const contract = {
  contract: "strata-data-contract/1", application: "shop",
  stream: { name: "orders", description: "", time: "at", schema: { type: "object", properties: { customer: { type: "string" }, price: { type: "number" }, at: { type: "string", format: "date-time" } }, required: ["price", "at"] } },
  expectations: { checks: { description: "", windowMs: 3_600_000, rules: {
    has_customer: { test: { kind: "not-null", value: { op: "field", name: "customer" } }, action: "warn", atLeast: 1, minimumEvents: 1, severity: "warning", because: "" },
    sane_price: { test: { kind: "between", value: { op: "field", name: "price" }, min: 1 }, action: "quarantine", atLeast: 1, minimumEvents: 1, severity: "warning", because: "" },
    cheap: { test: { kind: "sql", query: "SELECT * FROM events WHERE price > 100" }, action: "warn", atLeast: 0.5, minimumEvents: 1, severity: "warning", because: "" },
    fresh: { test: { kind: "fresh", withinMs: 1 }, action: "warn", atLeast: 1, minimumEvents: 1, severity: "warning", because: "" },
  } } },
};

async function ask(words: readonly string[], answers: Readonly<Record<string, unknown>>) {
  await using server = await openFakeServer((line): FakeAnswer | undefined => (line in answers ? answers[line] as FakeAnswer : undefined));
  return { ...await runStrata(["quality", ...words], server), requests: server.requests };
}

const json = (body: unknown): FakeAnswer => ({ headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
const events = (...told: readonly (readonly [string, unknown])[]): FakeAnswer => ({ headers: { "content-type": "text/event-stream" }, body: told.map(([event, data]) => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`).join("") });

test("show tells the verdict, its samples and the stop, with status 1", async () => {
  const { code, host } = await ask(["show", "--samples", "1"], { "GET /v1/quality": json({ expectations: [state] }) });
  assert.equal(code, 1);
  assert.match(host.output(), /^checks of stream orders\nSTOPPED since .* by checks\.has_customer: 10 % of 200 events/);
  assert.match(host.output(), /✗ has_customer \(stop\) {2}10 % of 200 events of the last hour \(20\) have no customer; at most 5 % may\. orders are billed to them\.\n {4}at 7 {2}\{"customer":null\}\n {4}1 more sample/);
  const passing = { ...state, stop: null, verdicts: [{ ...verdict, status: "passing" }] };
  assert.equal((await ask(["show", "checks", "--json"], { "GET /v1/quality/checks": json(passing) })).code, 0);
});

test("resume sends the reason", async () => {
  const { code, host, requests } = await ask(["resume", "orders", "--reason", "mended"], { "POST /v1/quality/resume": json({ resumed: state.stop, acceptance: { nextOffset: 12 } }) });
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(requests[0]!.text), { stream: "orders", reason: "mended" });
  assert.match(host.output(), /^orders takes events again; checks\.has_customer had stopped it/);
});

test("a check of the lake follows its progress; failing rules are status 1", async () => {
  const report = { stream: "orders", snapshot: "3f9a1c0000000000", rows: 200, elapsedMs: 5, passed: false, reports: [{ expectations: "checks", stream: "orders", snapshot: "", fromOffset: 0, endOffset: 200, rows: 200, verdicts: [verdict] }] };
  const { code, host } = await ask(["check", "orders"], { "POST /v1/quality/check": events(["progress", { share: 0.5 }], ["result", report]) });
  assert.equal(code, 1);
  assert.match(host.output(), /200 events judged in 5ms: 1 rule fails \(snapshot 3f9a1c000000\)\n$/);
  assert.equal((await ask(["check"], {})).code, 2);
});

test("a profile is drawn", async () => {
  const profile = {
    stream: "orders", snapshot: "3f9a1c0000000000", files: 2, filesRead: 1, rows: 4, minTimeMs: 0, maxTimeMs: 1, elapsedMs: 3,
    columns: [
      { name: "price", kind: "numeric", count: 3, missing: 1, missingShare: 0.25, distinct: 3, numbers: { min: 1, max: 3, mean: 2, standardDeviation: 1, quantiles: { p01: 1, p05: 1, p25: 1.5, p50: 2, p75: 2.5, p95: 3, p99: 3 }, histogram: [{ from: 1, to: 2, count: 1 }, { from: 2, to: 3, count: 2 }] } },
      { name: "country", kind: "categorical", count: 4, missing: 0, missingShare: 0, distinct: 1, texts: { shortest: 2, longest: 2, meanLength: 2 }, topValues: [{ value: "de", count: 4, share: 1 }], countError: 0 },
    ],
  };
  const { code, host } = await ask(["profile", "orders"], { "POST /v1/profiles": events(["result", profile]) });
  assert.equal(code, 0);
  assert.match(host.output(), /price {2}numeric, 25% missing, about 3 distinct values\n {2}▅█ /);
  assert.match(host.output(), /country {2}categorical, none missing, about 1 distinct value\n {2}2 to 2 characters/);
});

test("a file is verified against a contract without a server: NDJSON, CSV, Parquet", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "strata-verify-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const path = (name: string): string => join(folder, name);
  await writeFile(path("c.json"), JSON.stringify(contract));
  const rows = [{ customer: "ada", price: 2, at: "2026-01-01T00:00:00Z" }, { price: 150, at: "2026-01-01T00:00:01Z" }, { customer: "bob", price: 3, at: "2026-01-01T00:00:02Z" }];
  await writeFile(path("good.ndjson"), rows.map((row) => JSON.stringify(row)).join("\n"));
  await writeFile(path("good.csv.gz"), gzipSync(["customer,price,at", ...rows.map(({ customer = "", price, at }) => `${customer},${price},${at}`)].join("\n")));
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  await connection.run(`COPY (SELECT * FROM (VALUES ('ada', 2.0::DOUBLE, TIMESTAMP '2026-01-01 00:00:00'), (NULL, 150.0, TIMESTAMP '2026-01-01 00:00:01'), ('bob', 3.0, TIMESTAMP '2026-01-01 00:00:02')) AS t(customer, price, "at")) TO '${path("good.parquet")}'`);
  connection.closeSync();
  await writeFile(path("bad.ndjson"), [...rows, { customer: "eve", price: 0.5, at: "2026-01-01T00:00:03Z" }, { customer: "eve" }, 5].map((row) => JSON.stringify(row)).join("\n"));
  const run = (...words: readonly string[]) => ask(["verify", ...words, "--contract", path("c.json")], {});

  for (const name of ["good.ndjson", "good.csv.gz", "good.parquet"]) {
    const { code, host } = await run(path(name));
    assert.equal(code, 0, `${name}: ${host.errors()}`);
    assert.match(host.output(), /✓ schema {2}accepts 3 events\n✗ has_customer \(warn\) {2}33\.3 % of 3 events of .*\(1\) has no customer; none may\.\n {4}at \d {2}\{"customer":null\}/, name);
    assert.match(host.output(), /✓ cheap \(warn\) {2}33\.3 % of 3 events .* is found by the query; at most 50 % may\.\n– fresh/, name);
    assert.equal((await run(path(name), "--strict")).code, 1);
  }
  const { code, host } = await run(path("bad.ndjson"));
  assert.equal(code, 1);
  assert.match(host.output(), /✗ schema {2}2 events of 6 would be refused/);
  assert.match(host.output(), /✗ sane_price \(quarantine\) {2}25 % of 4 events/);
  assert.match(host.output(), /The file does not keep the contract of orders\.\n$/);
  const checked = await ask(["check", "--file", path("bad.ndjson"), "--stream", "orders"], { "GET /v1/contracts/orders": json(contract) });
  assert.deepEqual([checked.code, /2 events of 6 would be refused/.test(checked.host.output())], [1, true], "the running contract judges the same");
  await writeFile(path("c.json"), "{}");
  assert.match((await run(path("good.ndjson"))).host.errors(), /error FILE_INVALID .*c\.json is not a valid data contract file: contract/);
  assert.match((await ask(["verify", "x", "--contract", path("none.json")], {})).host.errors(), /error FILE_NOT_FOUND/);
});
