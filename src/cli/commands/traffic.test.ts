import assert from "node:assert/strict";
import { test } from "node:test";
import { openFakeServer, runStrata } from "../../../test/fake-strata-server.ts";
import { StrataError } from "../../kernel/errors.ts";

const view = {
  model: "fraud", verdict: "At 5 % the canary failed 0 of 40; stable 1 of 800; 100 answers are needed.",
  state: {
    model: "fraud", revision: 3, salt: "fraud#3", stable: "1", standby: "0", shadow: null, rules: [{ header: "x-tier", equals: "gold", variant: "canary" }],
    arms: [{ variant: "canary", version: "2", share: 0.05, ranges: [[0, 0.05]] }], canary: { version: "2", step: 0, steps: [0.05, 0.5] },
  },
  counts: { model: "fraud", revision: 3, copies: 0, different: 0, arms: { stable: { requests: 800, errors: 1, slow: 0, unready: 0 }, canary: { requests: 40, errors: 0, slow: 0, unready: 0 } } },
  moves: [{ model: "fraud", revision: 3, timeMs: 0, kind: "canary", actor: "admin-api", reason: "new features" }],
};
const report = {
  model: "fraud", version: "2", copied: 100, equalShare: 0.97, failed: 1, dropped: 4,
  outputs: [{ output: "score", compared: 99, equalShare: 0.98, meanAbsolute: 0.001, maximumAbsolute: 0.25, quantiles: { p50: 0, p90: 0, p99: 0.2 }, mismatches: { shape: 1, datatype: 0, missing: 0, extra: 0 } }],
  latencyMs: { stable: { p50: 2, p99: 9 }, shadow: { p50: 4, p99: 20 } }, examples: [{ id: "r7", output: "score", kind: "different", maximumAbsolute: 0.25, stable: ["0.5"], shadow: ["0.75"] }],
};

async function run(words: readonly string[]) {
  await using server = await openFakeServer((line) => {
    if (line === "GET /v1/served-models/fraud/traffic" || line.startsWith("POST /v1/served-models/fraud/")) return { body: view };
    if (line === "GET /v1/served-models/fraud/shadow-report") return { body: report };
    if (line === "GET /v1/served-models/none/traffic") throw new StrataError("MODEL_NOT_FOUND", { model: "none", known: "fraud" });
    return undefined;
  });
  const outcome = await runStrata(["traffic", ...words], server);
  return { ...outcome, lines: server.lines(), bodies: server.requests.map(({ text }) => (text === "" ? undefined : JSON.parse(text) as unknown)) };
}

test("show tells who answers, how they do and why", async () => {
  const { host, code } = await run(["show", "fraud"]);
  assert.equal(code, 0);
  const text = host.output();
  assert.match(text, /stable +1 +95% +800 +1 +0 +answers/);
  assert.match(text, /canary +2 +5% +40 +0 +0 +canary, step 1 of 2/);
  assert.match(text, /standby +0 +.*kept loaded to go back to/);
  assert.match(text, /requests with x-tier: gold go to canary\nAt 5 % the canary failed 0 of 40; .*\n1970-01-01 00:00:00Z {2}canary by admin-api {2}new features\n$/);
  assert.match((await run(["show", "none"])).host.errors(), /^error MODEL_NOT_FOUND/);
});

test("the moves send what they say", async () => {
  const sent = async (...words: readonly string[]) => {
    const { lines, bodies, code, host } = await run([...words, "--reason", "because"]);
    assert.equal(code, 0, host.errors());
    return [lines[0], bodies[0]];
  };
  const path = "POST /v1/served-models/fraud/";
  assert.deepEqual(await sent("switch", "fraud", "2"), [`${path}traffic`, { switch: { version: "2" }, reason: "because" }]);
  assert.deepEqual(await sent("canary", "fraud", "2", "--steps", "5,50", "--step", "30s", "--minimum", "10", "--slo", "100ms", "--shadow", "500"),
    [`${path}traffic`, { canary: { version: "2", steps: [0.05, 0.5], stepSeconds: 30, minimumRequests: 10, sloMs: 100, shadowRequests: 500 }, reason: "because" }]);
  assert.deepEqual(await sent("split", "fraud", "--variant", "b=2:30", "--variant", "c=3:20"), [`${path}traffic`, { split: { variants: [{ variant: "b", version: "2", share: 0.3 }, { variant: "c", version: "3", share: 0.2 }] }, reason: "because" }]);
  assert.deepEqual(await sent("shadow", "fraud", "2", "--share", "10"), [`${path}traffic`, { shadow: { version: "2", share: 0.1, tolerance: 1e-6 }, reason: "because" }]);
  assert.deepEqual(await sent("shadow", "fraud"), [`${path}traffic`, { shadow: null, reason: "because" }]);
  assert.deepEqual(await sent("promote", "fraud", "--variant", "b"), [`${path}promote`, { variant: "b", reason: "because" }]);
  assert.deepEqual(await sent("rollback", "fraud"), [`${path}rollback`, { reason: "because" }]);
});

test("the report shows differences, and mistakes in words are refused before anything is sent", async () => {
  const { host } = await run(["report", "fraud"]);
  assert.match(host.output(), /^fraud: copies to version 2\n {2}100 compared, 97% equal, 1 failed, 4 not sent\n {2}p50 4ms \(stable 2ms\), p99 20ms \(stable 9ms\)\n/);
  assert.match(host.output(), /score +98% +0\.001 +0 +0\.2 +0\.25 +1 shape\nr7: score 0\.5 became 0\.75\n$/);
  assert.deepEqual(JSON.parse((await run(["report", "fraud", "--json"])).host.output()), report);
  for (const words of [["split", "fraud", "--variant", "b"], ["canary", "fraud", "2", "--steps", "0,5"], ["rollback", "fraud"]]) {
    const { code, lines } = await run(words.includes("rollback") ? words : [...words, "--reason", "x"]);
    assert.deepEqual([code, lines], [2, []]);
  }
});
