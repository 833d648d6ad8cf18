import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import app from "../../examples/storefront/app.ts";
import { describeApplication } from "../../src/define/index.ts";
import type { Overview } from "../../src/protocols/admin/overview.ts";
import { storefrontDefinition } from "../test-support/storefront-definition.ts";
import { storefrontOverview } from "../test-support/storefront-overview.ts";
import { connectionAfter, retryDelayMs } from "./connection.ts";
import type { Connection } from "./connection.ts";
import { definitionFacts } from "./definition-facts.ts";
import { OBSERVED_SAMPLES, observe } from "./observed.ts";
import type { ObservedSample } from "./observed.ts";
import { followOverviews } from "./overview-feed.ts";

test("attempts come slower and slower, and a server that stays away is called gone", () => {
  assert.deepEqual([1, 2, 3, 4, 5, 9].map(retryDelayMs), [1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
  let connection: Connection = { kind: "live" };
  const kinds = Array.from({ length: 6 }, () => (connection = connectionAfter(connection, { kind: "failure", nowMs: 500 })).kind);
  assert.deepEqual(kinds, ["reconnecting", "reconnecting", "reconnecting", "reconnecting", "gone", "gone"]);
  assert.deepEqual(connection, { kind: "gone", failures: 6, retryAtMs: 10_500 });
  assert.deepEqual(connectionAfter(connection, { kind: "message" }), { kind: "live" });
});

class FakeSource extends EventTarget {
  isOpen = true;
  close(): void { this.isOpen = false; }
  send(overview: unknown): void { this.dispatchEvent(new MessageEvent("overview", { data: JSON.stringify(overview) })); }
}

function openFeed({ mock }: TestContext) {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const sources: FakeSource[] = [];
  const connections: Connection[] = [];
  const overviews: Overview[] = [];
  const feed = followOverviews({
    open: () => {
      sources.push(new FakeSource());
      return sources.at(-1) as unknown as EventSource; // as much of one as the feed uses
    },
    now: () => Date.now(), onOverview: (overview) => overviews.push(overview), onConnection: (connection) => connections.push(connection),
  });
  return { feed, sources, connections, overviews, tick: (ms: number) => mock.timers.tick(ms) };
}

test("a feed that breaks is opened again after a while, and says so", (context) => {
  const { sources, connections, overviews, tick } = openFeed(context);
  sources[0]!.send({ application: "shop" });
  sources[0]!.dispatchEvent(new Event("error"));
  assert.equal(sources[0]!.isOpen, false);
  tick(999);
  assert.equal(sources.length, 1);
  tick(1);
  sources[1]!.send({ application: "shop" });
  assert.deepEqual(connections, [{ kind: "live" }, { kind: "reconnecting", failures: 1, retryAtMs: 1_000 }, { kind: "live" }]);
  assert.equal(overviews.length, 2);
});

test("silence counts as broken, late words of a closed source do not count", (context) => {
  const { sources, connections, overviews, tick } = openFeed(context);
  sources[0]!.send({});
  tick(14_999);
  assert.equal(connections.length, 1);
  tick(1);
  assert.equal(connections.at(-1)?.kind, "reconnecting");
  sources[0]!.send({});
  sources[0]!.dispatchEvent(new Event("error"));
  assert.deepEqual([overviews.length, connections.length], [1, 2]);
});

test("a person can try at once, and a closed feed stays closed", (context) => {
  const { feed, sources, tick } = openFeed(context);
  for (let i = 0; i < 5; i++) {
    sources.at(-1)!.dispatchEvent(new Event("error"));
    tick(10_000);
  }
  const before = sources.length;
  feed.retryNow();
  assert.equal(sources.length, before + 1);
  assert.deepEqual(sources.map((source) => source.isOpen), [...Array<boolean>(before).fill(false), true]);
  feed.close();
  tick(100_000);
  assert.deepEqual([sources.length, sources.at(-1)!.isOpen], [before + 1, false]);
});

test("the page's own history holds five minutes", () => {
  let history: readonly ObservedSample[] = [];
  const overview = storefrontOverview();
  for (let second = 0; second < OBSERVED_SAMPLES + 20; second++) history = observe(history, overview, second * 1_000);
  assert.deepEqual([history.length, history[0]!.atWallMs, history.at(-1)!.atWallMs], [300, 20_000, 319_000]);
  assert.deepEqual(history[0]!.streams, { purchases: 128.4, clicks: 412.7 });
  assert.equal(history[0]!.eventsPerSecond.toFixed(1), "541.1");
});

test("the facts of a definition", () => {
  assert.deepEqual(definitionFacts(storefrontDefinition), {
    outcomes: { recommend: { stream: "purchases", windowMs: 3_600_000 } },
    rollouts: { recommend: { steps: [0.2, 0.5], margin: 0.1 } },
    retraining: { ranker: ["when 3 features have a PSI of 0.2 or more", "every 30 d"] },
  });
});

test("the example's definition holds the facts where they are looked for", () => {
  const { outcomes, rollouts, retraining } = definitionFacts(JSON.parse(JSON.stringify(describeApplication(app))));
  assert.equal(outcomes["recommend"]?.stream, "purchases");
  assert.ok(rollouts["recommend"]!.margin > 0 && rollouts["recommend"]!.steps.length > 0);
  assert.equal(retraining["ranker"]?.length, [...app.models.values()][0]?.retrain.length, "every trigger is named");
});

test("a document that is something else gives no facts", () => {
  for (const document of [undefined, null, 7, "x", [], { resources: null }, { resources: { endpoints: { a: { outcome: 1, rollout: [] } }, models: { m: { retrain: [{ kind: "moon" }] } } } }]) {
    const { outcomes, rollouts, retraining } = definitionFacts(document);
    assert.deepEqual([outcomes, rollouts, Object.values(retraining).flat()], [{}, {}, []]);
  }
});
