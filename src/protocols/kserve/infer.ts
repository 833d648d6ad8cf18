/**
 * One inference over REST: body → tensors → model server → tensors → body. Everything that HTTP adds to the protocol is
 * here: binary and raw bodies, compression, and the headers strata-variant, strata-key and strata-timeout-ms.
 */
import type { Clock } from "../../kernel/clock.ts";
import type { Tensor } from "../../kernel/tensor.ts";
import type { InferenceAnswer, InferenceRequest, ModelServer } from "../../serving/index.ts";
import type { HttpRequest, HttpResponse } from "../http.ts";
import { codingFor, packBody, unpackBody } from "./body-coding.ts";
import { classify } from "./classification.ts";
import { inputFromBytes } from "./input-bytes.ts";
import { refuse, shown } from "./refusal.ts";
import { answerBody, jsonElements } from "./wire-answer.ts";
import type { AnswerBody, AnswerOutput, AnswerParts } from "./wire-answer.ts";
import { attachBlobs, readEnvelope } from "./wire-request.ts";
import type { Envelope, OutputWish, ParameterValue, WireRequest } from "./wire-request.ts";

/** Large JSON read and written off the event loop. */
export interface JsonTensorWork {
  /** `readEnvelope` elsewhere. */
  read(json: Uint8Array): Promise<Envelope>;
  /** `answerJson` elsewhere. */
  write(answer: AnswerParts): Promise<Uint8Array>;
}

export interface InferenceProtocol {
  readonly models: ModelServer;
  /** Deadlines are on its monotonic time. */
  readonly clock: Clock;
  /** Largest request body, also after unpacking. */
  readonly maxBodyBytes: number;
  /** The name in the server's metadata; the model server's own when absent. */
  readonly name?: string;
  /** Absent: all JSON is read and written where it arrives. */
  readonly work?: JsonTensorWork;
}

export interface InferenceTarget {
  readonly model: string;
  readonly version: string | undefined;
}

/** JSON above this is read in another thread: 256 KB take about 2 ms, the round trip to the thread 0.1 ms. */
const LARGE_JSON_BYTES = 256 * 1024;
/** Numbers above this are written in another thread: 65,536 take about 5 ms. */
const LARGE_JSON_ELEMENTS = 65_536;

export async function inferOverHttp(protocol: InferenceProtocol, target: InferenceTarget, request: HttpRequest): Promise<HttpResponse> {
  const { headers } = request;
  const wire = await readRequest(protocol, target, request);
  const answer = await protocol.models.infer(inferenceRequest(wire, { target, request, clock: protocol.clock }));
  return respond(protocol, answerParts(answer, wire), { acceptEncoding: headers["accept-encoding"], variant: answer.variant });
}

/** A body for a model that is not there is first of all that. */
async function readRequest(protocol: InferenceProtocol, target: InferenceTarget, { headers, body }: HttpRequest): Promise<WireRequest> {
  try {
    const encoding = headers["content-encoding"];
    const unpacked = encoding === undefined ? body : await unpackBody(body, encoding, protocol.maxBodyBytes);
    return await wireRequest(protocol, target, { body: unpacked, headerLength: headers["inference-header-content-length"] });
  } catch (thrown) {
    await protocol.models.metadata(target.model, target.version);
    throw thrown;
  }
}

interface Body {
  readonly body: Buffer;
  readonly headerLength: string | undefined;
}

async function wireRequest(protocol: InferenceProtocol, target: InferenceTarget, { body, headerLength }: Body): Promise<WireRequest> {
  if (headerLength === undefined) return attachBlobs(await envelope(protocol, body), NOTHING);
  const headerBytes = /^\d{1,15}$/.test(headerLength) ? Number(headerLength) : refuse(`Inference-Header-Content-Length is "${headerLength.slice(0, 40)}"; expected a number of bytes`);
  if (headerBytes > body.length) refuse(`Inference-Header-Content-Length is ${headerBytes} and the body has ${body.length} bytes`);
  if (headerBytes === 0) return rawRequest(protocol.models, target, body);
  return attachBlobs(await envelope(protocol, body.subarray(0, headerBytes)), body.subarray(headerBytes));
}

const NOTHING = new Uint8Array();

function envelope({ work }: InferenceProtocol, json: Buffer): Envelope | Promise<Envelope> {
  return work !== undefined && json.length > LARGE_JSON_BYTES ? work.read(json) : readEnvelope(json);
}

/** A body that is nothing but the bytes of the model's only input; one dimension may follow from their number. */
async function rawRequest(models: ModelServer, { model, version }: InferenceTarget, body: Buffer): Promise<WireRequest> {
  const { inputs } = await models.metadata(model, version);
  const [input] = inputs;
  if (input === undefined || inputs.length !== 1) return refuse(`a raw body needs a model with one input; this one has ${inputs.length}`);
  return { inputs: [rawTensor(input, body)], isBinary: true };
}

function rawTensor({ name, datatype, shape }: Pick<Tensor, "name" | "datatype" | "shape">, body: Buffer): Tensor {
  if (datatype === "BYTES") { // the body is the one element, without a length before it
    if (shape.some((size) => size > 1)) refuse(`a raw body is one element; input "${name}" is BYTES [${shape.join(",")}]`);
    return { name, datatype, shape: shape.map(() => 1), data: [body] };
  }
  const open = shape.filter((size) => size < 0).length;
  // The first of two open dimensions is the batch, and a raw body is a batch of one.
  const isBatched = open === 2 && shape[0]! < 0;
  if (open > 1 && !isBatched) refuse(`a raw body needs at most one dimension of any size; input "${name}" is [${shape.join(",")}]`);
  const fixed = shape.reduce((product, size) => product * (size < 0 ? 1 : size), BYTES_OF[datatype]);
  const wanted = fixed === 0 ? 0 : body.length / fixed;
  return inputFromBytes({ name, datatype, shape: shape.map((size, at) => (size >= 0 ? size : isBatched && at === 0 ? 1 : Math.floor(wanted))) }, body);
}

