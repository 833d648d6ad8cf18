import assert from "node:assert/strict";
import { test } from "node:test";
import { openFakeServer, runStrata, type FakeAnswer } from "../../../test/fake-strata-server.ts";
import { createManualClock } from "../../kernel/clock.ts";
import { StrataError } from "../../kernel/errors.ts";

const report = {
  run: "R", model: "eta", version: 2, passed: true, rows: 4000, groups: 0, trees: 120, elapsedMs: 2200, dropped: {}, verdicts: [],
  quality: [{ metric: "mae", name: "this version", value: 2.88954, low: 2.7, high: 3.08 }, { metric: "mae", name: "mean", value: 7.3 }],
  gates: [{ metric: "mae", passed: true, reason: "mae of 2.89 stays within 6." }],
};

function serverSent(...events: readonly (readonly [event: string, data: unknown])[]): FakeAnswer {
  return { headers: { "content-type": "text/event-stream" }, body: events.map(([event, data]) => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`).join("") };
}

async function train(answer: FakeAnswer | StrataError, words: readonly string[] = []) {
  await using server = await openFakeServer((line) => {
    if (line !== "POST /v1/models/eta/train") return undefined;
    if (answer instanceof StrataError) throw answer;
    return answer;
  });
  return { ...await runStrata(["train", "eta", ...words], server, { clock: createManualClock() }), requests: server.requests };
}

test("stages are told as they come, then what the version is worth", async () => {
  const { code, host, requests } = await train(serverSent(
    ["progress", { stage: "training set", share: 0.1, detail: "" }], ["progress", { stage: "trees", share: 0.5, detail: "1 of 200" }],
    ["progress", { stage: "trees", share: 0.6, detail: "2 of 200" }], ["result", report],
  ), ["--reason", "new data"]);
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(requests[0]!.text), { reason: "new data" });
  assert.equal(requests[0]!.headers["accept"], "text/event-stream");
  assert.equal(host.output(), [
    "eta v2 learned from 4,000 rows in 2.2s",
    "",
    "metric  of             value  95 % interval",
    "mae     this version  2.8895  2.7 to 3.08",
    "mae     mean             7.3  –",
    "",
    "✓ mae of 2.89 stays within 6.",
    "The gates passed.",
    "",
  ].join("\n"));
  assert.deepEqual(host.errors().split("\n").filter((line) => line.startsWith("·")), ["· training set", "· trees"]);
});

test("a version that does not pass is status 1", async () => {
  const { code, host } = await train(serverSent(["result", { ...report, passed: false, gates: [{ metric: "mae", passed: false, reason: "mae of 9 is above 6." }] }]));
  assert.equal(code, 1);
  assert.match(host.output(), /✗ mae of 9 is above 6\.\nThe gates did not pass: this version gets no traffic\.\n$/);
});

test("an error on the way is the server's own", async () => {
  const error = new StrataError("TRAINING_DATA_INSUFFICIENT", { model: "eta", reason: "there are 3 rows" });
  const { code, host } = await train(serverSent(["progress", { stage: "training set", share: 0.1, detail: "" }], ["error", error.toJSON()]));
  assert.equal(code, 1);
  assert.match(host.errors(), /error TRAINING_DATA_INSUFFICIENT Model "eta" cannot be trained: there are 3 rows\nnext: Ingest more events, or widen the label window\.\n$/);
  assert.match((await train(new StrataError("MODEL_NOT_FOUND", { model: "eta", known: "other" }))).host.errors(), /^error MODEL_NOT_FOUND There is no model "eta"\.\nnext: Known models: other\.\n$/);
});

test("a server that stops in the middle is no success", async () => {
  const { code, host } = await train(serverSent(["progress", { stage: "trees", share: 0.5, detail: "" }]));
  assert.equal(code, 1);
  assert.match(host.errors(), /error SERVER_UNREACHABLE .*: it stopped before the training was done/);
});
