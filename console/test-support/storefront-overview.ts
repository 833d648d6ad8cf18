/** Overviews of a storefront as a running platform gives them, written by hand for tests; never shipped. */
import type { DecisionOverview, DriftOverview, EndpointOverview, ModelOverview, Overview, PerformanceOverview, RunOverview } from "../../src/protocols/admin/overview.ts";

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
export const NOW_MS = Date.UTC(2011, 8, 14, 10, 32, 8);
const WALL_MS = Date.UTC(2026, 4, 6, 9, 0, 0);

const FEATURES = [
  ["customer_activity.lines_7d", 0.031], ["customer_activity.lines_30d", 0.044], ["customer_activity.spend_30d", 0.026], ["customer_activity.mean_price_90d", 0.018],
  ["customer_activity.items_90d", 0.039], ["customer_activity.country", 0.004], ["item_popularity.sold_1d", 0.047], ["item_popularity.sold_7d", 0.083],
  ["item_popularity.sold_30d", 0.061], ["item_popularity.buyers_30d", 0.052], ["item_popularity.mean_price_30d", 0.021], ["item_interest.clicks_1d", 0.033],
  ["item_interest.clicks_7d", 0.027], ["affinity.bought_30d", 0.072], ["affinity.bought_180d", 0.118], ["affinity.quantity_180d", 0.043],
  ["attention.clicks_1h", 0.096], ["attention.clicks_7d", 0.041], ["similar_items.popularity", 0.068], ["recency.days_since_bought", 0.076],
] as const;
const DRIFTING: Readonly<Record<string, number>> = { "item_popularity.sold_7d": 0.34, "item_popularity.sold_30d": 0.27, "attention.clicks_1h": 0.22, "item_interest.clicks_7d": 0.15, "customer_activity.spend_30d": 0.12 };

/** A repeatable wave between 0 and 1. */
const wave = (at: number, seed: number): number => (Math.sin(at * 0.61 + seed * 1.7) + Math.sin(at * 0.23 + seed * 2.9) + 2) / 4;

const streams: Overview["streams"] = [
  { name: "purchases", description: "One line of an order: a customer bought an item.", events: 541_909, eventsPerSecond: 128.4, sizeBytes: 118_400_000, deadLetters: { "missing customer": 135_080, "cancelled order": 9_288 }, lakeRows: 397_541, lakeFiles: 24 },
  { name: "clicks", description: "A customer looked at an item.", events: 1_842_110, eventsPerSecond: 412.7, sizeBytes: 201_300_000, deadLetters: {}, lakeRows: 1_838_000, lakeFiles: 61 },
];

const featureViews: Overview["featureViews"] = [
  { name: "customer_activity", description: "How much and how variedly a customer buys.", entities: ["customer"], from: "purchases", features: ["lines_7d", "lines_30d", "spend_30d", "mean_price_90d", "items_90d", "bulk_lines_30d", "country"], entityCount: 4_338, lagEvents: 0 },
  { name: "item_popularity", description: "How an item sells.", entities: ["item"], from: "purchases", features: ["sold_1d", "sold_7d", "sold_30d", "buyers_30d", "mean_price_30d", "max_quantity_30d", "last_sold"], entityCount: 3_665, lagEvents: 12 },
  { name: "item_interest", description: "Who looks at an item.", entities: ["item"], from: "clicks", features: ["clicks_1d", "clicks_7d"], entityCount: 3_652, lagEvents: 4_870 },
  { name: "affinity", description: "What this customer did with this item.", entities: ["customer", "item"], from: "purchases", features: ["bought_30d", "bought_180d", "quantity_180d", "last_bought"], entityCount: 266_802, lagEvents: 0, rebuild: 0.42 },
  { name: "attention", description: "Whether this customer looked at this item lately.", entities: ["customer", "item"], from: "clicks", features: ["clicks_1h", "clicks_7d"], entityCount: 412_730, lagEvents: 0 },
];

function run(id: string, trigger: string, startedAtMs: number, end: number): RunOverview {
  const curve = (level: number, noise: number) => Array.from({ length: 150 }, (_, step) => ({ step: step + 1, value: level * (1 - Math.exp(-(step + 3) / 28)) + noise * (wave(step, level * 90) - 0.5) }));
  return {
    id, trigger, startedAtMs, status: "finished", metrics: { "ndcg@10": end, "recall@20": end * 1.94 },
    curves: { "train ndcg@10": curve(end * 1.22, 0.0006), "validation ndcg@10": curve(end * 1.01, 0.0016), "train loss": curve(0.2 + 4 * end, 0.001).map(({ step, value }) => ({ step, value: 0.7 - value })) },
  };
}

const importances = FEATURES.map(([feature, share]) => ({ feature, share })).toSorted((a, b) => b.share - a.share);

