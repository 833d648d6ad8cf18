import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { openTestServer } from "../../../test/serving/model-server-kit.ts";
import { defineServedModel, functionModel, tensor } from "../../define/index.ts";
import { systemClock } from "../../kernel/clock.ts";
import { isStrataError } from "../../kernel/errors.ts";
import type { Tensor } from "../../kernel/tensor.ts";
import { handleInferenceProtocol } from "../../protocols/kserve/rest.ts";
import type { InferenceProtocol } from "../../protocols/kserve/infer.ts";
import { openOpenInferenceModel } from "./open-inference-model.ts";

const types = { f: tensor("FP32", [-1, 2]), i: tensor("INT64", [-1, 1]), b: tensor("BOOL", [-1, 1]), t: tensor("BYTES", [-1, 1]), d: tensor("FP64", [-1, 1]) };
/** Answers what it is given; 13 is its poison. */
const echo = defineServedModel("echo", {
  source: functionModel({
    inputs: types, outputs: { f2: types.f, i2: types.i, b2: types.b, t2: types.t, d2: types.d },
    infer: async ({ f, i, b, t, d }) => {
      if (f.data.includes(13)) throw new Error("thirteen");
      if (f.data.includes(99)) await new Promise((resolve) => { setTimeout(resolve, 300); });
      return { f2: f, i2: i, b2: b, t2: t, d2: d };
    },
  }),
});

interface Answer { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body: string | Uint8Array }
type Handler = (method: string, path: string, message: { readonly headers: IncomingMessage["headers"]; readonly body: Buffer }) => Promise<Answer>;

