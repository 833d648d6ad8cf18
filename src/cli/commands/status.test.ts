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