export const ranker: ModelOverview = {
  name: "ranker", description: "Orders candidates by how likely the customer buys them now.", objective: "lambdarank",
  sources: ["customer_activity", "item_popularity", "item_interest", "affinity", "attention", "similar_items", "recency"], featureCount: 27,
  aliases: { champion: 3, challenger: 4, previous: 2 },
  versions: [
    { version: 4, createdAtMs: NOW_MS - 5 * HOUR_MS, run: "run-04", aliases: ["challenger"], metrics: { "ndcg@10": 0.0431, "recall@20": 0.0862, "ndcg@10 of popularity": 0.0212 }, importances },
    { version: 3, createdAtMs: NOW_MS - 31 * DAY_MS, run: "run-03", aliases: ["champion"], metrics: { "ndcg@10": 0.0407, "recall@20": 0.0809, "ndcg@10 of popularity": 0.0209 }, importances: importances.map(({ feature, share }, at) => ({ feature, share: share * (1 + 0.2 * (wave(at, 3) - 0.5)) })) },
    { version: 2, createdAtMs: NOW_MS - 62 * DAY_MS, run: "run-02", aliases: ["previous"], metrics: { "ndcg@10": 0.0388, "recall@20": 0.0771, "ndcg@10 of popularity": 0.0204 }, importances: [] },
    { version: 1, createdAtMs: NOW_MS - 93 * DAY_MS, run: "run-01", aliases: [], metrics: { "ndcg@10": 0.0341, "recall@20": 0.0694 }, importances: [] },
  ],
  runs: [
    run("run-04", "drift", NOW_MS - 5 * HOUR_MS - 80_000, 0.0431), run("run-03", "schedule", NOW_MS - 31 * DAY_MS, 0.0407), run("run-02", "schedule", NOW_MS - 62 * DAY_MS, 0.0388),
    { id: "run-01b", status: "failed", trigger: "manual", startedAtMs: NOW_MS - 92 * DAY_MS, metrics: {}, curves: {} }, run("run-01", "first", NOW_MS - 93 * DAY_MS, 0.0341),
  ],
};

const recommend: EndpointOverview = {
  name: "recommend", description: "Items this customer is likely to buy now.", model: "ranker", candidates: "similar_items",
  requests: 184_204, requestsPerSecond: 42.3, latencyMs: { p50: 8.42, p90: 14.9, p99: 27.6 }, fallbackShare: 0.0213,
  traffic: [
    { variant: "champion", version: 3, requests: 148_061, share: 0.8038 }, { variant: "canary", version: 4, requests: 32_219, share: 0.1749 }, { variant: "fallback", version: 0, requests: 3_924, share: 0.0213 },
  ],
  history: Array.from({ length: 300 }, (_, at) => ({ atWallMs: WALL_MS + at * 1000, requestsPerSecond: 30 + 20 * wave(at / 6, 1), p50Ms: 7.6 + 1.6 * wave(at / 9, 2), p99Ms: 22 + 14 * wave(at / 4, 5) })),
};

const drift: DriftOverview = {
  model: "ranker", version: 3,
  windows: Array.from({ length: 36 }, (_, window) => ({
    atMs: NOW_MS - (36 - window) * 20 * HOUR_MS, rows: 2_000,
    features: FEATURES.map(([name], at) => {
      const goal = DRIFTING[name] ?? 0.03;
      const psi = 0.01 + 0.035 * wave(window, at) + (goal - 0.03) * Math.max(0, (window - 12) / 23);
      return { name, psi, ks: name.endsWith("country") ? null : psi * 0.6, drifted: psi >= 0.2 };
    }),
    prediction: { psi: 0.02 + 0.1 * Math.max(0, (window - 14) / 21) + 0.01 * wave(window, 40), ks: 0.03, drifted: false },
  })),
};

const performance: PerformanceOverview = {
  model: "ranker", endpoint: "recommend",
  windows: Array.from({ length: 32 }, (_, day) => day).flatMap((day) => {
    const atMs = Math.floor(NOW_MS / DAY_MS - 31 + day) * DAY_MS;
    const completeShare = day === 31 ? 0.61 : 1;
    const champion = { atMs, variant: "champion", version: 3, answers: 4_100 + Math.round(600 * wave(day, 2)), meanReward: 0.044 - 0.0004 * Math.max(0, day - 12) + 0.004 * (wave(day, 7) - 0.5), completeShare };
    return day < 27 ? [champion] : [champion, { ...champion, variant: "canary", version: 4, answers: 1_020, meanReward: champion.meanReward + 0.0041 + 0.002 * (wave(day, 9) - 0.5) }];
  }),
};