async function serve(handle: Handler): Promise<{ readonly url: string } & AsyncDisposable> {
  const server = createServer((message, response) => {
    void (async () => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of message as AsyncIterable<Uint8Array>) chunks.push(chunk);
      const { status, headers, body } = await handle(message.method!, message.url!, { headers: message.headers, body: Buffer.concat(chunks) });
      response.writeHead(status, headers).end(body);
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: () => new Promise((resolve) => { server.closeAllConnections(); server.close(() => resolve()); }),
  };
}

/** Our own protocol as the other side; without the binary extension it is what a plain server would be. */
function strata(models: InferenceProtocol["models"], isBinary: boolean): Handler {
  const protocol: InferenceProtocol = { models, clock: systemClock, maxBodyBytes: 1e8 };
  return async (method, url, { headers, body }) => {
    const { pathname, searchParams } = new URL(url, "http://x");
    if (!isBinary && pathname === "/v2") return { status: 200, body: JSON.stringify({ name: "plain", version: "1", extensions: [] }) };
    const answer = await handleInferenceProtocol(protocol, { method, path: pathname, query: searchParams, headers, body, signal: new AbortController().signal } as never);
    return { status: answer!.status, headers: answer!.headers as Record<string, string>, body: answer!.body as Uint8Array };
  };
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const inputsOf = (first: number): readonly Tensor[] => [
  { name: "f", datatype: "FP32", shape: [2, 2], data: Float32Array.of(first, -0.1, 3e38, 1e-40) }, { name: "i", datatype: "INT64", shape: [2, 1], data: BigInt64Array.of(2n ** 53n + 1n, -(2n ** 63n)) },
  { name: "b", datatype: "BOOL", shape: [2, 1], data: Uint8Array.of(0, 1) }, { name: "t", datatype: "BYTES", shape: [2, 1], data: [text("größe"), text("")] }, { name: "d", datatype: "FP64", shape: [2, 1], data: Float64Array.of(0.1 + 0.2, -1e300) },
];
const plain = (tensors: readonly Tensor[]): unknown => tensors.map(({ datatype, shape, data }) => [datatype, [...shape], Array.from(data as Uint8Array, (one: unknown) => (one instanceof Uint8Array ? Buffer.from(one).toString("hex") : one))]);
const codeOf = (thrown: unknown): string => (isStrataError(thrown) ? thrown.code : String(thrown));
const options = (url: string, model = "echo") => ({ url, model, version: undefined, monotonicMs: () => performance.now() });
const describeIt = { model: "remote", version: "1" };

for (const isBinary of [true, false]) {
  test(`what goes to another server comes back whole, ${isBinary ? "as raw bytes" : "as JSON"}`, async () => {
    await using models = await openTestServer([echo]);
    await using server = await serve(strata(models, isBinary));
    const model = await openOpenInferenceModel(options(server.url), describeIt);
    assert.deepEqual([model.platform, model.isBatchable, model.inputs.map(({ name, datatype, shape }) => [name, datatype, shape])], ["open_inference", true, Object.entries(types).map(([name, { datatype, shape }]) => [name, datatype, [...shape]])]);
    assert.deepEqual(plain(await model.infer(inputsOf(7))), plain(inputsOf(7)));
    assert.deepEqual((await model.infer(inputsOf(7), { wanted: ["t2", "f2"] })).map(({ name }) => name), ["t2", "f2"]);
    await model.close();
    assert.equal(await model.infer(inputsOf(7)).catch(codeOf), "CLOSED");
  });
}

test("errors keep their meaning: the caller's, the model's, late, gone", async () => {
  await using models = await openTestServer([echo]);
  const server = await serve(strata(models, true));
  const model = await openOpenInferenceModel(options(server.url), describeIt);
  assert.equal(await model.infer(inputsOf(7).slice(1)).catch(codeOf), "INFERENCE_INVALID");
  await assert.rejects(model.infer(inputsOf(13)), /answered 500: .*thirteen/);
  assert.equal(await model.infer(inputsOf(99), { deadlineAtMs: performance.now() + 50 }).catch(codeOf), "DEADLINE_EXCEEDED");
  const leaving = new AbortController();
  setTimeout(() => leaving.abort(), 20);
  assert.equal(await model.infer(inputsOf(99), { signal: leaving.signal }).catch(codeOf), "ABORTED");
  await server[Symbol.asyncDispose]();
  assert.equal(await model.infer(inputsOf(7)).catch(codeOf), "UPSTREAM_FAILED");
  assert.equal(await openOpenInferenceModel(options(server.url), describeIt).catch(codeOf), "UPSTREAM_FAILED");
  await model.close();
});

test("a server that answers nonsense is told apart from one that is busy", async () => {
  const metadata = { name: "m", versions: ["1"], platform: "p", inputs: [{ name: "x", datatype: "FP32", shape: ["-1"] }], outputs: [{ name: "y", datatype: "FP32", shape: [-1] }] };
  let next: Answer = { status: 200, body: "" };
  await using server = await serve(async (method, path) => (method === "POST" ? next : { status: 200, body: JSON.stringify(path === "/root/v2" ? { extensions: ["binary_tensor_data"] } : metadata) }));
  const model = await openOpenInferenceModel(options(`${server.url}/root/`, "m"), describeIt);
  const ask = async (answer: Answer): Promise<unknown> => {
    next = answer;
    return model.infer([{ name: "x", datatype: "FP32", shape: [1], data: Float32Array.of(1) }]).then(plain, (thrown: unknown) => (isStrataError(thrown) ? [thrown.code, thrown.retryAfterSeconds] : thrown));
  };
  const header = (outputs: unknown): string => JSON.stringify({ outputs });
  assert.deepEqual(await ask({ status: 200, body: header([{ name: "y", datatype: "FP32", shape: [1], data: [2.5] }]) }), [["FP32", [1], [2.5]]]);
  for (const body of ["", "[]", header([]), header([{ name: "y", datatype: "FP32", shape: [2], data: [1] }]), header([{ name: "y", datatype: "FP32", shape: [1], parameters: { binary_data_size: 8 } }])]) {
    assert.deepEqual(await ask({ status: 200, body }), ["UPSTREAM_FAILED", undefined], body);
  }
  assert.deepEqual(await ask({ status: 429, headers: { "retry-after": "7" }, body: "{\"error\":\"full\"}" }), ["UPSTREAM_BUSY", 7]);
  assert.deepEqual(await ask({ status: 503, body: "<html>" }), ["UPSTREAM_FAILED", undefined]);
  assert.deepEqual(await ask({ status: 504, body: "" }), ["DEADLINE_EXCEEDED", undefined]);
  await model.close();
});
