import assert from "node:assert/strict";
import { test } from "node:test";
import { openFakeServer, runStrata } from "../../../test/fake-strata-server.ts";

const definition = { hash: "h", document: { name: "shop", resources: { streams: {}, endpoints: {
  recommend: { request: { type: "object", properties: { customer: { type: "string" }, basket: { type: "array" } } } },
} } } };

async function predict(words: readonly string[], answer: unknown) {
  await using server = await openFakeServer((line) => {
    if (line === "GET /v1/definition") return { body: definition };
    return line === "POST /v1/endpoints/recommend" ? { body: answer } : undefined;
  });
  return { ...await runStrata(["predict", ...words], server), request: server.requests[1] };
}

test("fields are sent as the endpoint's schema has them, and ranked items come back as a table", async () => {
  const { code, host, request } = await predict(["recommend", "customer=10001", "basket=P1", "basket=P2", "--variant", "canary"], {
    decision: "D1", endpoint: "recommend", model: "ranker", version: 3, variant: "canary", items: [{ item: "P7", score: 1.25 }, { item: "P10", score: -0.5 }],
  });
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(request!.text), { customer: "10001", basket: ["P1", "P2"] });
  assert.equal(request!.headers["strata-variant"], "canary");
  assert.equal(host.output(), "decision     D1\nanswered by  ranker v3 (canary)\n\nitem  score\nP7     1.25\nP10    -0.5\n");
});

test("a number stands first, and a fallback says why", async () => {
  const { host } = await predict(["recommend", "{\"customer\":\"1\"}"], {
    decision: "D1", endpoint: "recommend", model: "eta", version: 0, variant: "fallback", outputs: [35], fallbackReason: "Model \"eta\" has no version that is ready to serve.",
  });
  assert.equal(host.output(), "output       35\ndecision     D1\nanswered by  the fallback: Model \"eta\" has no version that is ready to serve.\n");
});

test("an unknown endpoint is told before anything is asked", async () => {
  const { code, host, request } = await predict(["recomend"], {});
  assert.equal(code, 1);
  assert.equal(request, undefined);
  assert.equal(host.errors(), "error ENDPOINT_NOT_FOUND There is no endpoint \"recomend\".\nnext: Known endpoints: recommend.\n");
});
