/** gRPC: inference with raw and with typed contents, every datatype, streams, deadlines, and what must be refused. */
import { casesOf } from "../conformance-case.ts";
import type { Check, ConformanceCase } from "../conformance-case.ts";
import type { GrpcAnswer, Message } from "../grpc-client.ts";
import { identityName } from "../reference-models.ts";
import { DIFFERENCES, SUMS, fp32Bytes, int32Bytes, listOf, rawOutputs, sixteen } from "../requests.ts";
import { VECTORS, bytesOfVector } from "../vectors.ts";
import { checkStatus, ok, overGrpc } from "./grpc-server.ts";

const tensor = (name: string, datatype: string, shape: readonly number[], contents?: object) => ({ name, datatype, shape, ...(contents === undefined ? {} : { contents }) });
const RAW = [int32Bytes(sixteen(0)), int32Bytes(sixteen(1))];
const INPUTS = [tensor("INPUT0", "INT32", [1, 16]), tensor("INPUT1", "INT32", [1, 16])];
const TYPED = [tensor("INPUT0", "INT32", [1, 16], { int_contents: sixteen(0) }), tensor("INPUT1", "INT32", [1, 16], { int_contents: sixteen(1) })];
const raw = (more: object = {}) => ({ model_name: "simple", inputs: INPUTS, raw_input_contents: RAW, ...more });
const typed = (more: object = {}) => ({ model_name: "simple", inputs: TYPED, ...more });
const needs = ["simple"];

function checkSums(check: Check, answer: GrpcAnswer): void {
  if (!ok(check, answer)) return;
  check.equal("OUTPUT0", ints(answer.message, "OUTPUT0"), SUMS);
  check.equal("OUTPUT1", ints(answer.message, "OUTPUT1"), DIFFERENCES);
}

/** An INT32 output, from wherever the server put it: both places are the protocol's. */
function ints(message: Message, name: string): readonly number[] | undefined {
  const output = listOf(message, "outputs").find((one) => one["name"] === name);
  const contents = (output?.["contents"] ?? {}) as { readonly int_contents?: readonly number[] }; // a message, or absent
  if (contents.int_contents !== undefined && contents.int_contents.length > 0) return contents.int_contents;
  const bytes = rawOutputs(message).get(name);
  return bytes === undefined ? undefined : Array.from({ length: bytes.length / 4 }, (_, at) => bytes.readInt32LE(at * 4));
}

