/** Serving and the gateway of a help desk as a running platform gives them, written by hand for tests; never shipped. */
import type { GatewayOverview, Overview, ServedModelOverview, ServedVersionOverview, ServingOverview } from "../../src/protocols/admin/overview.ts";
import { NOW_MS, storefrontOverview } from "./storefront-overview.ts";

const wave = (at: number, seed: number): number => (Math.sin(at * 0.61 + seed * 1.7) + Math.sin(at * 0.23 + seed * 2.9) + 2) / 4;
const seconds = <T>(make: (at: number) => T): readonly T[] => Array.from({ length: 120 }, (_, at) => make(at));

function version(name: string, changes: Partial<ServedVersionOverview> = {}): ServedVersionOverview {
  return {
    version: name, state: "READY", reason: "", aliases: [], requests: 4_000, requestsPerSecond: 40, queueMs: { p50: 0.4, p99: 3.2 }, computeMs: { p50: 1.21, p99: 9.84 },
    meanBatchRows: 3.4, cacheHitShare: null, failures: 0, ...changes,
  };
}

const urgency: ServedModelOverview = {
  name: "urgency", description: "How likely a ticket cannot wait.", kind: "onnx", requests: 12_900, failures: 7, requestsPerSecond: 128.4,
  versions: [version("2", { requests: 1_900, requestsPerSecond: 13, aliases: ["large"] }), version("1", { requests: 11_000, requestsPerSecond: 115.4, aliases: ["small"], failures: 7 })],
  history: { requestsPerSecond: seconds((at) => 110 + 30 * wave(at, 1)), meanMs: seconds((at) => (at % 40 === 7 ? null : 2 + wave(at, 2))) },
  batches: [{ reason: "delay was over", count: 620 }, { reason: "preferred size was reached", count: 310 }, { reason: "retried alone", count: 70 }], failuresByReason: [{ reason: "QUEUE_FULL", count: 5 }, { reason: "DEADLINE_EXCEEDED", count: 2 }],
  traffic: {
    arms: [{ variant: "stable", version: "1", share: 0.9, requests: 812, errors: 0 }, { variant: "canary", version: "2", share: 0.1, requests: 88, errors: 0 }],
    canary: { version: "2", phase: "steps", step: 0, steps: [0.1, 0.25, 0.5], stepStartedAtMs: NOW_MS - 27_000 },
    shadow: { version: "2", share: 0.5, compared: 411, differingShare: 0.109, maximumAbsolute: 0.41, failures: 0 },
  },
};
const quiet = { requestsPerSecond: [], meanMs: [] } as const;

export const helpdeskServing: ServingOverview = {
  models: [
    { name: "far_away", description: "", kind: "open-inference", requests: 90, failures: 0, requestsPerSecond: 0, history: quiet, batches: [], failuresByReason: [], versions: [version("1", { requests: 90, requestsPerSecond: 0, replicas: [
      { name: "http://10.0.0.7:8000", state: "ready", reason: "", inFlight: 2, meanMs: 12.4, calls: 60, failures: 0 }, { name: "http://10.0.0.8:8000", state: "open", reason: "failing; tried again in 3.1 s", inFlight: 0, meanMs: 0, calls: 30, failures: 21 },
    ] })] },
    { name: "triage", description: "", kind: "graph", members: ["ticket_features", "urgency"], requests: 0, failures: 0, requestsPerSecond: 0, history: quiet, batches: [], failuresByReason: [], versions: [version("1", { state: "UNAVAILABLE", reason: "the file is missing", requests: 0, requestsPerSecond: 0, queueMs: null, computeMs: null, meanBatchRows: null })] },
    urgency,
  ],
};

export const helpdeskGateway: GatewayOverview = {
  models: [
    {
      name: "assistant", description: "Answers customers.", calls: 842, callsPerSecond: 4.3, inputTokensPerSecond: 98, outputTokensPerSecond: 60, firstTokenP50Ms: 124, durationP50Ms: 341, costTodayUsd: 0.0264, cacheHits: 18, fallbacks: 11, failedAttempts: 7,
      history: { callsPerSecond: seconds((at) => 3 + 2 * wave(at, 3)), outputTokensPerSecond: seconds((at) => 50 + 20 * wave(at, 4)) }, refusals: [{ reason: "GUARDRAIL_REFUSED", count: 3 }, { reason: "BUDGET_EXHAUSTED", count: 40 }],
    },
    { name: "summaries", description: "", calls: 301, callsPerSecond: 2.7, inputTokensPerSecond: 57, outputTokensPerSecond: 32, firstTokenP50Ms: null, durationP50Ms: 88, costTodayUsd: 0.00088, cacheHits: 0, fallbacks: 0, failedAttempts: 0, history: { callsPerSecond: [], outputTokensPerSecond: [] }, refusals: [] },
  ],
  targets: [
    { name: "0:main/large", languageModel: "assistant", upstream: "main", model: "large", priority: 0, state: "open", reason: "failing; tried again in 0.8 s", inFlight: 0, meanMs: 136, calls: 812, failures: 7, callsPerSecond: 1.3 },
    { name: "1:spare/small", languageModel: "assistant", upstream: "spare", model: "small", priority: 1, state: "ready", reason: "", inFlight: 1, meanMs: 46, calls: 37, failures: 0, callsPerSecond: 3 },
    { name: "0:spare/small", languageModel: "summaries", upstream: "spare", model: "small", priority: 0, state: "ready", reason: "", inFlight: 2, meanMs: 113, calls: 301, failures: 0, callsPerSecond: 2.7 },
  ],
  keys: [
    { id: "key_01", name: "web-shop", tenant: "shop", state: "active", spentUsd: 0.0211, reservedUsd: 0.0012, budgetUsd: 2, periodMs: 86_400_000, requestsPerMinute: 1_200, calls: [{ model: "assistant", today: 610, perSecond: 3.1 }, { model: "summaries", today: 300, perSecond: 2.7 }] },
    { id: "key_02", name: "mobile-app", tenant: "shop", state: "active", spentUsd: 0.21, reservedUsd: 0.004, budgetUsd: 0.25, periodMs: 86_400_000, tokensPerMinute: 200_000, calls: [{ model: "assistant", today: 190, perSecond: 1.2 }] },
    { id: "key_03", name: "intern-project", tenant: "lab", state: "active", spentUsd: 0.004, reservedUsd: 0, budgetUsd: 0.004, calls: [{ model: "assistant", today: 42, perSecond: 0 }] },
    { id: "local", name: "local", tenant: "", state: "active", spentUsd: 0.0013, reservedUsd: 0, calls: [] },
  ],
  otherKeys: 3,
};

/** A storefront that serves models and language models beside its loop. */
export function helpdeskOverview(changes: Partial<Overview> = {}): Overview {
  return storefrontOverview({ serving: helpdeskServing, gateway: helpdeskGateway, ...changes });
}

/** No streams, no trained models, no endpoints: only what is served. */
export function servingOnly(): Overview {
  return helpdeskOverview({ streams: [], featureViews: [], candidates: [], models: [], endpoints: [], rollouts: [], drift: [], performance: [] });
}
