import assert from "node:assert/strict";
import { test } from "node:test";
import { codeOf, floats, mapModel, numbersOf } from "../../test/serving/model-server-kit.ts";
import { createManualClock } from "../kernel/clock.ts";
import { StrataError } from "../kernel/errors.ts";
import type { InferenceModel } from "../ports/inference-model.ts";
import { silentMeter } from "../ports/telemetry.ts";
import { createFunctionModel } from "../serving/models/function-model.ts";
import { openRemoteReplicas } from "./remote-replicas.ts";

const turn = (): Promise<void> => new Promise((resolve) => { setTimeout(resolve, 5); });

test("the model is there with its first server; a server that comes up later joins, and all are closed", async () => {
  const clock = createManualClock(1_000);
  const up = new Set(["http://a"]);
  const asked = { "http://a": 0, "http://b": 0 } as Record<string, number>;
  let open = 0;
  const openOne = async (url: string): Promise<InferenceModel> => {
    if (!up.has(url)) throw new StrataError("UPSTREAM_FAILED", { upstream: url, reason: "down" });
    open++;
    const model = createFunctionModel(mapModel((value) => { asked[url]!++; return value; }), url);
    return { ...model, close: async () => { open--; } };
  };
  const remote = { urls: ["http://a", "http://b"], model: undefined, version: undefined };
  const model = await openRemoteReplicas({ remote, describe: { model: "m", version: "1" }, clock, meter: silentMeter, openOne });
  const ask = async (): Promise<readonly number[]> => numbersOf(await model.infer([floats("x", 3)]), "y");
  assert.deepEqual(await ask(), [3]);
  clock.advance(5_000);
  await turn();
  assert.equal(open, 1);
  up.add("http://b");
  clock.advance(5_000);
  await turn();
  assert.equal(open, 2);
  for (let i = 0; i < 40; i++) {
    await Promise.all([ask(), ask()]);
    clock.advance(1_000); // a new replica starts slowly
  }
  assert.ok(asked["http://b"]! > 0, "the late server is asked, too");
  await model.close();
  assert.equal(open, 0);
  up.clear();
  assert.equal(await openRemoteReplicas({ remote, describe: { model: "m", version: "1" }, clock, meter: silentMeter, openOne }).then(() => "open", codeOf), "UPSTREAM_FAILED");
});
