import assert from "node:assert/strict";
import { test } from "node:test";
import { openFakeServer } from "../../../../test/fake-strata-server.ts";
import { createManualClock } from "../../../kernel/clock.ts";
import { createApiClient } from "../../api-client.ts";
import { createImportRecord } from "./import-record.ts";

test("a long import is recorded with its progress, a short one is not, and a server that refuses does no harm", async () => {
  let refuses = false;
  await using server = await openFakeServer((line) => (refuses ? undefined : line === "POST /v1/operations" ? { status: 201, body: { id: "01" } } : { body: {} }));
  await using client = createApiClient({ url: server.url });
  const clock = createManualClock();
  const record = () => createImportRecord({ client, clock, stream: "clicks", file: "history.ndjson" });
  const short = record();
  short.update(10, 10);
  await short.end("done", 10);
  assert.deepEqual(server.lines(), []);
  const long = record();
  for (let n = 1; n <= 50; n++) {
    clock.advance(100);
    long.update(n * 10, 500);
  }
  await long.end("done", 500);
  assert.deepEqual(server.requests.map(({ path, text }) => [path, JSON.parse(text) as unknown]), [
    ["/v1/operations", { kind: "backfill", stream: "clicks", file: "history.ndjson" }],
    ...[200, 300, 400, 500].map((done) => ["/v1/operations/01/progress", { done, total: 500, state: "running" }]),
    ["/v1/operations/01/progress", { done: 500, total: 500, state: "done" }],
  ]);
  refuses = true;
  const refused = record();
  clock.advance(5_000);
  refused.update(1, 2);
  await refused.end("failed", 1);
});
