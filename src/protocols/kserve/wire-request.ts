/**
 * An inference request's body → tensors. Two steps: the JSON, which another thread may read when it is large, and the
 * binary tensors behind it, which are views of the body. Checked by hand: a schema library would cost more than the model.
 */
import { isUtf8 } from "node:buffer";
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import { DATATYPES, isDatatype } from "../../kernel/tensor.ts";
import type { Tensor } from "../../kernel/tensor.ts";
import type { TensorShape } from "../../kernel/tensor-bytes.ts";
import { hasRoundedInteger, parseExactly } from "./exact-json.ts";
import { inputFromBytes } from "./input-bytes.ts";
import { refuse, shown } from "./refusal.ts";
import { tensorFromJson } from "./tensor-json.ts";

export type ParameterValue = string | number | boolean | bigint;

/** One wanted output. */
export interface OutputWish {
  readonly name: string;
  /** Overrides the request's `binary_data_output`. */
  readonly isBinary?: boolean;
  /** Answer the highest so many classes as text instead of the tensor: the classification extension. */
  readonly classes?: number;
}

/** An input whose bytes follow the JSON. */
export interface BinaryInput extends TensorShape {
  readonly sizeBytes: number;
}

/** What the JSON says. */
export interface Envelope {
  readonly id?: string;
  readonly parameters?: Readonly<Record<string, ParameterValue>>;
  readonly inputs: readonly (Tensor | BinaryInput)[];
  readonly outputs?: readonly OutputWish[];
  /** The request's `binary_data_output`. */
  readonly isBinary: boolean;
}

export interface WireRequest extends Envelope {
  readonly inputs: readonly Tensor[];
}

/** The JSON of a request. BODY_INVALID when it is none, INFERENCE_INVALID when it is no inference request. */
export function readEnvelope(body: Uint8Array): Envelope {
  const text = textOf(body);
  const value = parsed(text);
  return envelopeOf(needsExactIntegers(value) ? parseExactly(text) : value);
}

/** The tensors of an envelope and the bytes that follow it, which must be taken up to the last one. */
export function attachBlobs(envelope: Envelope, blobs: Uint8Array): WireRequest {
  let at = 0;
  const inputs = envelope.inputs.map((input) => {
    if (!("sizeBytes" in input)) return input;
    if (at + input.sizeBytes > blobs.length) refuse(`input "${input.name}" says binary_data_size ${input.sizeBytes}, and ${blobs.length - at} bytes are left`);
    const tensor = inputFromBytes(input, blobs.subarray(at, at + input.sizeBytes));
    at += input.sizeBytes;
    return tensor;
  });
  if (at !== blobs.length) refuse(`${blobs.length - at} bytes follow the ${at} bytes of binary tensors`);
  return { ...envelope, inputs };
}

/** A body as JSON, with integers as they were written. BODY_INVALID. */
export function readJson(body: Uint8Array): unknown {
  const text = textOf(body);
  const value = parsed(text);
  return hasRoundedInteger(value) ? parseExactly(text) : value;
}

function textOf(body: Uint8Array): string {
  if (!isUtf8(body)) throw new StrataError("BODY_INVALID", { format: "JSON", reason: "it is not UTF-8." });
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (thrown) {
    throw new StrataError("BODY_INVALID", { format: "JSON", reason: reasonOf(thrown) }, { cause: thrown });
  }
}

type Fields = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Fields => typeof value === "object" && value !== null && !Array.isArray(value);

/** 64-bit tensors and parameters (sequence_id is a uint64) are where a rounded integer would be wrong. */
function needsExactIntegers(value: unknown): boolean {
  if (!isObject(value)) return false;
  if (isObject(value["parameters"]) && hasRoundedInteger(value["parameters"], 2)) return true;
  const { inputs } = value;
  return Array.isArray(inputs) && inputs.some((input: unknown) => isObject(input) && (input["datatype"] === "INT64" || input["datatype"] === "UINT64") && hasRoundedInteger(input["data"]));
}

function envelopeOf(value: unknown): Envelope {
  if (!isObject(value)) refuse("the body is no object");
  const { id, inputs, outputs } = value;
  if (id !== undefined && typeof id !== "string") refuse(`id is ${shown(id)}; expected text`);
  if (!Array.isArray(inputs) || inputs.length === 0) refuse("inputs must be a list of at least one tensor");
  const parameters = parametersOf(value["parameters"], "parameters");
  const isBinary = flag(parameters?.["binary_data_output"], "parameters.binary_data_output") ?? false;
  return {
    ...(id === undefined ? {} : { id }), ...(parameters === undefined ? {} : { parameters }), ...(outputs === undefined ? {} : { outputs: wishesOf(outputs) }),
    inputs: distinct(inputs.map(inputOf)), isBinary,
  };
}

