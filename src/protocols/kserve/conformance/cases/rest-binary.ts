/** REST: the binary tensor extension beside the datatypes: order, mixing, sizes, raw bodies, choice per output. And compression. */
import { deflateSync, gunzipSync, gzipSync, inflateSync } from "node:zlib";
import { casesOf } from "../conformance-case.ts";
import type { Check, ConformanceCase } from "../conformance-case.ts";
import { DIFFERENCES, SUMS, binaryBody, binaryOutputs, checkError, flat, fp32Bytes, inputText, int32Bytes, member, outputNamed, outputsOf, requestText, simpleRequest, sixteen } from "../requests.ts";
import type { Binary } from "../requests.ts";
import type { RestAnswer } from "../rest-client.ts";

const INFER = "/v2/models/simple/infer";
const needs = ["simple"];
const ALL_BINARY = `,"parameters":{"binary_data_output":true}`;
const IN0 = int32Bytes(sixteen(0));
const IN1 = int32Bytes(sixteen(1));

const binaryInput = (name: string, sizeBytes = 64): string => inputText({ name, datatype: "INT32", shape: [1, 16], sizeBytes });
const jsonInput = (name: string, from: number): string => inputText({ name, datatype: "INT32", shape: [1, 16], data: JSON.stringify(sixteen(from)) });
const both = (more = ""): Binary => binaryBody(requestText([binaryInput("INPUT0"), binaryInput("INPUT1")], more), IN0, IN1);

function checkJson(check: Check, answer: RestAnswer): void {
  check.equal("status", answer.status, 200);
  check.equal("OUTPUT0, OUTPUT1", [flat(outputNamed(answer, "OUTPUT0").data), flat(outputNamed(answer, "OUTPUT1").data)], [SUMS, DIFFERENCES]);
}

function checkBinary(check: Check, answer: RestAnswer): void {
  const outputs = binaryOutputs(answer);
  check.equal("status", answer.status, 200);
  check.equal("OUTPUT0", outputs.get("OUTPUT0")?.toString("hex"), int32Bytes(SUMS).toString("hex"));
  check.equal("OUTPUT1", outputs.get("OUTPUT1")?.toString("hex"), int32Bytes(DIFFERENCES).toString("hex"));
}