const BYTES_OF = { BOOL: 1, UINT8: 1, INT8: 1, UINT16: 2, INT16: 2, FP16: 2, BF16: 2, UINT32: 4, INT32: 4, FP32: 4, UINT64: 8, INT64: 8, FP64: 8 } as const;

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

interface Surroundings {
  readonly target: InferenceTarget;
  readonly request: Pick<HttpRequest, "headers" | "signal" | "clientGone">;
  readonly clock: Clock;
}

/** Built member by member: this runs for every request. */
function inferenceRequest(wire: WireRequest, { target, request, clock }: Surroundings): InferenceRequest {
  const { headers } = request;
  const call: Writable<InferenceRequest> = requestOf(wire, target, clock.monotonicMs());
  const timeout = headers["strata-timeout-ms"];
  if (timeout !== undefined) {
    const milliseconds = Number(timeout);
    if (!(milliseconds > 0 && Number.isFinite(milliseconds))) refuse(`header strata-timeout-ms is "${timeout.slice(0, 40)}"; expected a positive number of milliseconds`);
    call.deadlineAtMs = Math.min(call.deadlineAtMs ?? Infinity, clock.monotonicMs() + milliseconds);
  }
  const key = headers["strata-key"] ?? wire.id;
  if (key !== undefined) call.routingKey = key;
  const variant = headers["strata-variant"];
  if (variant !== undefined) call.variant = variant;
  call.header = (name) => headers[name];
  call.signal = request.clientGone ?? request.signal;
  return call;
}

/** The parts that REST and gRPC share. `priority` and `timeout` (µs) are Triton's parameters; 0 is the default of both. */
export function requestOf({ id, inputs, outputs, parameters }: WireRequest, { model, version }: InferenceTarget, nowMs: number): Writable<InferenceRequest> {
  const call: Writable<InferenceRequest> = { model, inputs };
  if (version !== undefined) call.version = version;
  if (id !== undefined) call.id = id;
  if (outputs !== undefined && outputs.length > 0) call.outputs = outputs.map(({ name }) => name);
  if (parameters === undefined) return call;
  const { priority, timeout, binary_data_output: _, ...others } = parameters;
  const level = wholeNumber(priority, "priority");
  if (level > 0) call.priority = level;
  const timeoutUs = wholeNumber(timeout, "timeout");
  if (timeoutUs > 0) call.deadlineAtMs = nowMs + timeoutUs / 1_000;
  if (Object.keys(others).length > 0) call.parameters = others; // requests without any may run together
  return call;
}

function wholeNumber(value: ParameterValue | undefined, name: string): number {
  if (value === undefined) return 0;
  const number = typeof value === "string" ? Number.NaN : Number(value);
  if (typeof value === "boolean" || !Number.isInteger(number) || number < 0) refuse(`parameter ${name} is ${shown(value)}; expected a whole number of at least 0`);
  return number;
}

/** The answer's outputs as they were asked for: in which form, and classified or not. */
export function answerParts(answer: InferenceAnswer, { id, outputs, isBinary }: Pick<Envelope, "id" | "outputs" | "isBinary">): AnswerParts {
  const wishes = outputs?.some((wish) => wish.isBinary !== undefined || wish.classes !== undefined) ? new Map(outputs.map((wish) => [wish.name, wish])) : undefined;
  return { model: answer.model, version: answer.version, ...(id === undefined ? {} : { id }), outputs: answer.outputs.map((tensor) => asWished(tensor, wishes?.get(tensor.name), isBinary)) };
}

function asWished(tensor: Tensor, wish: OutputWish | undefined, isBinary: boolean): AnswerOutput {
  return { tensor: wish?.classes === undefined ? tensor : classify(tensor, wish.classes), isBinary: wish?.isBinary ?? isBinary };
}

interface ResponseOptions {
  readonly acceptEncoding: string | undefined;
  readonly variant: string | undefined;
}

async function respond({ work }: InferenceProtocol, parts: AnswerParts, { acceptEncoding, variant }: ResponseOptions): Promise<HttpResponse> {
  const isAllJson = parts.outputs.every(({ isBinary }) => !isBinary);
  const { body, headerBytes }: AnswerBody = isAllJson && work !== undefined && jsonElements(parts) > LARGE_JSON_ELEMENTS ? { body: await work.write(parts) } : answerBody(parts);
  const headers: Record<string, string> = headerBytes === undefined ? { "content-type": "application/json" } : { "content-type": "application/octet-stream", "inference-header-content-length": String(headerBytes) };
  if (variant !== undefined) headers["strata-variant"] = variant;
  const coding = codingFor(acceptEncoding, { sizeBytes: body.length, isBinary: headerBytes !== undefined });
  // Models keep none of their inputs, caches and shadows copy what they need.
  if (coding === undefined) return { status: 200, headers, body, isDoneWithBody: true };
  headers["content-encoding"] = coding;
  return { status: 200, headers, body: await packBody(body, coding), isDoneWithBody: true };
}
