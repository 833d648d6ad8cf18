import assert from "node:assert/strict";
import { test } from "node:test";
import type { Overview } from "../../src/protocols/admin/overview.ts";
import { detailsOf } from "../loop/details.ts";
import { NO_FACTS } from "../live/definition-facts.ts";
import { latestReward } from "../loop/reward.ts";
import { freshOverview, ranker, storefrontOverview, trainingOverview } from "../test-support/storefront-overview.ts";
import { driftLine, driftRows, rewardSeries } from "./drift-rows.ts";
import { marginOf, rolloutSteps } from "./rollout-steps.ts";
import { WATCHED_METRIC, curveCharts, curveName, finalMetrics, toggleRun } from "./run-curves.ts";
import { byDay, kindCounts, timelineOf, toneOfVerdict } from "./timeline.ts";

const plain = (text: string): string => text.replaceAll("\u202f", " ");
const FACTS = { ...NO_FACTS, outcomes: { recommend: { stream: "purchases", windowMs: 3_600_000 } }, rollouts: { recommend: { steps: [0.2, 0.5], margin: 0.1 } }, retraining: { ranker: ["every 30 d"] } };

test("training and validation of a metric share a chart", () => {
  assert.deepEqual(curveName("train ndcg@10"), { metric: "ndcg@10", part: "training" });
  assert.deepEqual(curveName("ndcg@10/validation"), { metric: "ndcg@10", part: "validation" });
  assert.deepEqual(curveName("val.logloss"), { metric: "logloss", part: "validation" });
  assert.deepEqual(curveName("validation"), { metric: WATCHED_METRIC, part: "validation" });
  assert.deepEqual(curveName("retrained_loss"), { metric: "retrained_loss", part: "" });
  const [one] = curveCharts(ranker.runs.slice(0, 1));
  assert.deepEqual(one?.series.map(({ name, isDashed }) => [name, isDashed]), [["training", true], ["validation", false]]);
});

test("runs over each other are lettered, three at most", () => {
  const charts = curveCharts(ranker.runs.filter((run) => run.status === "finished"));
  assert.deepEqual(charts.map(({ metric, series }) => [metric, series.map(({ name, tone }) => `${name} ${tone}`)]), [
    ["ndcg@10", ["A training 1", "A validation 1", "B training 2", "B validation 2", "C training 3", "C validation 3"]],
    ["loss", ["A training 1", "B training 2", "C training 3"]],
  ]);
  assert.deepEqual(toggleRun(["a", "b", "c"], "d"), ["b", "c", "d"]);
  assert.deepEqual(toggleRun(["a", "b"], "a"), ["b"]);
});

test("a run's table holds results, not the ends of its curves", () => {
  const run = { ...ranker.runs[0]!, metrics: { "ndcg@10": 0.04, training: 0.6, validation: 0.5 }, curves: { training: [], validation: [] } };
  assert.deepEqual(finalMetrics([run, ranker.runs[1]!]), ["ndcg@10", "recall@20"]);
});

test("drift rows: the prediction, then the most severe features", () => {
  const drift = storefrontOverview().drift[0]!;
  const rows = driftRows(drift);
  assert.deepEqual(rows.slice(0, 4).map(({ name }) => name), ["prediction", "item_popularity.sold_7d", "item_popularity.sold_30d", "attention.clicks_1h"]);
  assert.equal(rows.length, 21);
  assert.equal(rows[1]!.values.length, 36);
  assert.equal(driftLine(rows[1]!, drift).points.at(-1)!.y, rows[1]!.values.at(-1));
});

test("a feature that some windows did not measure has holes, not zeros", () => {
  const window = (atMs: number, names: readonly string[]): Overview["drift"][number]["windows"][number] => ({ atMs, rows: 10, features: names.map((name) => ({ name, psi: 0.3, ks: null, drifted: true })) });
  const drift = { model: "m", version: 1, windows: [window(1, ["a"]), window(2, ["a", "b"])] };
  assert.deepEqual(driftRows(drift).map(({ name, values }) => [name, values]), [["a", [0.3, 0.3]], ["b", [undefined, 0.3]]]);
  const quiet = { ...window(2, ["a", "b"]), features: [{ name: "a", psi: 0.3, ks: null, drifted: false }, { name: "b", psi: 0.05, ks: 0.2, drifted: true }] };
  assert.deepEqual(driftRows({ ...drift, windows: [quiet] }).map(({ name, isDrifted }) => [name, isDrifted]), [["b", true], ["a", false]], "the verdict of all tests comes before the size of one");
  assert.ok(Number.isNaN(driftLine(driftRows(drift)[1]!, drift).points[0]!.y));
});

