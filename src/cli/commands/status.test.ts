import assert from "node:assert/strict";
import { test } from "node:test";
import { openFakeServer, runStrata } from "../../../test/fake-strata-server.ts";
import type { Overview } from "../../platform/api.ts";

const overview: Overview = {
  application: "shop", definitionHash: "0123456789abcdef", strataVersion: "0.1.0", nowMs: 86_400_000, isSimulatedTime: true,
  process: { startedAtWallMs: 0, rssBytes: 200 * 1024 * 1024, cpuShare: 0.25, eventLoopP99Ms: 3.4, node: "24.0.0" },
  streams: [
    { name: "clicks", description: "", events: 12_345, eventsPerSecond: 1_200, sizeBytes: 1_536, deadLetters: {}, lakeRows: 12_000, lakeFiles: 2 },
    { name: "purchases", description: "", events: 7, eventsPerSecond: 0, sizeBytes: 900, deadLetters: { "missing customer": 1_234, "not JSON": 1 }, lakeRows: 7, lakeFiles: 1 },
  ],
  featureViews: [{ name: "activity", description: "", entities: ["customer"], from: "clicks", features: ["a"], entityCount: 100, lagEvents: 0 }],
  candidates: [{ name: "similar", description: "", from: ["purchases", "clicks"], itemCount: 3, userCount: 9, lagEvents: 12 }],
  models: [{
    name: "ranker", description: "", objective: "lambdarank", sources: [], featureCount: 3, aliases: { champion: 2, challenger: 3 }, versions: [], runs: [],
    training: { stage: "trees", share: 0.456, detail: "" },
  }],
  endpoints: [{
    name: "recommend", description: "", model: "ranker", requests: 1_000, requestsPerSecond: 2.5, latencyMs: { p50: 1.25, p90: 2, p99: 12 }, fallbackShare: 0.01, history: [],
    traffic: [{ variant: "champion", version: 2, requests: 800, share: 0.8 }, { variant: "fallback", version: 0, requests: 200, share: 0.2 }],
  }],
  rollouts: [{ model: "ranker", endpoint: "recommend", champion: 2, challenger: 3, phase: "canary", share: 0.2, startedAtMs: 0, reason: "Not enough outcomes yet." }],
  drift: [], performance: [], decisions: [],
  alerts: [{ atMs: 86_340_000, kind: "alert", subject: "ranker", verdict: "drift", reason: "3 features drifted." }],
};

test("everything that runs fits one screen", async () => {
  await using server = await openFakeServer((line) => (line === "GET /v1/overview" ? { body: overview } : undefined));
  const { code, host } = await runStrata(["status"], server);
  assert.equal(code, 0);
  assert.equal(host.output(), [
    "application  shop  (definition 0123456789ab)",
    "time         1970-01-02 00:00:00Z  (simulated)",
    "process      200 MiB, 25% of a core, event loop p99 3.4ms, Node 24.0.0, Strata 0.1.0",
    "",
    "stream     events    rate  in lake     size  dead letters",
    "clicks     12,345  1.2k/s   12,000  1.5 KiB  none",
    "purchases       7     0/s        7    900 B  missing customer 1,234, not JSON 1",
    "",
    "features  from               entities  state",
    "activity  clicks                  100  up to date",
    "similar   purchases, clicks         3  12 events behind",
    "",
    "model   champion  challenger  versions  training",
    "ranker  v2        v3                 0  trees, 46% done",
    "",
    "endpoint   requests   rate    p50   p99  fallback  traffic",
    "recommend     1,000  2.5/s  1.3ms  12ms        1%  champion v2 80%, fallback 20%",
    "",
    "rollout of ranker v3 against v2: canary",
    "  Not enough outcomes yet.",
    "",
  ].join("\n"));
  assert.equal(host.errors(), "! ranker: 3 features drifted. (1m ago)\n");
});

test("kinds of resources that there are none of are left out", async () => {
  const empty = { ...overview, featureViews: [], candidates: [], models: [], endpoints: [], rollouts: [], alerts: [] };
  await using server = await openFakeServer(() => ({ body: empty }));
  const { host } = await runStrata(["status"], server);
  assert.equal(host.output().split("\n").filter((line) => line !== "").length, 6);
});

test("what is served and the gateway are tables of their own", async () => {
  const serving: Overview["serving"] = { models: [{
    name: "tone", description: "", kind: "function", requests: 1_200, failures: 3, requestsPerSecond: 20, history: { requestsPerSecond: [], meanMs: [] }, batches: [], failuresByReason: [],
    versions: ["2", "1"].map((version) => ({ version, state: version === "2" ? "READY" : "LOADING", reason: "", aliases: [], requests: 1, requestsPerSecond: 1, queueMs: null, computeMs: null, meanBatchRows: null, cacheHitShare: null, failures: 0 })),
    traffic: { arms: [{ variant: "stable", version: "2", share: 0.9, requests: 1, errors: 0 }, { variant: "careful", version: "1", share: 0.1, requests: 1, errors: 0 }] },
  }] };
  const gateway: Overview["gateway"] = {
    models: [{ name: "assistant", description: "", calls: 40, callsPerSecond: 2, inputTokensPerSecond: 10, outputTokensPerSecond: 60, history: { callsPerSecond: [], outputTokensPerSecond: [] }, firstTokenP50Ms: 130, durationP50Ms: null, costTodayUsd: 0.0561, cacheHits: 0, fallbacks: 0, failedAttempts: 0, refusals: [] }],
    targets: [{ name: "main", state: "open", reason: "5 failures in a row", inFlight: 0, meanMs: 12, calls: 5, failures: 5, languageModel: "assistant", upstream: "main", model: "large", priority: 0, callsPerSecond: 0 }],
    keys: [{ id: "key_1", name: "web", tenant: "shop", state: "active", spentUsd: 0.031, reservedUsd: 0.0026, budgetUsd: 2, calls: [] }],
  };
  await using server = await openFakeServer((line) => (line === "GET /v1/overview" ? { body: { ...overview, serving, gateway } } : undefined));
  const { host } = await runStrata(["status"], server);
  const lines = host.output().split("\n");
  for (const wanted of [
    /^tone +function +v2, v1 loading +1,200 +20\/s +3 +stable v2 90%, careful v1 10%$/, /^assistant +40 +2\/s +60\/s +130ms +\$0\.056$/,
    /^main +assistant \(large\) +open: 5 failures in a row +0 +12ms +5$/, /^web +shop +\$0\.031 of \$2\.00 +\$0\.0026 +active$/,
  ]) assert.ok(lines.some((line) => wanted.test(line)), `${String(wanted)} in\n${host.output()}`);
});