export const REST_BINARY: readonly ConformanceCase[] = casesOf({ area: "binary tensors", transport: "rest", prefix: "rest.binary", section: "Binary tensor data extension", extension: "binary_tensor_data" }, [
  { id: "announced", title: "a server that takes binary tensors says so", section: "Server metadata", run: async ({ rest }, check) => { check.isTrue("extensions", flat(member((await rest.get("/v2")).json, "extensions")).includes("binary_tensor_data"), { expected: "binary_tensor_data", found: "not there" }); } },
  { id: "inputs", title: "two binary inputs, in the order of the JSON", needs, run: async ({ rest }, check) => checkJson(check, await rest.send({ path: INFER, ...both() })) },
  { id: "mixed-first", title: "first input in JSON, second in binary", needs, run: async ({ rest }, check) => checkJson(check, await rest.send({ path: INFER, ...binaryBody(requestText([jsonInput("INPUT0", 0), binaryInput("INPUT1")]), IN1) })) },
  { id: "mixed-second", title: "first input in binary, second in JSON", needs, run: async ({ rest }, check) => checkJson(check, await rest.send({ path: INFER, ...binaryBody(requestText([binaryInput("INPUT0"), jsonInput("INPUT1", 1)]), IN0) })) },
  { id: "outputs", title: "binary_data_output asks for all outputs in binary", needs, run: async ({ rest }, check) => checkBinary(check, await rest.post(INFER, simpleRequest(ALL_BINARY))) },
  { id: "both-ways", title: "binary in and out", needs, run: async ({ rest }, check) => checkBinary(check, await rest.send({ path: INFER, ...both(ALL_BINARY) })) },
  {
    id: "per-output", title: "binary_data of an output overrides binary_data_output", needs, run: async ({ rest }, check) => {
      const answer = await rest.post(INFER, simpleRequest(`,"outputs":[{"name":"OUTPUT0"},{"name":"OUTPUT1","parameters":{"binary_data":false}}]${ALL_BINARY}`));
      check.equal("OUTPUT0 in binary", binaryOutputs(answer).get("OUTPUT0")?.toString("hex"), int32Bytes(SUMS).toString("hex"));
      check.equal("OUTPUT1 in JSON", flat(outputNamed(answer, "OUTPUT1").data), DIFFERENCES);
    },
  },
  {
    id: "one-output", title: "binary_data of one output leaves the other in JSON", needs, run: async ({ rest }, check) => {
      const answer = await rest.post(INFER, simpleRequest(`,"outputs":[{"name":"OUTPUT0","parameters":{"binary_data":true}},{"name":"OUTPUT1"}]`));
      check.equal("OUTPUT0 in binary", binaryOutputs(answer).get("OUTPUT0")?.toString("hex"), int32Bytes(SUMS).toString("hex"));
      check.equal("OUTPUT1 in JSON", flat(outputNamed(answer, "OUTPUT1").data), DIFFERENCES);
    },
  },
  {
    id: "header", title: "the answer says the length of its JSON, and the rest is the tensors", needs, run: async ({ rest }, check) => {
      const answer = await rest.post(INFER, simpleRequest(ALL_BINARY));
      const header = Number(answer.headers["inference-header-content-length"]);
      check.isTrue("inference-header-content-length", Number.isInteger(header) && header > 0, { expected: "a number of bytes", found: answer.headers["inference-header-content-length"] });
      check.equal("bytes after the JSON", answer.body.length - header, 128);
    },
  },
  { id: "sizes", title: "binary_data_size is said for each binary output, and it has no data", needs, run: async ({ rest }, check) => { check.equal("sizes", outputsOf(await rest.post(INFER, simpleRequest(ALL_BINARY))).map(({ parameters, data }) => [parameters?.["binary_data_size"], data]), [[64, undefined], [64, undefined]]); } },
  { id: "content-type", title: "its Content-Type is application/octet-stream", needs, run: async ({ rest }, check) => { check.equal("content-type", (await rest.post(INFER, simpleRequest(ALL_BINARY))).headers["content-type"], "application/octet-stream"); } },
  {
    id: "bytes-not-characters", title: "header lengths count bytes, not characters", needs, run: async ({ rest }, check) => {
      const answer = await rest.send({ path: INFER, ...both(`,"id":"äöü€😀"${ALL_BINARY}`) });
      checkBinary(check, answer);
      check.equal("id", member(answer.json, "id"), "äöü€😀");
    },
  },
  ...[1, 2, 3, 5, 7].map((spaces) => ({
    id: `unaligned-${spaces}`, title: `tensors after ${spaces} more bytes of JSON: any alignment`, needs: ["identity_fp64"], run: async ({ rest }: Parameters<ConformanceCase["run"]>[0], check: Check) => {
      const bytes = Buffer.from(Float64Array.of(0.1, -2.5).buffer);
      const json = requestText([inputText({ datatype: "FP64", shape: [1, 2], sizeBytes: 16 })], ALL_BINARY) + " ".repeat(spaces);
      const answer = await rest.send({ path: "/v2/models/identity_fp64/infer", ...binaryBody(json, bytes) });
      check.equal("bytes", binaryOutputs(answer).get("OUTPUT0")?.toString("hex"), bytes.toString("hex"));
    },
  })),
  { id: "nan", title: "NaN and infinities pass in binary", needs: ["identity_fp32"], run: async ({ rest }, check) => {
    const bytes = Buffer.from("0000c07f0000807f000080ff00000080", "hex");
    const answer = await rest.send({ path: "/v2/models/identity_fp32/infer", ...binaryBody(requestText([inputText({ datatype: "FP32", shape: [2, 2], sizeBytes: 16 })], ALL_BINARY), bytes) });
    check.equal("bytes", binaryOutputs(answer).get("OUTPUT0")?.toString("hex"), bytes.toString("hex"));
  } },
  { id: "any-bytes", title: "BYTES that are no text pass in binary", needs: ["identity_bytes"], run: async ({ rest }, check) => {
    const bytes = Buffer.from("02000000fffe0100000000", "hex");
    const answer = await rest.send({ path: "/v2/models/identity_bytes/infer", ...binaryBody(requestText([inputText({ datatype: "BYTES", shape: [1, 2], sizeBytes: bytes.length })], ALL_BINARY), bytes) });
    check.equal("bytes", binaryOutputs(answer).get("OUTPUT0")?.toString("hex"), bytes.toString("hex"));
  } },
  { id: "large", title: "600 KB in binary both ways", needs: ["identity_fp32"], run: async ({ rest }, check) => {
    const bytes = fp32Bytes(Array.from({ length: 150_528 }, (_, at) => at / 7));
    const answer = await rest.send({ path: "/v2/models/identity_fp32/infer", ...binaryBody(requestText([inputText({ datatype: "FP32", shape: [1, 150_528], sizeBytes: bytes.length })], ALL_BINARY), bytes) });
    check.equal("same bytes", binaryOutputs(answer).get("OUTPUT0")?.equals(bytes), true);
  } },
  { id: "raw", title: "a body of nothing but bytes, for a model of one input", needs: ["rows"], section: "Binary tensor data extension: Raw Binary Request", run: async ({ rest }, check) => {
    const bytes = fp32Bytes([1, 2, 3, 4.5]);
    const answer = await rest.send({ path: "/v2/models/rows/infer", body: bytes, headers: { "content-type": "application/octet-stream", "inference-header-content-length": "0" } });
    check.equal("shape", outputNamed(answer, "OUTPUT0").shape, [1, 4]);
    check.equal("bytes", binaryOutputs(answer).get("OUTPUT0")?.toString("hex"), bytes.toString("hex"));
  } },
  ...[
    { id: "short", title: "fewer bytes than binary_data_size is an error", ...binaryBody(requestText([binaryInput("INPUT0"), binaryInput("INPUT1")]), IN0, IN1.subarray(0, 60)) },
    { id: "extra", title: "bytes after the last tensor are an error", ...binaryBody(requestText([binaryInput("INPUT0"), binaryInput("INPUT1")]), IN0, IN1, Buffer.alloc(4)) },
    { id: "size-and-shape", title: "a size that does not fit the shape is an error", ...binaryBody(requestText([binaryInput("INPUT0", 60), binaryInput("INPUT1")]), IN0.subarray(0, 60), IN1) },
    { id: "no-header", title: "binary_data_size without the header is an error", body: both().body.subarray(0, -128), headers: { "content-type": "application/json" } },
    { id: "header-too-long", title: "a header length beyond the body is an error", body: both().body, headers: { ...both().headers, "inference-header-content-length": "100000" } },
    { id: "header-text", title: "a header length that is no number is an error", body: both().body, headers: { ...both().headers, "inference-header-content-length": "many" } },
  ].map(({ id, title, body, headers }) => ({ id, title, needs, run: async ({ rest }: Parameters<ConformanceCase["run"]>[0], check: Check) => checkError(check, await rest.send({ path: INFER, body, headers }), [400, 411, 413, 422]) })),
  { id: "broken-element", title: "a BYTES element longer than its tensor is an error", needs: ["identity_bytes"], run: async ({ rest }, check) => checkError(check, await rest.send({ path: "/v2/models/identity_bytes/infer", ...binaryBody(requestText([inputText({ datatype: "BYTES", shape: [1, 1], sizeBytes: 5 })]), Buffer.from("ff00000061", "hex")) }), [400]) },
  { id: "raw-two-inputs", title: "a raw body for a model of two inputs is an error", needs, run: async ({ rest }, check) => checkError(check, await rest.send({ path: INFER, body: IN0, headers: { "inference-header-content-length": "0" } }), [400]) },
  { id: "json-infinity", title: "an output with infinities asked for in JSON is an error, not a wrong number", severity: "advice", needs: ["identity_fp32"], run: async ({ rest }, check) => checkError(check, await rest.send({ path: "/v2/models/identity_fp32/infer", ...binaryBody(requestText([inputText({ datatype: "FP32", shape: [1, 1], sizeBytes: 4 })]), Buffer.from("0000807f", "hex")) }), [400, 500]) },
  { id: "fp16-json", title: "FP16 asked for in JSON is an error", needs: ["identity_fp16"], run: async ({ rest }, check) => checkError(check, await rest.send({ path: "/v2/models/identity_fp16/infer", ...binaryBody(requestText([inputText({ datatype: "FP16", shape: [1, 1], sizeBytes: 2 })]), Buffer.from("003c", "hex")) }), [400]) },
]);

