/** REST: inference with JSON tensors: the request's members, the answer's, versions, and what must be refused. */
import { casesOf } from "../conformance-case.ts";
import type { Check, ConformanceCase } from "../conformance-case.ts";
import { DIFFERENCES, SUMS, checkError, flat, inputText, member, outputNamed, outputsOf, requestText, simpleRequest, sixteen } from "../requests.ts";
import type { RestAnswer } from "../rest-client.ts";

const INFER = "/v2/models/simple/infer";
const needs = ["simple"];

function checkSums(check: Check, answer: RestAnswer): void {
  check.equal("status", answer.status, 200);
  check.equal("OUTPUT0.data", flat(outputNamed(answer, "OUTPUT0").data), SUMS);
  check.equal("OUTPUT1.data", flat(outputNamed(answer, "OUTPUT1").data), DIFFERENCES);
}

export const REST_INFER: readonly ConformanceCase[] = casesOf({ area: "inference", transport: "rest", prefix: "rest.infer", section: "REST: Inference" }, [
  { id: "flat", title: "flat data", needs, run: async ({ rest }, check) => checkSums(check, await rest.post(INFER, simpleRequest())) },
  {
    id: "nested", title: "nested data is the same as flat", needs, section: "REST: Tensor Data",
    run: async ({ rest }, check) => {
      const input = (name: string, values: readonly number[]): string => inputText({ name, datatype: "INT32", shape: [1, 16], data: JSON.stringify([values]) });
      checkSums(check, await rest.post(INFER, requestText([input("INPUT0", sixteen(0)), input("INPUT1", sixteen(1))])));
    },
  },
  { id: "order", title: "inputs may come in any order", needs, run: async ({ rest }, check) => checkSums(check, await rest.post(INFER, reordered())) },
  { id: "no-content-type", title: "a request needs no Content-Type", severity: "advice", needs, run: async ({ rest }, check) => checkSums(check, await rest.send({ path: INFER, body: simpleRequest() })) },
  { id: "query", title: "query parameters do not disturb", needs, run: async ({ rest }, check) => checkSums(check, await rest.post(`${INFER}?test_1=1`, simpleRequest())) },
  { id: "white-space", title: "white space between members is JSON", needs, run: async ({ rest }, check) => checkSums(check, await rest.post(INFER, JSON.stringify(JSON.parse(simpleRequest()), null, 2))) },
  { id: "unknown-member", title: "members that the protocol does not know are passed over", severity: "advice", needs, run: async ({ rest }, check) => checkSums(check, await rest.post(INFER, simpleRequest(`,"remark":{"by":"suite"}`))) },
  { id: "model-name", title: "the answer names the model", needs, run: async ({ rest }, check) => { check.equal("model_name", member((await rest.post(INFER, simpleRequest())).json, "model_name"), "simple"); } },
  {
    id: "model-version", title: "model_version, when there, is text", needs, run: async ({ rest }, check) => {
      const version = member((await rest.post(INFER, simpleRequest())).json, "model_version");
      check.isTrue("model_version", version === undefined || typeof version === "string", { expected: "text", found: version });
    },
  },
  {
    id: "outputs", title: "every output has name, datatype, shape and data", needs, run: async ({ rest }, check) => {
      const answer = await rest.post(INFER, simpleRequest());
      const found = ["OUTPUT0", "OUTPUT1"].map((output) => outputNamed(answer, output)).map(({ name, datatype, shape, data }) => [name, datatype, shape, flat(data).length]);
      check.equal("outputs", found, [["OUTPUT0", "INT32", [1, 16], 16], ["OUTPUT1", "INT32", [1, 16], 16]]);
    },
  },
  {
    id: "json", title: "an answer without binary tensors is application/json", needs, run: async ({ rest }, check) => {
      const type = (await rest.post(INFER, simpleRequest())).headers["content-type"] ?? "";
      check.isTrue("content-type", type.startsWith("application/json"), { expected: "application/json", found: type });
    },
  },
  { id: "id", title: "the id is returned", needs, run: async ({ rest }, check) => { check.equal("id", member((await rest.post(INFER, simpleRequest(`,"id":"my id 1"`))).json, "id"), "my id 1"); } },
  { id: "id-unicode", title: "an id of any text is returned as it was", needs, run: async ({ rest }, check) => { check.equal("id", member((await rest.post(INFER, simpleRequest(`,"id":"\\u00e4\\"\\\\€"`))).json, "id"), "ä\"\\€"); } },
  {
    id: "no-id", title: "without an id there is none, or an empty one", needs, run: async ({ rest }, check) => {
      const id = member((await rest.post(INFER, simpleRequest())).json, "id");
      check.isTrue("id", id === undefined || id === "", { expected: "no id", found: id });
    },
  },
  { id: "one-output", title: "only the outputs that are asked for", needs, run: async ({ rest }, check) => { check.equal("names", outputsOf(await rest.post(INFER, simpleRequest(`,"outputs":[{"name":"OUTPUT1"}]`))).map(({ name }) => name), ["OUTPUT1"]); } },
  { id: "no-outputs", title: "an empty list of outputs asks for all", severity: "advice", needs, run: async ({ rest }, check) => { check.equal("outputs", outputsOf(await rest.post(INFER, simpleRequest(`,"outputs":[]`))).length, 2); } },
  {
    id: "batch", title: "a batch is in the shape", needs, run: async ({ rest }, check) => {
      const answer = await rest.post(INFER, simpleRequest("", 3));
      check.equal("OUTPUT0.shape", outputNamed(answer, "OUTPUT0").shape, [3, 16]);
      check.equal("OUTPUT0.data", flat(outputNamed(answer, "OUTPUT0").data), [SUMS, SUMS, SUMS].flat());
    },
  },
  {
    id: "many", title: "twenty requests at once are answered each with its own", needs: ["identity_int32"], run: async ({ rest }, check) => {
      const answers = await Promise.all(sixteen(0).map((value) => rest.post("/v2/models/identity_int32/infer", requestText([inputText({ datatype: "INT32", shape: [1, 1], data: `[${value}]` })], `,"id":"${value}"`))));
      check.equal("data and id", answers.map((answer) => [flat(outputNamed(answer, "OUTPUT0").data)[0], member(answer.json, "id")]), sixteen(0).map((value) => [value, String(value)]));
    },
  },
  { id: "version", title: "a version may be named", needs, run: async ({ rest }, check) => checkSums(check, await rest.post("/v2/models/simple/versions/1/infer", simpleRequest())) },
  ...["1", "2"].map((version) => ({
    id: `version-${version}`, title: `version ${version} of two answers when it is named`, needs: ["versioned"], run: async ({ rest }: Parameters<ConformanceCase["run"]>[0], check: Check) => {
      const answer = await rest.post(`/v2/models/versioned/versions/${version}/infer`, ONE);
      check.equal("model_version, data", [member(answer.json, "model_version"), flat(outputNamed(answer, "OUTPUT0").data)], [version, [Number(version)]]);
    },
  })),
  { id: "latest", title: "without a version the server chooses one and says which", needs: ["versioned"], run: async ({ rest }, check) => {
    const answer = await rest.post("/v2/models/versioned/infer", ONE);
    check.equal("data", flat(outputNamed(answer, "OUTPUT0").data), [Number(member(answer.json, "model_version"))]);
  } },
  { id: "parameters", title: "parameters that the server does not know do not disturb", needs, section: "REST: Parameters", run: async ({ rest }, check) => checkSums(check, await rest.post(INFER, simpleRequest(`,"parameters":{"colour":"red","count":3,"exact":true,"share":0.5}`))) },
  { id: "input-parameters", title: "nor do parameters of inputs and outputs", needs, section: "REST: Parameters", run: async ({ rest }, check) => checkSums(check, await rest.post(INFER, simpleRequest(`,"outputs":[{"name":"OUTPUT0","parameters":{"colour":"red"}},{"name":"OUTPUT1"}]`).replace(`"INPUT0",`, `"INPUT0","parameters":{"colour":"red"},`))) },
]);

