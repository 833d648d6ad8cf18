/** What REST adds to the protocol; the protocol itself is judged by the conformance suite. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { createMemoryModelServer } from "../../../test/protocols/memory-model-server.ts";
import { createManualClock } from "../../kernel/clock.ts";
import { StrataError } from "../../kernel/errors.ts";
import type { ModelServer } from "../../serving/index.ts";
import type { HttpRequest, HttpResponse } from "../http.ts";
import { codingFor } from "./body-coding.ts";
import { REFERENCE_MODELS } from "./conformance/reference-models.ts";
import type { InferenceProtocol } from "./infer.ts";
import { handleInferenceProtocol } from "./rest.ts";
import { answerJson } from "./wire-answer.ts";
import { readEnvelope } from "./wire-request.ts";

const clock = createManualClock(1_000);

interface Asked {
  readonly path: string;
  readonly json?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly protocol?: Partial<InferenceProtocol>;
  readonly signal?: AbortSignal;
}

async function ask(models: ModelServer, { path, json, headers = {}, protocol = {}, signal = new AbortController().signal }: Asked): Promise<HttpResponse> {
  const request: HttpRequest = { method: json === undefined ? "GET" : "POST", path, query: new URLSearchParams(), headers, body: Buffer.from(json === undefined ? "" : JSON.stringify(json)), signal };
  return (await handleInferenceProtocol({ models, clock, maxBodyBytes: 1e6, ...protocol }, request))!;
}

const textOf = ({ body }: HttpResponse): string => Buffer.from(body as Uint8Array | string).toString(); // these answers are whole
const row = (data: readonly number[]) => [{ name: "INPUT0", datatype: "FP32", shape: [1, data.length], data }];

test("headers and parameters reach the model server as what they mean", async () => {
  const models = createMemoryModelServer(REFERENCE_MODELS, { now: () => clock.monotonicMs() });
  const infer = (more: Readonly<Record<string, unknown>>, headers?: Readonly<Record<string, string>>) => ask(models, { path: "/v2/models/identity_fp32/infer", json: { inputs: row([1]), ...more }, ...(headers ? { headers } : {}) });
  await infer({});
  assert.deepEqual(Object.keys(models.requests[0]!).toSorted(), ["header", "inputs", "model", "signal"], "nothing is made up");
  await infer({ id: "me", parameters: { priority: 2, timeout: 250_000, sequence_id: 7, binary_data_output: true } });
  const { id, priority, deadlineAtMs, routingKey, parameters } = models.requests[1]!;
  assert.deepEqual({ id, priority, deadlineAtMs, routingKey, parameters }, { id: "me", priority: 2, deadlineAtMs: 1_250, routingKey: "me", parameters: { sequence_id: 7 } });
  const answer = await infer({ id: "me", parameters: { timeout: 900_000_000 } }, { "strata-key": "customer-1", "strata-variant": "canary", "strata-timeout-ms": "500" });
  assert.deepEqual([models.requests[2]!.routingKey, models.requests[2]!.variant, models.requests[2]!.deadlineAtMs], ["customer-1", "canary", 1_500], "the earliest deadline counts");
  assert.equal(answer.headers?.["strata-variant"], "canary");
});

test("what may come back says when: Retry-After of the error, else of its status", async () => {
  const models = createMemoryModelServer(REFERENCE_MODELS);
  const failing = (error: StrataError): ModelServer => ({ ...models, infer: async () => { throw error; } });
  const said = async (error: StrataError) => {
    const { status, headers, body } = await ask(failing(error), { path: "/v2/models/rows/infer", json: { inputs: row([1, 2, 3, 4]) } });
    return [status, headers?.["retry-after"], (JSON.parse(body as string) as { readonly code: string }).code];
  };
  assert.deepEqual(await said(new StrataError("QUEUE_FULL", {}, { retryAfterSeconds: 0.2 })), [429, "1", "QUEUE_FULL"]);
  assert.deepEqual(await said(new StrataError("MODEL_NOT_READY", {})), [503, "5", "MODEL_NOT_READY"]);
  assert.deepEqual(await said(new StrataError("DEADLINE_EXCEEDED", {})), [504, undefined, "DEADLINE_EXCEEDED"]);
  models.ready = false;
  assert.equal((await ask(models, { path: "/v2/health/ready" })).status, 503);
  assert.equal((await ask(models, { path: "/v2/health/live" })).status, 200);
});

test("the words that scripts look for are in this protocol only", async () => {
  const models = createMemoryModelServer(REFERENCE_MODELS);
  const said = async (asked: Asked) => (JSON.parse(textOf(await ask(models, asked))) as { readonly error: string }).error;
  assert.match(await said({ path: "/v2/models/x" }), /^Request for unknown model/);
  assert.match(await said({ path: "/v2/models/rows/versions/9" }), /^Request for unknown model version/);
  assert.match(await said({ path: "/v2/models/rows/versions/nine" }), /^failed to get model version from specified version string 'nine'/);
  assert.match(await said({ path: "/v2/repository/models/x/load", json: {} }), /^failed to load 'x'/);
});

test("paths elsewhere are nobody's; names in paths are percent-encoded", async () => {
  const models = createMemoryModelServer(REFERENCE_MODELS);
  for (const path of ["/v1/models", "/", "/v22/models", "/v2x"]) assert.equal(await ask(models, { path }), undefined);
  assert.equal((await ask(models, { path: "/v2/models/%72ows/ready" })).status, 200);
  assert.equal((await ask(models, { path: "/v2/models/%/ready" })).status, 400);
});

test("large JSON goes to the other thread, small JSON does not", async () => {
  const models = createMemoryModelServer(REFERENCE_MODELS);
  const done: string[] = [];
  const work: InferenceProtocol["work"] = {
    read: (json) => { done.push("read"); return Promise.resolve(readEnvelope(json)); },
    write: (answer) => { done.push("write"); return Promise.resolve(Buffer.from(answerJson(answer))); },
  };
  const infer = (count: number) => ask(models, { path: "/v2/models/identity_fp32/infer", json: { inputs: row(Array.from({ length: count }, (_, at) => at)) }, protocol: { work } });
  await infer(10);
  assert.deepEqual(done, []);
  const answer = JSON.parse(textOf(await infer(70_000))) as { readonly outputs: readonly { readonly data: readonly number[] }[] };
  assert.deepEqual(done, ["read", "write"]);
  assert.equal(answer.outputs[0]!.data[69_999], 69_999);
});

test("the JSON before tensors is padded, so that they are aligned", async () => {
  const models = createMemoryModelServer(REFERENCE_MODELS);
  for (const id of ["", "a", "ab", "äöü"]) {
    const { headers, body } = await ask(models, { path: "/v2/models/identity_fp32/infer", json: { id, inputs: row([1]), parameters: { binary_data_output: true } } });
    const length = Number(headers?.["inference-header-content-length"]);
    assert.equal(length % 8, 0);
    assert.equal((JSON.parse(Buffer.from(body as Uint8Array).subarray(0, length).toString()) as { readonly id: string }).id, id);
    assert.equal(Buffer.from(body as Uint8Array).readFloatLE(length), 1);
  }
});

test("which answers are packed", async () => {
  const json = { sizeBytes: 5_000, isBinary: false };
  const tensors = { sizeBytes: 5_000, isBinary: true };
  assert.deepEqual([codingFor("gzip, deflate, br", json), codingFor("deflate", json), codingFor("br", json), codingFor(undefined, json), codingFor("gzip;q=0, deflate;q=0.5", json)], ["gzip", "deflate", undefined, undefined, "deflate"]);
  assert.deepEqual([codingFor("gzip, deflate, br", tensors), codingFor("gzip", tensors), codingFor("gzip", { ...tensors, sizeBytes: 200 })], [undefined, "gzip", undefined]);
  const models = createMemoryModelServer(REFERENCE_MODELS);
  const answer = await ask(models, { path: "/v2/models/identity_fp32/infer", json: { inputs: row(Array.from({ length: 1_000 }, () => 1)) }, headers: { "accept-encoding": "gzip, deflate" } });
  assert.equal(answer.headers?.["content-encoding"], "gzip");
  assert.match(gunzipSync(answer.body as Uint8Array).toString(), /"model_name":"identity_fp32"/);
});