const packed = (coding: "gzip" | "deflate", bytes: Uint8Array | string): Buffer => (coding === "gzip" ? gzipSync(bytes) : deflateSync(bytes));

export const REST_COMPRESSION: readonly ConformanceCase[] = casesOf({ area: "compression", transport: "rest", prefix: "rest.compression", section: "RFC 9110, 8.4", extension: "binary_tensor_data" }, (["gzip", "deflate"] as const).flatMap((coding) => [
  { id: `${coding}-request`, title: `a JSON request packed by ${coding}`, needs, run: async ({ rest }, check) => checkJson(check, await rest.send({ path: INFER, body: packed(coding, simpleRequest()), headers: { "content-type": "application/json", "content-encoding": coding } })) },
  { id: `${coding}-binary`, title: `a binary request packed by ${coding}; the header length is that of the unpacked JSON`, needs, run: async ({ rest }, check) => {
    const { body, headers } = both(ALL_BINARY);
    checkBinary(check, await rest.send({ path: INFER, body: packed(coding, body), headers: { ...headers, "content-encoding": coding } }));
  } },
  { id: `${coding}-answer`, title: `Accept-Encoding: ${coding} may pack the answer, and it says so`, needs, run: async ({ rest }, check) => {
    const answer = await rest.post(INFER, simpleRequest("", 8), { "accept-encoding": coding });
    const encoding = answer.headers["content-encoding"];
    const body = encoding === "gzip" ? gunzipSync(answer.body) : encoding === "deflate" ? inflateSync(answer.body) : answer.body;
    check.isTrue("content-encoding", encoding === undefined || encoding === coding, { expected: `${coding} or none`, found: encoding });
    check.equal("OUTPUT0", flat(member(flat(member(JSON.parse(body.toString()), "outputs"))[0], "data")), Array.from({ length: 8 }, () => SUMS).flat());
  } },
  { id: `${coding}-broken`, title: `a body that is no ${coding} is an error`, severity: "advice", needs, run: async ({ rest }, check) => checkError(check, await rest.send({ path: INFER, body: "not packed", headers: { "content-encoding": coding } }), [400]) },
] satisfies readonly (Partial<ConformanceCase> & { readonly id: string; readonly title: string; readonly run: ConformanceCase["run"] })[]));
