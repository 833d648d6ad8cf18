import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { gatewayDetails } from "../gateway/details.ts";
import { buildGateway } from "../gateway/graph.ts";
import { keyMarks, languageMarks, upstreamMarks } from "../gateway/marks.ts";
import { layoutLoop } from "../loop/layout.ts";
import { shownSections } from "../shown-sections.ts";
import { helpdeskGateway, helpdeskOverview, helpdeskServing, servingOnly } from "../test-support/helpdesk-overview.ts";
import { storefrontOverview } from "../test-support/storefront-overview.ts";
import { addHistories, gatewayFigures, servingFigures, smoothed } from "./serving-figures.ts";
import { batchShares, busiestVersion, quantileText, shadowVerdict, trafficShares } from "./serving-facts.ts";

const plain = (text: string | undefined): string | undefined => text?.replaceAll("\u202f", " ");
const [farAway, triage, urgency] = helpdeskServing.models;

test("only what the application has is shown, and the first of it is where the page begins", () => {
  assert.deepEqual(shownSections(storefrontOverview()), ["loop", "models", "endpoints", "rollouts", "drift", "decisions", "process"]);
  assert.deepEqual(shownSections(helpdeskOverview()), ["loop", "serving", "gateway", "models", "endpoints", "rollouts", "drift", "decisions", "process"]);
  assert.deepEqual(shownSections(servingOnly()), ["serving", "gateway", "decisions", "process"]);
  const { gateway: _, ...noGateway } = servingOnly();
  assert.deepEqual(shownSections(noGateway), ["serving", "decisions", "process"]);
  assert.equal(shownSections(undefined)[0], "loop", "before anything is known");
  const { serving: _serving, ...empty } = noGateway;
  assert.ok(shownSections(empty).includes("loop"), "an empty definition says how to begin");
});

test("why batches left, as shares that add up", () => {
  assert.deepEqual(batchShares(urgency!).map(({ name, share, tone }) => [name, share, tone]), [["delay was over", 0.62, 3], ["preferred size was reached", 0.31, 1], ["retried alone", 0.07, 4]]);
  assert.deepEqual(batchShares(triage!), []);
  fc.assert(fc.property(fc.array(fc.record({ reason: fc.string(), count: fc.integer({ min: 1, max: 1e9 }) }), { minLength: 1, maxLength: 8 }), (batches) => {
    assert.ok(Math.abs(batchShares({ batches }).reduce((sum, { share }) => sum + share, 0) - 1) < 1e-9);
  }));
});

test("traffic: by plan where there is one, else by who answered", () => {
  assert.deepEqual(trafficShares(urgency!).map(({ name, share, tone }) => [name, share, tone]), [["stable v1", 0.9, 1], ["canary v2", 0.1, 3]]);
  const { traffic: _, ...unplanned } = urgency!;
  assert.deepEqual(trafficShares(unplanned).map(({ name, count }) => [name, count]), [["v2", 1_900], ["v1", 11_000]]);
  assert.deepEqual(trafficShares(triage!), []);
  assert.deepEqual(trafficShares({ versions: [], traffic: { arms: [{ variant: "stable", version: "large", share: 1, requests: 2, errors: 0 }] } }).map(({ name }) => name), ["stable large"]);
  assert.equal(busiestVersion(urgency!)?.version, "1");
});

test("latencies share a unit, and what was not measured is a dash", () => {
  assert.deepEqual([{ p50: 1.21, p99: 9.84 }, { p50: 0.4, p99: 1_250 }, null].map((quantiles) => plain(quantileText(quantiles))), ["1.2 / 9.8 ms", "0.4 ms / 1.25 s", "–"]);
});

test("a shadow that differs much, or fails, deserves a look", () => {
  const shadow = urgency!.traffic!.shadow!;
  assert.deepEqual([shadowVerdict(shadow)].map(({ tone, text }) => [tone, plain(text)]), [["warning", "shadow v2: 10.9 % differ"]]);
  assert.equal(plain(shadowVerdict(shadow).explanation), "Version 2 gets copies of 50 % of the requests; its answers are compared and thrown away. 411 compared, 10.9 % differed, by 0.41 at most.");
  assert.deepEqual([shadowVerdict({ ...shadow, differingShare: 0 })].map(({ tone, text }) => [tone, text]), [["good", "shadow v2: all 411 alike"]]);
  assert.equal(shadowVerdict({ ...shadow, differingShare: 0, failures: 2 }).tone, "warning");
  assert.equal(shadowVerdict({ ...shadow, compared: 0 }).tone, "info");
});

test("histories of different length are added by their ends, and smoothed by threes from the end", () => {
  assert.deepEqual(addHistories([[1, 2, 3], [10], []]), [1, 2, 13]);
  assert.deepEqual(addHistories([]), []);
  assert.deepEqual(smoothed([9, 1, 2, 3, null, 4, null, null, null, null]), [9, 2, 4, Number.NaN]);
});