test("rewards: a line per version and variant, open while outcomes are out", () => {
  const performance = storefrontOverview().performance[0]!;
  const series = rewardSeries(performance);
  assert.deepEqual(series.map(({ name, points }) => [name, points.length, points.filter((point) => point.isOpen).length]), [["champion v3", 32, 1], ["canary v4", 5, 1]]);
  const canaries = [4, 5, 6, 7].map((version) => ({ ...performance.windows.at(-1)!, version }));
  assert.deepEqual(rewardSeries({ ...performance, windows: [performance.windows[0]!, ...canaries] }).map(({ tone, isDashed }) => [tone, isDashed]), [[1, false], [3, false], [2, false], [4, false], [3, true]]);
  assert.equal(latestReward(performance)?.atMs, performance.windows.findLast(({ completeShare }) => completeShare === 1)?.atMs);
  assert.equal(latestReward({ ...performance, windows: performance.windows.slice(-2) })?.completeShare, 0.61);
  assert.equal(latestReward(undefined), undefined);
});

test("steps of a rollout", () => {
  const states = (phase: string, share: number, steps?: readonly number[]) => rolloutSteps({ phase, share }, steps).map(({ name, state }) => `${plain(name)}: ${state}`);
  assert.deepEqual(states("shadow", 0, [0.2, 0.5]), ["Shadow: now", "Canary 20 %: next", "Canary 50 %: next", "Champion: next"]);
  assert.deepEqual(states("canary", 0.5, [0.2, 0.5]), ["Shadow: done", "Canary 20 %: done", "Canary 50 %: now", "Champion: next"]);
  assert.deepEqual(states("canary", 0.3), ["Shadow: done", "Canary 30 %: now", "Champion: next"]);
  assert.deepEqual(states("promoted", 0, [0.2]), ["Shadow: done", "Canary 20 %: done", "Champion: now"]);
});

test("the margin is a share of the champion's mean", () => {
  const [rollout] = storefrontOverview().rollouts;
  assert.equal(marginOf(rollout!, 0.1)?.toFixed(5), "-0.00362");
  assert.equal(marginOf(rollout!, undefined), undefined);
  assert.equal(marginOf({}, 0.1), undefined);
});

test("one timeline of decisions and alerts, each once, newest first", () => {
  const overview = storefrontOverview();
  const older = { ...overview.alerts[0]!, atMs: 5 };
  const entries = timelineOf({ decisions: overview.decisions, alerts: [...overview.alerts, older] });
  assert.equal(entries.length, overview.decisions.length + 1);
  assert.deepEqual([entries[0], entries.at(-1)], [overview.decisions[0], older]);
  assert.deepEqual(kindCounts(entries).map(({ kind, count }) => `${kind} ${count}`), ["alert 3", "alias 1", "definition 1", "gate 1", "rollout 2", "training 1", "trigger 2"]);
  assert.deepEqual(byDay(entries).map(({ day, entries: list }) => `${day}: ${list.length}`), ["14 Sep 2011: 7", "14 Aug 2011: 1", "13 Aug 2011: 1", "13 Jun 2011: 1", "1 Jan 1970: 1"]);
  const tones = [["alert", "drift"], ["gate", "passed"], ["gate", "failed"], ["trigger", "blocked"], ["rollout", "raise-share"]] as const;
  assert.deepEqual(tones.map(([kind, verdict]) => toneOfVerdict({ kind, verdict })), ["warning", "good", "bad", "warning", "info"]);
});

test("details of each kind of node", () => {
  const details = (id: string, overview = storefrontOverview()) => detailsOf(id, overview, FACTS);
  const rows = (id: string, overview?: Overview) => Object.fromEntries((details(id, overview)?.rows ?? []).map(({ label, value }) => [label, plain(value)]));
  assert.deepEqual(rows("stream:purchases"), { "Events": "542 k", "Events per second": "128", "Log": "113 MiB", "Lake": "398 k rows in 24 files" });
  assert.deepEqual(details("stream:purchases")?.groups[0]?.rows.map(({ label, value }) => `${label} ${plain(value)}`), ["missing customer 135 k", "cancelled order 9,288"]);
  assert.deepEqual(rows("view:affinity"), { Stream: "purchases", Entities: "customer, item", Keys: "267 k", Lag: "0 events", Rebuilt: "42 %" });
  assert.deepEqual(details("view:affinity")?.lists[0]?.items, ["bought_30d", "bought_180d", "quantity_180d", "last_bought"]);
  assert.equal(rows("endpoint:recommend")["Rollout"], "canary at 20 %, 50 %");
  assert.equal(rows("endpoint:recommend", freshOverview())["Fallback"], undefined, "no share of nothing");
  assert.deepEqual(details("model:ranker", trainingOverview())?.groups[0]?.rows.map(({ value }) => plain(value)), ["boosting", "62 %", "tree 93 of 150, validation ndcg@10 0.0427"]);
  assert.deepEqual([details("model:nothing"), details("moon:x"), details("")], [undefined, undefined, undefined]);
});