const ONE = requestText([inputText({ datatype: "INT32", shape: [1, 1], data: "[7]" })]);

function reordered(): string {
  const { inputs } = JSON.parse(simpleRequest()) as { readonly inputs: readonly unknown[] };
  return JSON.stringify({ inputs: inputs.toReversed() });
}

interface Refused {
  readonly id: string;
  readonly title: string;
  readonly body: string;
  readonly path?: string;
}

const identity = (datatype: string, shape: readonly number[], data: string): string => requestText([inputText({ datatype, shape, data })]);

/** Requests that are the caller's mistake: 400 with an error. */
const REFUSED: readonly Refused[] = [
  { id: "no-json", title: "a body that is no JSON", body: "{\"inputs\":" },
  { id: "empty", title: "an empty body", body: "" },
  { id: "list", title: "a body that is a list", body: "[]" },
  { id: "no-inputs", title: "no inputs", body: "{}" },
  { id: "zero-inputs", title: "an empty list of inputs", body: "{\"inputs\":[]}" },
  { id: "missing-input", title: "an input that is missing", body: requestText([inputText({ datatype: "INT32", shape: [1, 16], data: JSON.stringify(sixteen(0)) })]) },
  { id: "unknown-input", title: "an input that the model does not have", body: simpleRequest().replace("INPUT1", "INPUT9") },
  { id: "unknown-output", title: "an output that the model does not have", body: simpleRequest(`,"outputs":[{"name":"OUTPUT9"}]`) },
  { id: "no-shape", title: "an input without a shape", body: simpleRequest().replace(`"shape":[1,16],`, "") },
  { id: "no-datatype", title: "an input without a datatype", body: simpleRequest().replace(`"datatype":"INT32",`, "") },
  { id: "no-data", title: "an input without data", body: simpleRequest().replace(/,"data":\[[^\]]*\]/, "") },
  { id: "bad-datatype", title: "a datatype that is none", body: simpleRequest().replace("INT32", "INT31") },
  { id: "other-datatype", title: "a datatype that the model does not take", body: simpleRequest().replace("INT32", "FP32") },
  { id: "negative-shape", title: "a negative shape", body: simpleRequest().replace("[1,16]", "[-1,16]") },
  { id: "other-shape", title: "a shape that the model does not take", body: simpleRequest().replace("[1,16]", "[2,8]") },
  { id: "short-data", title: "fewer elements than the shape says", body: simpleRequest().replace("\"data\":[0,", "\"data\":[") },
  { id: "long-data", title: "more elements than the shape says", body: simpleRequest().replace("\"data\":[0,", "\"data\":[0,0,") },
  { id: "ragged", title: "nested data of unequal rows", path: "identity_int32", body: identity("INT32", [2, 2], "[[1,2,3],[4]]") },
  { id: "text-for-number", title: "text among numbers", body: simpleRequest().replace("\"data\":[0,", "\"data\":[\"zero\",") },
  { id: "null-for-integer", title: "null among integers", body: simpleRequest().replace("\"data\":[0,", "\"data\":[null,") },
  { id: "object-for-number", title: "an object among numbers", body: simpleRequest().replace("\"data\":[0,", "\"data\":[{},") },
  { id: "number-for-text", title: "an object among texts", path: "identity_bytes", body: identity("BYTES", [1, 2], "[\"a\",{}]") },
  { id: "outputs-text", title: "outputs that are no list", body: simpleRequest(`,"outputs":"all"`) },
  { id: "fp16-json", title: "FP16 as JSON numbers, which has no standard form", path: "identity_fp16", body: identity("FP16", [1, 2], "[1.5,2]") },
];

