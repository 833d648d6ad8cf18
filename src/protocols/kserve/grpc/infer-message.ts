/**
 * ModelInferRequest → tensors, and answer → ModelInferResponse. The data of all inputs is either in raw_input_contents
 * (read in place) or in each input's contents. Answers are always raw, as Triton's are: every client reads them.
 */
import type { InferenceAnswer } from "../../../serving/index.ts";
import { DATATYPES, elementCount, isDatatype } from "../../../kernel/tensor.ts";
import type { Datatype, Tensor } from "../../../kernel/tensor.ts";
import { bytesOfTensor } from "../../../kernel/tensor-bytes.ts";
import type { TensorShape } from "../../../kernel/tensor-bytes.ts";
import { answerParts } from "../infer.ts";
import { refuse, shown } from "../refusal.ts";
import { inputFromBytes } from "../input-bytes.ts";
import { tensorFromJson } from "../tensor-json.ts";
import { wishWith } from "../wire-request.ts";
import type { OutputWish, ParameterValue, WireRequest } from "../wire-request.ts";

/** One of its members is set, and `parameter_choice` names it. */
export interface ParameterMessage {
  readonly parameter_choice?: string;
  readonly [choice: string]: string | boolean | number | Uint8Array | undefined;
}

type Parameters = Readonly<Record<string, ParameterMessage>>;

export interface ContentsMessage {
  readonly bool_contents: readonly boolean[];
  readonly int_contents: readonly number[];
  readonly int64_contents: readonly string[];
  readonly uint_contents: readonly number[];
  readonly uint64_contents: readonly string[];
  readonly fp32_contents: readonly number[];
  readonly fp64_contents: readonly number[];
  readonly bytes_contents: readonly Uint8Array[];
}

export interface InputMessage {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly string[];
  readonly parameters: Parameters;
  readonly contents: ContentsMessage | null;
}

export interface InferRequestMessage {
  readonly model_name: string;
  readonly model_version: string;
  readonly id: string;
  readonly parameters: Parameters;
  readonly inputs: readonly InputMessage[];
  readonly outputs: readonly { readonly name: string; readonly parameters: Parameters }[];
  readonly raw_input_contents: readonly Uint8Array[];
}

/** INFERENCE_INVALID when the data does not fit the shapes. */
export function wireRequestOf(message: InferRequestMessage): WireRequest {
  const { id, inputs, outputs, raw_input_contents: raw } = message;
  if (inputs.length === 0) refuse("inputs must be a list of at least one tensor");
  if (raw.length > 0 && raw.length !== inputs.length) refuse(`raw_input_contents has ${raw.length} entries for ${inputs.length} inputs; it holds all of them or none`);
  const names = new Set(inputs.map(({ name }) => name));
  if (names.size < inputs.length) refuse("an input is given twice");
  return {
    ...(id === "" ? {} : { id }), parameters: parametersOf(message.parameters), isBinary: true,
    inputs: inputs.map((input, at) => tensorOf(input, raw[at])), ...(outputs.length === 0 ? {} : { outputs: outputs.map(wishOf) }),
  };
}

function tensorOf(input: InputMessage, raw: Uint8Array | undefined): Tensor {
  const { name, datatype, contents } = input;
  if (name === "") refuse("an input has no name");
  if (!isDatatype(datatype)) refuse(`datatype of input "${name}" is ${shown(datatype)}; expected one of ${Object.keys(DATATYPES).join(", ")}`);
  if (input.parameters["shared_memory_region"] !== undefined) refuse(`input "${name}" is in shared memory, which this server does not read`);
  const spec = { name, datatype, shape: input.shape.map((size) => sizeOf(name, size)) };
  if (raw === undefined) return tensorFromContents(spec, contents);
  if (contents !== null && Object.values(contents).some((list) => Array.isArray(list) && list.length > 0)) refuse(`input "${name}" has contents beside raw_input_contents; a request uses one of them`);
  return inputFromBytes(spec, raw);
}

function sizeOf(name: string, text: string): number {
  const size = Number(text);
  return Number.isSafeInteger(size) && size >= 0 ? size : refuse(`shape of input "${name}" holds ${text}; expected whole numbers of at least 0`);
}

const CONTENTS_OF: Readonly<Partial<Record<Datatype, keyof ContentsMessage>>> = {
  BOOL: "bool_contents", INT8: "int_contents", INT16: "int_contents", INT32: "int_contents", INT64: "int64_contents", UINT8: "uint_contents", UINT16: "uint_contents",
  UINT32: "uint_contents", UINT64: "uint64_contents", FP32: "fp32_contents", FP64: "fp64_contents", BYTES: "bytes_contents",
};

function tensorFromContents(spec: TensorShape, contents: ContentsMessage | null): Tensor {
  const { name, datatype, shape } = spec;
  const member = CONTENTS_OF[datatype];
  if (member === undefined) return refuse(`input "${name}" is ${datatype}, which travels in raw_input_contents only`);
  const other = Object.entries(contents ?? {}).find(([key, list]) => key !== member && Array.isArray(list) && list.length > 0);
  if (other) refuse(`input "${name}" is ${datatype} and has ${other[0]}; expected ${member}`);
  const cells = contents?.[member] ?? [];
  const count = elementCount(shape);
  if (cells.length !== count) refuse(`input "${name}" has ${cells.length} elements; its shape [${shape.join(",")}] asks for ${count}`);
  if (datatype === "BYTES") return { ...spec, data: cells as readonly Uint8Array[] };
  if (datatype === "FP32" || datatype === "FP64") return { ...spec, data: DATATYPES[datatype].array.from(cells as readonly number[]) }; // NaN and infinities are fine here
  return tensorFromJson(spec, datatype === "INT64" || datatype === "UINT64" ? (cells as readonly string[]).map(BigInt) : cells);
}

function wishOf({ name, parameters }: { readonly name: string; readonly parameters: Parameters }): OutputWish {
  return wishWith(name, parametersOf(parameters));
}

/** Parameters as plain values; 64-bit integers as numbers where those hold them exactly. */
export function parametersOf(parameters: Parameters): Readonly<Record<string, ParameterValue>> {
  const values: Record<string, ParameterValue> = {};
  for (const [name, parameter] of Object.entries(parameters)) {
    const choice = parameter.parameter_choice;
    if (choice === undefined) refuse(`parameter "${name}" has no value`);
    const value = parameter[choice] as string | boolean | number; // the kinds an InferParameter has
    values[name] = choice === "int64_param" || choice === "uint64_param" ? exactNumber(String(value)) : value;
  }
  return values;
}

function exactNumber(text: string): number | bigint {
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : BigInt(text);
}

/** The response message of an answer. */
export function responseOf(answer: InferenceAnswer, wire: WireRequest): object {
  const { model, version, id, outputs } = answerParts(answer, wire);
  return {
    model_name: model, model_version: version, id: id ?? "",
    outputs: outputs.map(({ tensor: { name, datatype, shape } }) => ({ name, datatype, shape })),
    raw_output_contents: outputs.map(({ tensor }) => bytesOfTensor(tensor)),
  };
}
