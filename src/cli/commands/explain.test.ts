import assert from "node:assert/strict";
import { test } from "node:test";
import { openFakeServer, runStrata } from "../../../test/fake-strata-server.ts";
import type { ExplainedRequest } from "../../platform/api.ts";

const request = (changes: Partial<ExplainedRequest> = {}): ExplainedRequest => ({
  id: "r1", model: "digits", version: "2", variant: undefined, atMs: 1_000, outcome: "answered", sentence: "It waited 3.00 ms.",
  note: { batch: "digits/2#9", reason: "batch was full", requests: 3, rows: 8, queuedMs: 3, runMs: 12.4, waiting: 5 }, ...changes,
});

test("a request id is looked for first, then a model", async () => {
  await using server = await openFakeServer((_, { query }) => ({ body: { requests: query["model"] === "digits" ? [request(), request({ id: "r2", outcome: "failed", code: "QUEUE_FULL" })] : [] } }));
  const { code, host } = await runStrata(["explain", "digits"], server);
  assert.equal(code, 0);
  assert.deepEqual(server.requests.map(({ path, query }) => [path, query]), [["/v1/explain", { id: "digits", limit: "20" }], ["/v1/explain", { model: "digits", limit: "20" }]]);
  const [header = "", first = "", second = ""] = host.output().split("\n");
  assert.match(header, /why it left .*queued ms +run ms +rows +requests +waiting/);
  assert.match(first, /r1 +digits\/2 +batch was full +3\.00 +12 +8 +3 +5/);
  assert.match(second, /r2 .*QUEUE_FULL/);
  assert.match(host.output(), /It waited 3\.00 ms\./);
});

test("nothing found is said, and --json is the server's data", async () => {
  await using server = await openFakeServer(() => ({ body: { requests: [] } }));
  assert.match((await runStrata(["explain", "nobody"], server)).host.output(), /no recent request of a model or with an id "nobody"/);
  assert.match((await runStrata(["explain"], server)).host.output(), /no inference request yet/);
  assert.deepEqual(JSON.parse((await runStrata(["explain", "--json"], server)).host.output()), { requests: [] });
});