test("key figures of serving and the gateway", () => {
  const figures = (list: ReturnType<typeof servingFigures>) => list.map(({ label, value, unit = "", note }) => plain(`${label} ${value}${unit} ${typeof note === "string" ? note : ""}`.trim()));
  assert.deepEqual(figures(servingFigures(helpdeskServing)), ["Inferences 128/s", "Slowest p99 13 ms far_away, of it 3.2 ms queued", "Models ready 2 of 3 7 failed requests"]);
  assert.deepEqual(figures(gatewayFigures(helpdeskGateway)), ["Language calls 7/s 1 breaker open", "Tokens out 92/s", "Cost today $0.027 4 keys"]);
});

test("the gateway goes from keys over language models to upstreams", () => {
  const { columns, nodes, edges } = buildGateway(helpdeskGateway);
  assert.deepEqual(columns, ["Callers", "Language models", "Upstreams"]);
  assert.deepEqual(nodes.map(({ id }) => id), ["caller:key_01", "caller:key_02", "caller:key_03", "caller:local", "language:summaries", "language:assistant", "upstream:spare", "upstream:main"], "in the order of what feeds them");
  assert.deepEqual(edges.map(({ id, perSecond }) => [id, perSecond]), [
    ["key_01→assistant", 3.1], ["key_01→summaries", 2.7], ["key_02→assistant", 1.2], ["key_03→assistant", 0], ["assistant→main", 1.3], ["assistant→spare", 3], ["summaries→spare", 2.7],
  ]);
  const figures = new Map(nodes.map((node) => [node.id, plain(`${node.figure} ${node.unit}`)]));
  assert.deepEqual(["caller:key_01", "caller:local", "language:assistant", "language:summaries", "upstream:spare"].map((id) => figures.get(id)), ["$0.021 of $2.00", "$0.0013 today", "4.3 /s · first token 124 ms", "2.7 calls/s", "5.7 /s · 113 ms · 3 now"]);
  assert.deepEqual(nodes.slice(0, 4).map(({ progress }) => progress?.toFixed(3)), ["0.011", "0.856", "1.000", undefined]);
  const { keys: _, ...noBooks } = helpdeskGateway;
  assert.deepEqual(buildGateway(noBooks).edges.slice(0, 2).map(({ from, perSecond }) => [from, perSecond]), [["caller:everybody", 4.3], ["caller:everybody", 2.7]]);
  for (const width of [300, 1_200]) assert.equal(layoutLoop(buildGateway(helpdeskGateway), width).boxes.size, 8);
});

test("marks of the gateway, worst first", () => {
  const texts = (marks: ReturnType<typeof keyMarks>) => marks.map(({ tone, text }) => `${tone}: ${plain(text)}`);
  const [web, mobile, intern, local] = helpdeskGateway.keys!;
  assert.deepEqual([web, mobile, intern, local].map((key) => texts(keyMarks(key!))), [[], ["warning: 85.6 % of budget"], ["bad: budget spent"], []]);
  assert.deepEqual(texts(keyMarks({ ...web!, state: "revoked" })), ["info: revoked"]);
  assert.deepEqual(texts(languageMarks(helpdeskGateway.models[0]!, helpdeskGateway.targets)), ["info: 11 fallbacks", "info: 43 refused"]);
  assert.deepEqual(texts(languageMarks(helpdeskGateway.models[0]!, helpdeskGateway.targets.slice(0, 1))), ["bad: no upstream", "info: 11 fallbacks", "info: 43 refused"]);
  assert.deepEqual(upstreamMarks(helpdeskGateway.targets.slice(0, 1)), [{ tone: "bad", text: "breaker open", explanation: "large for assistant: failing; tried again in 0.8 s." }]);
});

test("details of the gateway's nodes", () => {
  const rows = (id: string) => Object.fromEntries((gatewayDetails(id, helpdeskGateway)?.rows ?? []).map(({ label, value }) => [label, plain(value)]));
  assert.deepEqual(rows("caller:key_02"), { "Key": "key_02", "Tenant": "shop", "State": "active", "Spent": "$0.21", "Held by calls in flight": "$0.004", "Budget": "$0.25 every 1 d", "Tokens per minute": "200 k" });
  assert.equal(rows("language:assistant")["Cost today"], "$0.026");
  assert.deepEqual(gatewayDetails("language:assistant", helpdeskGateway)?.groups.map(({ title, rows: list }) => [title, list.map(({ label, value }) => `${label} ${value}`)]), [
    ["Upstreams in their order", ["main · large open", "spare · small ready"]], ["Not answered", ["GUARDRAIL_REFUSED 3", "BUDGET_EXHAUSTED 40"]],
  ]);
  assert.deepEqual(gatewayDetails("upstream:spare", helpdeskGateway)?.groups.map(({ title }) => title), ["small for assistant", "small for summaries"]);
  assert.deepEqual([gatewayDetails("caller:nobody", helpdeskGateway), gatewayDetails("moon:x", helpdeskGateway), gatewayDetails("", helpdeskGateway)], [undefined, undefined, undefined]);
  assert.equal(farAway!.versions[0]!.replicas!.length, 2);
});