export const GRPC_INFER: readonly ConformanceCase[] = casesOf({ area: "inference", transport: "grpc", prefix: "grpc.infer", section: "gRPC: ModelInfer" }, [
  { id: "raw", title: "raw_input_contents", needs, run: overGrpc(async (grpc, check) => checkSums(check, await grpc.call("ModelInfer", raw()))) },
  { id: "contents", title: "typed contents", needs, run: overGrpc(async (grpc, check) => checkSums(check, await grpc.call("ModelInfer", typed()))) },
  { id: "outputs", title: "outputs have name, datatype and shape", needs, run: overGrpc(async (grpc, check) => {
    const { message } = await grpc.call("ModelInfer", raw());
    check.equal("outputs", listOf(message, "outputs").map((output) => [output["name"], output["datatype"], output["shape"]]), [["OUTPUT0", "INT32", ["1", "16"]], ["OUTPUT1", "INT32", ["1", "16"]]]);
  }) },
  { id: "model", title: "the answer names the model", needs, run: overGrpc(async (grpc, check) => { check.equal("model_name", (await grpc.call("ModelInfer", raw())).message["model_name"], "simple"); }) },
  { id: "id", title: "the id is returned", needs, run: overGrpc(async (grpc, check) => { check.equal("id", (await grpc.call("ModelInfer", raw({ id: "ä 1" }))).message["id"], "ä 1"); }) },
  { id: "one-output", title: "only the outputs that are asked for", needs, run: overGrpc(async (grpc, check) => {
    const { message } = await grpc.call("ModelInfer", raw({ outputs: [{ name: "OUTPUT1" }] }));
    check.equal("names", listOf(message, "outputs").map((output) => output["name"]), ["OUTPUT1"]);
    check.equal("OUTPUT1", ints(message, "OUTPUT1"), DIFFERENCES);
  }) },
  { id: "output-order", title: "raw outputs lie in the order of the outputs", needs, run: overGrpc(async (grpc, check) => checkSums(check, await grpc.call("ModelInfer", raw({ outputs: [{ name: "OUTPUT1" }, { name: "OUTPUT0" }] })))) },
  { id: "version", title: "a version may be named", needs: ["versioned"], run: overGrpc(async (grpc, check) => {
    const ask = async (version: string) => (await grpc.call("ModelInfer", { model_name: "versioned", model_version: version, inputs: [tensor("INPUT0", "INT32", [1, 1], { int_contents: [7] })] })).message;
    check.equal("answers", [ints(await ask("1"), "OUTPUT0"), ints(await ask("2"), "OUTPUT0")], [[1], [2]]);
  }) },
  { id: "parameters", title: "parameters of every kind do not disturb", needs, run: overGrpc(async (grpc, check) => checkSums(check, await grpc.call("ModelInfer", raw({
    parameters: { a: { bool_param: true }, b: { int64_param: "5" }, c: { string_param: "x" }, d: { double_param: 0.5 }, e: { uint64_param: "18446744073709551615" } },
  })))) },
  { id: "batch", title: "a batch is in the shape", needs, run: overGrpc(async (grpc, check) => {
    const answer = await grpc.call("ModelInfer", { model_name: "simple", inputs: [tensor("INPUT0", "INT32", [2, 16]), tensor("INPUT1", "INT32", [2, 16])], raw_input_contents: RAW.map((bytes) => Buffer.concat([bytes, bytes])) });
    check.equal("OUTPUT0", ints(answer.message, "OUTPUT0"), [SUMS, SUMS].flat());
  }) },
  { id: "large", title: "6 MB both ways: more than gRPC's own limit of 4", needs: ["identity_fp32"], severity: "advice", run: overGrpc(async (grpc, check) => {
    const bytes = fp32Bytes(Array.from({ length: 1_500_000 }, (_, at) => at));
    const answer = await grpc.call("ModelInfer", { model_name: "identity_fp32", inputs: [tensor("INPUT0", "FP32", [1, 1_500_000])], raw_input_contents: [bytes] });
    if (ok(check, answer)) check.equal("same bytes", rawOutputs(answer.message).get("OUTPUT0")?.equals(bytes), true);
  }) },
  { id: "many", title: "twenty calls at once are answered each with its own", needs: ["identity_int32"], run: overGrpc(async (grpc, check) => {
    const answers = await Promise.all(sixteen(0).map((value) => grpc.call("ModelInfer", { model_name: "identity_int32", id: String(value), inputs: [tensor("INPUT0", "INT32", [1, 1], { int_contents: [value] })] })));
    check.equal("data and id", answers.map(({ message }) => [ints(message, "OUTPUT0")?.[0], message["id"]]), sixteen(0).map((value) => [value, String(value)]));
  }) },
]);

