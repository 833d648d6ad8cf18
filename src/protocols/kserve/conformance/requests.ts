/** Request bodies of the suite, made as text and bytes, and how the cases read answers. */
import type { Check } from "./conformance-case.ts";
import type { Message } from "./grpc-client.ts";
import type { RestAnswer } from "./rest-client.ts";

export interface InputText {
  readonly name?: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  /** JSON text of the data, or the number of bytes that follow. */
  readonly data?: string;
  readonly sizeBytes?: number;
}

export function inputText({ name = "INPUT0", datatype, shape, data, sizeBytes }: InputText): string {
  const content = sizeBytes === undefined ? `"data":${data ?? "[]"}` : `"parameters":{"binary_data_size":${sizeBytes}}`;
  return `{"name":"${name}","datatype":"${datatype}","shape":[${shape.join(",")}],${content}}`;
}

/** A request of the inputs' texts; `more` is further members, each with its comma before it. */
export function requestText(inputs: readonly string[], more = ""): string {
  return `{"inputs":[${inputs.join(",")}]${more}}`;
}

/** Sixteen integers from `start`, as `simple` takes them. */
export const sixteen = (start: number, step = 1): readonly number[] => Array.from({ length: 16 }, (_, at) => start + at * step);

export const SUMS = sixteen(1, 2);
export const DIFFERENCES = sixteen(-1, 0);

/** INPUT0 0…15 and INPUT1 1…16 for `simple`: sums 1, 3, … and differences -1. */
export function simpleRequest(more = "", rows = 1): string {
  const both = [["INPUT0", sixteen(0)], ["INPUT1", sixteen(1)]] as const;
  return requestText(both.map(([name, values]) => inputText({ name, datatype: "INT32", shape: [rows, 16], data: JSON.stringify(Array.from({ length: rows }, () => values).flat()) })), more);
}

export interface Binary {
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

/** JSON and the bytes behind it, with the headers that say so. */
export function binaryBody(json: string, ...blobs: readonly Uint8Array[]): Binary {
  return {
    body: Buffer.concat([Buffer.from(json), ...blobs]),
    headers: { "content-type": "application/octet-stream", "inference-header-content-length": String(Buffer.byteLength(json)) },
  };
}

export const int32Bytes = (values: readonly number[]): Buffer => Buffer.from(Int32Array.from(values).buffer);
export const fp32Bytes = (values: readonly number[]): Buffer => Buffer.from(Float32Array.from(values).buffer);

export interface OutputJson {
  readonly name?: unknown;
  readonly datatype?: unknown;
  readonly shape?: unknown;
  readonly data?: unknown;
  readonly parameters?: Readonly<Record<string, unknown>>;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === "object" && value !== null && !Array.isArray(value);

/** A member of a JSON object; undefined when it is none. */
export const member = (value: unknown, name: string): unknown => (isObject(value) ? value[name] : undefined);

/** The outputs of an answer, [] when there are none. */
export function outputsOf(answer: RestAnswer): readonly OutputJson[] {
  const outputs = member(answer.json, "outputs");
  return Array.isArray(outputs) ? outputs.filter(isObject) : [];
}

export const outputNamed = (answer: RestAnswer, name: string): OutputJson => outputsOf(answer).find((output) => output.name === name) ?? {};

/** JSON data may be nested or flat. */
export function flat(data: unknown): readonly unknown[] {
  return Array.isArray(data) ? data.flat(Infinity) : [];
}

/** The bytes of the answer's binary outputs, by name. */
export function binaryOutputs(answer: RestAnswer): ReadonlyMap<string, Buffer> {
  let at = Number(answer.headers["inference-header-content-length"] ?? answer.body.length);
  const found = new Map<string, Buffer>();
  for (const { name, parameters } of outputsOf(answer)) {
    const size = parameters?.["binary_data_size"];
    if (typeof size !== "number") continue;
    found.set(String(name), answer.body.subarray(at, at + size));
    at += size;
  }
  return found;
}

/** An error: a status from 400 on and a body {"error": text}. */
export function checkError(check: Check, answer: RestAnswer, statuses: readonly number[]): void {
  check.isTrue("status", statuses.includes(answer.status), { expected: statuses.join(" or "), found: answer.status });
  const error = member(answer.json, "error");
  check.isTrue("body.error", typeof error === "string" && error !== "", { expected: "a sentence", found: answer.body.toString("utf8").slice(0, 200) });
}

/** Members of messages, with nothing where there is nothing. */
export const listOf = (message: Message, name: string): readonly Message[] => (Array.isArray(message[name]) ? message[name] as readonly Message[] : []);

/** The bytes of an answer's outputs by name, from raw_output_contents. */
export function rawOutputs(message: Message): ReadonlyMap<string, Buffer> {
  const raw = Array.isArray(message["raw_output_contents"]) ? message["raw_output_contents"] as readonly Buffer[] : [];
  return new Map(listOf(message, "outputs").map((output, at) => [String(output["name"]), raw[at] ?? Buffer.alloc(0)]));
}