/** The protocol lets a server coerce values or refuse them; coercing these would lose what the caller meant. */
const RISKY: readonly Refused[] = [
  { id: "fraction-for-integer", title: "a fraction among integers", path: "identity_int32", body: identity("INT32", [1, 2], "[1.5,2]") },
  { id: "int8-range", title: "a number beyond INT8", path: "identity_int8", body: identity("INT8", [1, 2], "[128,0]") },
  { id: "uint8-negative", title: "a negative number for UINT8", path: "identity_uint8", body: identity("UINT8", [1, 2], "[-1,0]") },
  { id: "int32-range", title: "a number beyond INT32", path: "identity_int32", body: identity("INT32", [1, 2], "[2147483648,0]") },
  { id: "int64-range", title: "a number beyond INT64", path: "identity_int64", body: identity("INT64", [1, 2], "[9223372036854775808,0]") },
  { id: "fp32-range", title: "a number beyond FP32", path: "identity_fp32", body: identity("FP32", [1, 2], "[1e39,0]") },
  { id: "input-twice", title: "an input given twice", path: "identity_int32", body: requestText([inputText({ datatype: "INT32", shape: [1, 1], data: "[1]" }), inputText({ datatype: "INT32", shape: [1, 1], data: "[2]" })]) },
  { id: "nan", title: "NaN, which is no JSON", path: "identity_fp32", body: identity("FP32", [1, 2], "[NaN,0]") },
];

const refusal = (severity: "must" | "advice") => ({ id, title, body, path = "simple" }: Refused) => ({
  id, title, severity, needs: [path], run: async ({ rest }: Parameters<ConformanceCase["run"]>[0], check: Check) => checkError(check, await rest.post(`/v2/models/${path}/infer`, body), [400, 422]),
});

export const REST_REFUSALS: readonly ConformanceCase[] = casesOf({ area: "refusals", transport: "rest", prefix: "rest.refuse", section: "REST: Inference Response JSON Error Object" }, [
  ...REFUSED.map(refusal("must")), ...RISKY.map(refusal("advice")),
  { id: "unknown-model", title: "an unknown model is an error", run: async ({ rest }, check) => checkError(check, await rest.post("/v2/models/no_such_model/infer", simpleRequest()), [400, 404]) },
  { id: "unknown-model-404", title: "and it is 404", severity: "advice", run: async ({ rest }, check) => { check.equal("status", (await rest.post("/v2/models/no_such_model/infer", simpleRequest())).status, 404); } },
  { id: "unknown-version", title: "an unknown version is an error", needs, run: async ({ rest }, check) => checkError(check, await rest.post("/v2/models/simple/versions/999/infer", simpleRequest()), [400, 404]) },
  { id: "get", title: "GET of an inference is 405", severity: "advice", needs, run: async ({ rest }, check) => { check.equal("status", (await rest.get(INFER)).status, 405); } },
  { id: "model-fails", title: "a model that fails is 500: the caller did nothing wrong", severity: "advice", needs: ["failing"], run: async ({ rest }, check) => checkError(check, await rest.post("/v2/models/failing/infer", requestText([inputText({ datatype: "FP32", shape: [1, 1], data: "[1]" })])), [500]) },
  { id: "goes-on", title: "after an error the connection and the server go on", needs, run: async ({ rest }, check) => {
    await rest.post(INFER, "{");
    checkSums(check, await rest.post(INFER, simpleRequest()));
  } },
]);