export const GRPC_DATATYPES: readonly ConformanceCase[] = casesOf({ area: "datatypes", transport: "grpc", prefix: "grpc.datatype", section: "gRPC: InferTensorContents" }, VECTORS.flatMap((vector) => {
  const { datatype, contents } = vector;
  const model = identityName(datatype);
  const bytes = bytesOfVector(vector).toString("hex");
  const request = (more: object) => ({ model_name: model, ...more });
  const name = datatype.toLowerCase();
  return [
    { id: `${name}-raw`, title: `${datatype} raw, byte for byte`, needs: [model], run: overGrpc(async (grpc, check) => {
      const answer = await grpc.call("ModelInfer", request({ inputs: [tensor("INPUT0", datatype, [2, 2])], raw_input_contents: [bytesOfVector(vector)] }));
      if (ok(check, answer)) check.equal("bytes", rawOutputs(answer.message).get("OUTPUT0")?.toString("hex"), bytes);
    }) },
    ...(contents === undefined ? [] : [{ id: `${name}-contents`, title: `${datatype} as ${contents.member}, extremes exactly`, needs: [model], run: overGrpc(async (grpc, check) => {
      const answer = await grpc.call("ModelInfer", request({ inputs: [tensor("INPUT0", datatype, [2, 2], { [contents.member]: contents.values })] }));
      if (!ok(check, answer)) return;
      const given = (listOf(answer.message, "outputs")[0]?.["contents"] ?? {}) as Readonly<Record<string, readonly unknown[]>>;
      if ((given[contents.member]?.length ?? 0) > 0) check.equal("contents", given[contents.member], contents.values);
      else check.equal("bytes", rawOutputs(answer.message).get("OUTPUT0")?.toString("hex"), bytes);
    }) }]),
  ];
}));

interface Refused { readonly id: string; readonly title: string; readonly request: object; readonly statuses?: readonly string[]; readonly model?: string }

const REFUSED: readonly Refused[] = [
  { id: "unknown-model", title: "an unknown model", request: raw({ model_name: "no_such_model" }), statuses: ["NOT_FOUND", "INVALID_ARGUMENT", "UNAVAILABLE"] },
  { id: "unknown-version", title: "an unknown version", request: raw({ model_version: "999" }), statuses: ["NOT_FOUND", "INVALID_ARGUMENT", "UNAVAILABLE"] },
  { id: "version-text", title: "a version that is no version", request: raw({ model_version: "wrong_specification" }), statuses: ["NOT_FOUND", "INVALID_ARGUMENT", "UNAVAILABLE"] },
  { id: "no-inputs", title: "no inputs", request: { model_name: "simple" } },
  { id: "missing-input", title: "an input that is missing", request: raw({ inputs: INPUTS.slice(0, 1), raw_input_contents: RAW.slice(0, 1) }) },
  { id: "unknown-input", title: "an input that the model does not have", request: raw({ inputs: [INPUTS[0], { ...INPUTS[1]!, name: "INPUT9" }] }) },
  { id: "unknown-output", title: "an output that the model does not have", request: raw({ outputs: [{ name: "OUTPUT9" }] }) },
  { id: "raw-and-contents", title: "raw_input_contents and contents in one request", request: raw({ inputs: TYPED }) },
  { id: "too-few-raw", title: "fewer raw contents than inputs", request: raw({ raw_input_contents: RAW.slice(0, 1) }) },
  { id: "too-many-raw", title: "more raw contents than inputs", request: raw({ raw_input_contents: [...RAW, RAW[0]] }) },
  { id: "raw-size", title: "raw bytes that do not fit the shape", request: raw({ raw_input_contents: [RAW[0], RAW[1]!.subarray(0, 60)] }) },
  { id: "short-contents", title: "fewer contents than the shape says", request: typed({ inputs: [TYPED[0], tensor("INPUT1", "INT32", [1, 16], { int_contents: [1, 2, 3] })] }) },
  { id: "other-contents", title: "contents of another datatype", request: typed({ inputs: [TYPED[0], tensor("INPUT1", "INT32", [1, 16], { fp32_contents: sixteen(1) })] }) },
  { id: "other-datatype", title: "a datatype that the model does not take", request: typed({ inputs: [TYPED[0], tensor("INPUT1", "FP32", [1, 16], { fp32_contents: sixteen(1) })] }) },
  { id: "bad-datatype", title: "a datatype that is none", request: raw({ inputs: [INPUTS[0], { ...INPUTS[1]!, datatype: "INT31" }] }) },
  { id: "other-shape", title: "a shape that the model does not take", request: raw({ inputs: [INPUTS[0], { ...INPUTS[1]!, shape: [2, 8] }] }) },
  { id: "negative-shape", title: "a negative shape", request: raw({ inputs: [INPUTS[0], { ...INPUTS[1]!, shape: [-1, 16] }] }) },
  { id: "int8-range", title: "int_contents beyond INT8", model: "identity_int8", request: { model_name: "identity_int8", inputs: [tensor("INPUT0", "INT8", [1, 1], { int_contents: [128] })] } },
  { id: "fp16-contents", title: "FP16 in fp32_contents", model: "identity_fp16", request: { model_name: "identity_fp16", inputs: [tensor("INPUT0", "FP16", [1, 1], { fp32_contents: [1] })] } },
];