function distinct<Item extends { readonly name: string }>(items: readonly Item[], what = "input"): readonly Item[] {
  const twice = items.length < 2 ? undefined : items.find((item, at) => items.findIndex((other) => other.name === item.name) < at);
  if (twice) refuse(`${what} "${twice.name}" is given twice`);
  return items;
}

/** A request with more tensors than this is no request, and looking for doubles in it would take too long. */
const MAX_TENSORS = 4_096;

function inputOf(value: unknown, at: number, all: readonly unknown[]): Tensor | BinaryInput {
  if (all.length > MAX_TENSORS) refuse(`inputs has ${all.length} tensors; at most ${MAX_TENSORS} are taken`);
  if (!isObject(value)) refuse(`inputs.${at} is ${shown(value)}; expected an object`);
  const { name, shape, datatype, data } = value;
  if (typeof name !== "string" || name === "") refuse(`inputs.${at}.name is ${shown(name)}; expected text`);
  if (!isShape(shape)) refuse(`inputs.${at}.shape of "${name}" is ${shown(shape)}; expected a list of whole numbers of at least 0`);
  if (typeof datatype !== "string" || !isDatatype(datatype)) refuse(`inputs.${at}.datatype of "${name}" is ${shown(datatype)}; expected one of ${Object.keys(DATATYPES).join(", ")}`);
  const parameters = parametersOf(value["parameters"], `inputs.${at}.parameters`);
  if (parameters?.["shared_memory_region"] !== undefined) refuse(`input "${name}" is in shared memory, which this server does not read; send it in binary`);
  const sizeBytes = parameters?.["binary_data_size"];
  if (sizeBytes === undefined) return tensorFromJson({ name, datatype, shape }, data);
  if (data !== undefined && data !== null) refuse(`input "${name}" has both data and binary_data_size`);
  if (typeof sizeBytes !== "number" || !Number.isSafeInteger(sizeBytes) || sizeBytes < 0) refuse(`binary_data_size of input "${name}" is ${shown(sizeBytes)}; expected a number of bytes`);
  return { name, datatype, shape, sizeBytes };
}

function isShape(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.length <= 64 && value.every((size) => Number.isSafeInteger(size) && (size as number) >= 0);
}

function wishesOf(value: unknown): readonly OutputWish[] {
  if (!Array.isArray(value)) refuse(`outputs is ${shown(value)}; expected a list`);
  if (value.length > MAX_TENSORS) refuse(`outputs has ${value.length} names; at most ${MAX_TENSORS} are taken`);
  return distinct(value.map(wishOf), "output");
}

function wishOf(value: unknown, at: number): OutputWish {
  if (!isObject(value)) refuse(`outputs.${at} is ${shown(value)}; expected an object`);
  const { name } = value;
  if (typeof name !== "string" || name === "") refuse(`outputs.${at}.name is ${shown(name)}; expected text`);
  const parameters = parametersOf(value["parameters"], `outputs.${at}.parameters`);
  return parameters === undefined ? { name } : wishWith(name, parameters);
}

/** An output with its parameters, as JSON and gRPC have them. */
export function wishWith(name: string, parameters: Readonly<Record<string, ParameterValue>>): OutputWish {
  if (parameters["shared_memory_region"] !== undefined) refuse(`output "${name}" is asked into shared memory, which this server does not write; ask for it in binary`);
  const isBinary = flag(parameters["binary_data"], `binary_data of output "${name}"`);
  const classes = parameters["classification"] === undefined ? 0 : Number(parameters["classification"]);
  if (!Number.isSafeInteger(classes) || classes < 0) refuse(`classification of output "${name}" is ${shown(parameters["classification"])}; expected a number of classes`);
  return { name, ...(isBinary === undefined ? {} : { isBinary }), ...(classes === 0 ? {} : { classes }) };
}

function parametersOf(value: unknown, place: string): Readonly<Record<string, ParameterValue>> | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) refuse(`${place} is ${shown(value)}; expected an object`);
  for (const [key, member] of Object.entries(value)) {
    if (!["string", "number", "boolean", "bigint"].includes(typeof member)) refuse(`${place}.${key} is ${shown(member)}; expected text, a number, true or false`);
  }
  return value as Readonly<Record<string, ParameterValue>>; // every member was looked at
}

function flag(value: ParameterValue | undefined, place: string): boolean | undefined {
  if (value !== undefined && typeof value !== "boolean") refuse(`${place} is ${shown(value)}; expected true or false`);
  return value;
}
