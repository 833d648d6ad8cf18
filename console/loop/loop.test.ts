import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Overview } from "../../src/protocols/admin/overview.ts";
import { NO_FACTS } from "../live/definition-facts.ts";
import type { DefinitionFacts } from "../live/definition-facts.ts";
import { freshOverview, storefrontOverview, trainingOverview } from "../test-support/storefront-overview.ts";
import { buildLoop, flowLevel } from "./graph.ts";
import type { LoopGraph } from "./graph.ts";
import { COLUMN_FROM_WIDTH, layoutLoop } from "./layout.ts";
import type { Box } from "./layout.ts";
import { marksOf } from "./marks.ts";
import { roundedPath } from "./paths.ts";

const FACTS: DefinitionFacts = { ...NO_FACTS, outcomes: { recommend: { stream: "purchases", windowMs: 3_600_000 } }, retraining: { ranker: ["every 30 d"] } };
const plain = (text: string | undefined): string | undefined => text?.replaceAll("\u202f", " ");

test("the storefront's loop goes from streams to endpoints and back", () => {
  const { nodes, edges } = buildLoop(storefrontOverview(), FACTS);
  assert.deepEqual(nodes.map((node) => node.column), [0, 0, 1, 1, 1, 1, 1, 1, 2, 3]);
  const flows = edges.filter((edge) => edge.kind === "flow").map((edge) => edge.id);
  assert.equal(flows.length, 15);
  for (const id of ["stream:clicks→view:attention", "stream:purchases→candidates:similar_items", "candidates:similar_items→model:ranker", "model:ranker→endpoint:recommend", "candidates:similar_items→endpoint:recommend"]) {
    assert.ok(flows.includes(id), id);
  }
  const outcome = edges.find((edge) => edge.kind === "outcome");
  assert.deepEqual([outcome?.from, outcome?.to, plain(outcome?.text)], ["endpoint:recommend", "stream:purchases", "purchases within 1 h of an answer · mean reward 0.03674 over 4,463 answers"]);
  assert.equal(edges.some((edge) => edge.isActive), false);
  assert.deepEqual(buildLoop(storefrontOverview(), NO_FACTS).edges.filter((edge) => edge.kind === "outcome"), []);
});

test("nodes of a column stand in the order of what feeds them", () => {
  const views = buildLoop(storefrontOverview(), FACTS).nodes.filter((node) => node.column === 1).map((node) => node.name);
  assert.deepEqual(views, ["customer_activity", "item_popularity", "affinity", "similar_items", "item_interest", "attention"]);
});

test("live figures", () => {
  const figures = new Map(buildLoop(storefrontOverview(), FACTS).nodes.map((node) => [node.id, plain(`${node.figure} ${node.unit}`)]));
  assert.equal(figures.get("stream:purchases"), "128 events/s");
  assert.equal(figures.get("view:affinity"), "267 k pairs");
  assert.equal(figures.get("view:item_interest"), "3,652 item keys");
  assert.equal(figures.get("model:ranker"), "v3 champion");
  assert.equal(figures.get("endpoint:recommend"), "42 /s · p99 27.6 ms");
  const fresh = new Map(buildLoop(freshOverview(), FACTS).nodes.map((node) => [node.id, `${node.figure} ${node.unit}`]));
  assert.deepEqual([fresh.get("model:ranker"), fresh.get("endpoint:recommend")], ["No champion yet", "0 requests/s"]);
});