export const GRPC_REFUSALS: readonly ConformanceCase[] = casesOf({ area: "refusals", transport: "grpc", prefix: "grpc.refuse", section: "gRPC: ModelInfer" }, [
  ...REFUSED.map(({ id, title, request, statuses = ["INVALID_ARGUMENT"], model = "simple" }) => ({ id, title, needs: [model], run: overGrpc(async (grpc, check) => checkStatus(check, await grpc.call("ModelInfer", request), statuses)) })),
  { id: "model-fails", title: "a model that fails is INTERNAL, not the caller's fault", severity: "advice", needs: ["failing"], run: overGrpc(async (grpc, check) => checkStatus(check, await grpc.call("ModelInfer", { model_name: "failing", inputs: [tensor("INPUT0", "FP32", [1, 1], { fp32_contents: [1] })] }), ["INTERNAL", "UNKNOWN"])) },
  { id: "deadline", title: "a call's deadline ends it", severity: "advice", needs: ["slow"], run: overGrpc(async (grpc, check) => {
    const answer = await grpc.call("ModelInfer", { model_name: "slow", inputs: [tensor("INPUT0", "FP32", [1, 1], { fp32_contents: [600] })] }, { deadlineMs: 150 });
    check.equal("status", answer.status, "DEADLINE_EXCEEDED");
  }) },
  { id: "goes-on", title: "after an error the server goes on", needs, run: overGrpc(async (grpc, check) => {
    await grpc.call("ModelInfer", { model_name: "simple" });
    checkSums(check, await grpc.call("ModelInfer", raw()));
  }) },
]);

export const GRPC_STREAM: readonly ConformanceCase[] = casesOf({ area: "streams", transport: "grpc", prefix: "grpc.stream", section: "Sequence extension: ModelStreamInfer", extension: "sequence" }, [
  { id: "three", title: "three requests on a stream, three answers", needs, run: overGrpc(async (grpc, check) => {
    const { status, answers } = await grpc.stream(["a", "b", "c"].map((id) => raw({ id })));
    check.equal("status", status, "OK");
    check.equal("ids and errors", answers.map((answer) => [(answer["infer_response"] as Message | null)?.["id"], answer["error_message"]]), [["a", ""], ["b", ""], ["c", ""]]);
  }) },
  { id: "error", title: "an error is an answer, and the stream goes on", needs, run: overGrpc(async (grpc, check) => {
    const { status, answers } = await grpc.stream([raw({ model_name: "no_such_model" }), raw({ id: "after" })]);
    check.equal("status", status, "OK");
    check.isTrue("error_message", answers.length === 2 && answers[0]!["error_message"] !== "", { expected: "an error, then an answer", found: answers });
    check.equal("id of the second", (answers[1]?.["infer_response"] as Message | null | undefined)?.["id"], "after");
  }) },
  { id: "empty", title: "a stream without requests ends well", run: overGrpc(async (grpc, check) => { check.equal("status, answers", await grpc.stream([]), { status: "OK", answers: [] }); }) },
]);
