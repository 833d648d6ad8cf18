/** Divided traffic in front of real models: graphs ask their members through it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { floats, mapModel, numbersOf, openTestServer } from "../../../test/serving/model-server-kit.ts";
import { defineInferenceGraph, defineServedModel, step, tensor } from "../../define/index.ts";
import { systemClock } from "../../kernel/clock.ts";
import { createTrafficBook } from "./traffic-book.ts";
import { moveTraffic, newTraffic } from "./traffic-move.ts";
import { createTrafficServer } from "./traffic-server.ts";

test("a graph follows the traffic of its members, except where a step names a version", async () => {
  const times = (factor: number) => mapModel((value) => factor * value);
  const shapes = { inputs: { x: tensor("FP32", [-1, 1]) }, outputs: { y: tensor("FP32", [-1, 1]) } };
  const scale = defineServedModel("scale", { versions: { "2": times(2), "3": times(3) }, policy: { kind: "all" } });
  await using server = await openTestServer([
    scale, defineInferenceGraph("free", { ...shapes, root: step(scale) }), defineInferenceGraph("fixed", { ...shapes, root: step(scale, { version: "3" }) }),
  ]);
  const book = createTrafficBook({ draw: () => 0.5 });
  await using traffic = createTrafficServer({ server, book, clock: systemClock });
  server.askMembersThrough(traffic);
  const ask = async (model: string, routingKey = "ann"): Promise<number> => numbersOf((await traffic.infer({ model, routingKey, inputs: [floats("x", 1)] })).outputs, "y")[0]!;
  assert.deepEqual([await ask("free"), await ask("fixed")], [3, 3]);

  const switched = moveTraffic(newTraffic("scale", "3"), { kind: "switch", version: "2" }, 0);
  book.put([switched]);
  assert.deepEqual([await ask("free"), await ask("fixed")], [2, 3]);

  book.put([moveTraffic(switched, { kind: "split", arms: [{ variant: "b", version: "3", share: 0.5 }] }, 0)]);
  const keys = Array.from({ length: 20 }, (_, index) => `caller-${index}`);
  const ofGraph = await Promise.all(keys.map((key) => ask("free", key)));
  assert.deepEqual(ofGraph, await Promise.all(keys.map((key) => ask("scale", key))), "a caller of the graph gets the member's variant that it gets of the member");
  assert.deepEqual(new Set(ofGraph), new Set([2, 3]));
  const { arms } = book.counts()[0]!;
  assert.equal((arms["stable"]?.requests ?? 0) + (arms["b"]?.requests ?? 0), 2 * keys.length);
});