test("marks say what deserves a look, worst first", () => {
  const texts = (overview: Overview, kind: Parameters<typeof marksOf>[1], name: string) => marksOf(overview, kind, name).map(({ tone, text }) => `${tone}: ${plain(text)}`);
  const overview = storefrontOverview();
  assert.deepEqual(texts(overview, "stream", "purchases"), ["warning: 144 k dead letters"]);
  assert.deepEqual(texts(overview, "stream", "clicks"), []);
  assert.deepEqual(texts(overview, "view", "item_popularity"), [], "12 events are no lag");
  assert.deepEqual(texts(overview, "view", "item_interest"), ["warning: 4,870 events behind"]);
  assert.deepEqual(texts(overview, "view", "affinity"), ["active: rebuilding 42 %"]);
  assert.deepEqual(texts(overview, "model", "ranker"), ["warning: 3 features drifted", "info: canary 50 %"]);
  assert.deepEqual(texts(overview, "endpoint", "recommend"), ["warning: 2.1 % fallback", "info: canary 50 %"]);
  assert.deepEqual(texts(trainingOverview(), "model", "ranker"), ["warning: 3 features drifted", "active: training 62 %"]);
  assert.deepEqual(texts(freshOverview(), "stream", "clicks"), ["info: no events yet"]);
  assert.deepEqual(texts(freshOverview(), "model", "ranker"), ["info: not trained"]);
  assert.deepEqual(texts(overview, "model", "unknown"), []);
});

test("the training arrow lights up with its stage", () => {
  const training = buildLoop(trainingOverview(), FACTS).edges.find((edge) => edge.kind === "training");
  assert.deepEqual([training?.isActive, training?.to, training?.text], [true, "model:ranker", "training: boosting"]);
});

test("levels of flow", () => {
  assert.deepEqual([undefined, 0, Number.NaN, 0.02, 0.9, 3, 42, 500, 4_000, 9e6].map(flowLevel), [0, 0, 0, 1, 1, 2, 3, 4, 5, 5]);
});

const overlap = (a: Box, b: Box): boolean => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

/** A loop of any size: names only, each view reads a stream, each model some views. */
const anyOverview = fc.record({ streams: fc.integer({ min: 0, max: 5 }), views: fc.integer({ min: 0, max: 9 }), models: fc.integer({ min: 0, max: 4 }), endpoints: fc.integer({ min: 0, max: 4 }) }).map((sizes): Overview => {
  const base = storefrontOverview();
  const many = <T>(count: number, make: (at: number) => T): readonly T[] => Array.from({ length: count }, (_, at) => make(at));
  return {
    ...base, candidates: [],
    streams: many(sizes.streams, (at) => ({ ...base.streams[0]!, name: `s${at}` })),
    featureViews: many(sizes.views, (at) => ({ ...base.featureViews[0]!, name: `f${at}`, from: `s${at % 3}` })),
    models: many(sizes.models, (at) => ({ ...base.models[0]!, name: `m${at}`, sources: [`f${at}`, `f${at + 1}`] })),
    endpoints: many(sizes.endpoints, (at) => ({ ...base.endpoints[0]!, name: `e${at}`, model: `m${at % 2}` })),
  };
});

test("at every size nodes lie within the picture and apart, and edges are finite", () => {
  const facts: DefinitionFacts = { ...NO_FACTS, outcomes: Object.fromEntries(["e0", "e1"].map((name) => [name, { stream: "s0", windowMs: 1 }])) };
  fc.assert(fc.property(anyOverview, fc.integer({ min: 0, max: 2_000 }), (overview, width) => {
    const graph: LoopGraph = buildLoop(overview, facts);
    const layout = layoutLoop(graph, width);
    const boxes = [...layout.boxes.values()];
    assert.equal(boxes.length, graph.nodes.length);
    assert.equal(layout.shape, width >= 4 * COLUMN_FROM_WIDTH ? "columns" : "list");
    for (const [at, box] of boxes.entries()) {
      assert.ok(box.x >= 0 && box.y >= 0 && box.x + box.width <= layout.width && box.y + box.height <= layout.height, JSON.stringify(box));
      assert.ok(boxes.every((other, i) => i === at || !overlap(box, other)));
    }
    for (const { path } of layout.edges) assert.match(path, /^M[-\d. LCQ]+$/);
  }), { numRuns: 60 });
});

test("round corners stay within their sides", () => {
  assert.equal(roundedPath([{ x: 0, y: 0 }, { x: 0, y: 10 }, { x: 40, y: 10 }], 12), "M0 0L0 5Q0 10 5 10L40 10");
});
