import assert from "node:assert/strict";
import { test } from "node:test";
import { StrataError } from "../../kernel/errors.ts";
import type { ModelPool, ServingVersion } from "../../serving/index.ts";
import type { HttpRequest } from "../http.ts";
import { handleInferenceProtocol } from "./rest.ts";
import type { InferenceServer } from "./rest.ts";

/** Version 2 answers the sum of a row, version 3 (three classes) the row itself. */
function versionOf(version: number): ServingVersion {
  const outputs = version === 3 ? 3 : 1;
  return {
    model: "risk", version, artifact: new Uint8Array(), columns: ["a", "b", "c"], categories: {}, loadedAtMs: 0, loadMs: 1,
    loaded: { inputs: [], outputs, predict: () => Promise.reject(new Error("asked through the batcher")), close: () => Promise.resolve() },
    batcher: {
      predict: ({ values, rows }) => Promise.resolve(outputs === 3 ? values : Float64Array.from({ length: rows }, (_, row) => values.subarray(row * 3, row * 3 + 3).reduce((sum, value) => sum + value, 0))),
      waitingRows: () => 0, drain: () => Promise.resolve(),
    },
  };
}

function server(options: Partial<InferenceServer> = {}): InferenceServer {
  const pool = { get: (model: string, version: number) => (version > 3 ? Promise.reject(new StrataError("MODEL_VERSION_NOT_FOUND", { model, version })) : Promise.resolve(versionOf(version))) };
  return { name: "strata", version: "1.2.3", pool: pool as unknown as ModelPool, models: () => ["risk", "young"], defaultVersion: (model) => (model === "risk" ? 2 : undefined), isReady: () => true, ...options };
}

async function ask(path: string, { method = "GET", body, to = server() }: { readonly method?: string; readonly body?: unknown; readonly to?: InferenceServer } = {}) {
  const request: HttpRequest = { method, path, query: new URLSearchParams(), headers: {}, body: Buffer.from(body === undefined ? "" : JSON.stringify(body)), signal: new AbortController().signal };
  const response = await handleInferenceProtocol(to, request);
  return response && { status: response.status, json: JSON.parse(response.body as string) as unknown, headers: response.headers }; // this protocol answers with text
}

const infer = (path: string, inputs: unknown) => ask(path, { method: "POST", body: { inputs } });
const ROWS = [{ name: "features", shape: [2, 3], datatype: "FP64", data: [1, 2, 3, 4, 5, 6] }];

test("server, health and metadata", async () => {
  assert.deepEqual((await ask("/v2"))?.json, { name: "strata", version: "1.2.3", extensions: [] });
  assert.deepEqual((await ask("/v2/"))?.status, 200);
  assert.deepEqual((await ask("/v2/health/live", { method: "HEAD" }))?.json, { live: true });
  const starting = server({ isReady: () => false });
  assert.deepEqual([(await ask("/v2/health/ready"))?.status, (await ask("/v2/health/ready", { to: starting }))?.status, (await ask("/v2/health/live", { to: starting }))?.status], [200, 503, 200]);
  assert.deepEqual((await ask("/v2/models"))?.json, { models: [{ name: "risk" }, { name: "young" }] });
  assert.deepEqual((await ask("/v2/models/risk/versions/3"))?.json, {
    name: "risk", versions: ["3"], platform: "strata_trees", inputs: [{ name: "features", datatype: "FP64", shape: [-1, 3] }],
    outputs: [{ name: "scores", datatype: "FP64", shape: [-1, 3] }], properties: { columns: "a,b,c" },
  });
});

test("readiness of a model is a status, not an error", async () => {
  assert.deepEqual(await ask("/v2/models/risk/ready").then((answer) => [answer?.status, answer?.json]), [200, { name: "risk", ready: true }]);
  assert.deepEqual(await ask("/v2/models/young/ready").then((answer) => [answer?.status, answer?.json]), [503, { name: "young", ready: false }]);
  assert.equal((await ask("/v2/models/risk/versions/9/ready"))?.status, 503);
});

test("the champion answers unless a version is named, one number a row or one per class", async () => {
  assert.deepEqual((await infer("/v2/models/risk/infer", ROWS))?.json, { model_name: "risk", model_version: "2", outputs: [{ name: "scores", datatype: "FP64", shape: [2], data: [6, 15] }] });
  assert.deepEqual((await infer("/v2/models/risk/versions/3/infer", ROWS))?.json, { model_name: "risk", model_version: "3", outputs: [{ name: "scores", datatype: "FP64", shape: [2, 3], data: [1, 2, 3, 4, 5, 6] }] });
});

test("a model without a champion asks to come back; paths elsewhere are nobody's", async () => {
  const answer = (await infer("/v2/models/young/infer", ROWS))!;
  assert.deepEqual([answer.status, (answer.json as { readonly code: string }).code, answer.headers?.["retry-after"]], [503, "MODEL_NOT_READY", "5"]);
  for (const path of ["/v1/models", "/", "/v22/models", "/v2x"]) assert.equal(await ask(path), undefined);
});