const decisions: readonly DecisionOverview[] = [
  { atMs: NOW_MS - HOUR_MS, kind: "rollout", subject: "ranker", verdict: "raise-share", reason: "The challenger's mean reward is 0.0409 over 1,204 outcomes, the champion's 0.0362 over 4,872; no harm is shown, so it now answers 50 % of the traffic." },
  { atMs: NOW_MS - 3 * HOUR_MS, kind: "alert", subject: "recommend", verdict: "fallback", reason: "2.1 % of the answers came from the fallback: 3,924 of 184,204 missed the deadline of 250 ms." },
  { atMs: NOW_MS - 4 * HOUR_MS, kind: "rollout", subject: "ranker", verdict: "start-canary", reason: "The challenger scored 100 shadow requests with 0 errors, p99 21 ms (champion 19 ms, deadline 250 ms); it now answers 20 % of the traffic." },
  { atMs: NOW_MS - 5 * HOUR_MS, kind: "gate", subject: "ranker", verdict: "passed", reason: "Version 4: ndcg@10 is 0.0431 [0.0402, 0.0461] and beats the champion's 0.0407 within the margin of 0.01; recall@20 is 0.0862, at least 0.02." },
  { atMs: NOW_MS - 5 * HOUR_MS - 80_000, kind: "training", subject: "ranker", verdict: "started", reason: "3 features have drifted." },
  { atMs: NOW_MS - 5 * HOUR_MS - 81_000, kind: "trigger", subject: "ranker", verdict: "retrain", reason: "item_popularity.sold_7d (PSI 0.34), item_popularity.sold_30d (0.27) and attention.clicks_1h (0.22) are at 0.2 or more; 3 are needed." },
  { atMs: NOW_MS - 6 * HOUR_MS, kind: "alert", subject: "ranker", verdict: "drift", reason: "3 of 20 features drifted in the window of 2,000 rows." },
  { atMs: NOW_MS - 31 * DAY_MS, kind: "alias", subject: "ranker", verdict: "champion", reason: "Version 3 is champion: the canary is better by 0.0021 to 0.0078 with 95 % confidence at every look." },
  { atMs: NOW_MS - 32 * DAY_MS, kind: "trigger", subject: "ranker", verdict: "blocked", reason: "The schedule is due, but the last training was 1 day ago and the cool-down is 2 days." },
  { atMs: NOW_MS - 93 * DAY_MS, kind: "definition", subject: "storefront", verdict: "applied", reason: "2 streams, 5 feature views, 1 candidate source, 1 model and 1 endpoint were created." },
];

/** A platform in full swing: a canary at half the traffic, three drifted features, one slow view. */
export function storefrontOverview(changes: Partial<Overview> = {}): Overview {
  return {
    application: "storefront", definitionHash: "9f2c4b7e01a6d3558cf0e2b94d7a1c3650be8f27d4916ac3e05b7d8f12ac6e94", strataVersion: "0.1.0", nowMs: NOW_MS, isSimulatedTime: true,
    process: { startedAtWallMs: WALL_MS - 47 * 60_000, rssBytes: 412_000_000, cpuShare: 0.63, eventLoopP99Ms: 3.4, node: "24.21.0" },
    streams, featureViews, models: [ranker], endpoints: [recommend], drift: [drift], performance: [performance], decisions, alerts: decisions.filter(({ kind }) => kind === "alert"),
    candidates: [{ name: "similar_items", description: "Bought together, popular, and bought before.", from: ["purchases", "clicks"], itemCount: 3_665, userCount: 4_338, lagEvents: 0 }],
    rollouts: [
      { model: "ranker", endpoint: "recommend", champion: 3, challenger: 4, phase: "canary", share: 0.5, startedAtMs: NOW_MS - 5 * HOUR_MS, reason: decisions[0]!.reason, test: { championMean: 0.0362, challengerMean: 0.0409, low: -0.0009, high: 0.0103, championN: 4_872, challengerN: 1_204 } },
      { model: "ranker", endpoint: "recommend", champion: 2, challenger: 3, phase: "promoted", share: 0, startedAtMs: NOW_MS - 33 * DAY_MS, reason: "The challenger is promoted: the canary is better by 0.0021 to 0.0078 with 95 % confidence at every look." },
    ],
    ...changes,
  };
}

/** The same platform while it trains. */
export function trainingOverview(): Overview {
  return storefrontOverview({ models: [{ ...ranker, aliases: { champion: 3, previous: 2 }, training: { stage: "boosting", share: 0.62, detail: "tree 93 of 150, validation ndcg@10 0.0427" } }], rollouts: [] });
}

/** Just started: defined, and nothing has come in. */
export function freshOverview(): Overview {
  const base = storefrontOverview();
  return {
    ...base, isSimulatedTime: false, rollouts: [], drift: [], decisions: [], alerts: [], performance: [{ model: "ranker", endpoint: "recommend", windows: [] }],
    streams: base.streams.map((stream) => ({ ...stream, events: 0, eventsPerSecond: 0, sizeBytes: 0, deadLetters: {}, lakeRows: 0, lakeFiles: 0 })),
    featureViews: featureViews.map(({ name, description, entities, from, features }) => ({ name, description, entities, from, features, entityCount: 0, lagEvents: 0 })),
    candidates: base.candidates.map((candidates) => ({ ...candidates, itemCount: 0, userCount: 0 })),
    models: [{ ...ranker, aliases: {}, versions: [], runs: [] }],
    endpoints: [{ ...recommend, requests: 0, requestsPerSecond: 0, latencyMs: { p50: 0, p90: 0, p99: 0 }, fallbackShare: 0, traffic: [], history: [] }],
  };
}
