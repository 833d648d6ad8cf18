/**
 * A model that another Open Inference server runs (Triton, KServe, MLServer, another Strata), over its REST interface:
 * signature from its metadata, tensors as raw bytes where it takes them. Retrying and choosing among several is not
 * done here.
 */
import { Pool } from "undici";
import { StrataError, isStrataError, reasonOf } from "../../kernel/errors.ts";
import { isDatatype } from "../../kernel/tensor.ts";
import type { Tensor, TensorSpec } from "../../kernel/tensor.ts";
import type { InferenceModel, InferenceOptions, ModelDescription } from "../../ports/inference-model.ts";
import { readAnswer, writeRequest } from "./inference-messages.ts";

export interface OpenInferenceModelOptions {
  /** Address of the server, e.g. "http://10.0.0.7:8000". */
  readonly url: string;
  /** Its name there. */
  readonly model: string;
  readonly version: string | undefined;
  readonly monotonicMs: () => number;
  /** Calls at once. Default 32. */
  readonly connections?: number;
}

const CONNECTIONS = 32;
const CONNECT_TIMEOUT_MS = 5_000;
/** Metadata is small and asked for once. */
const METADATA_TIMEOUT_MS = 10_000;
/** For calls without a deadline of their own: a server that says nothing for so long will not. */
const ANSWER_TIMEOUT_MS = 300_000;

/** Raises UPSTREAM_FAILED when the server does not answer, MODEL_LOAD_FAILED when its model cannot be used. */
export async function openOpenInferenceModel(options: OpenInferenceModelOptions, describe: ModelDescription): Promise<InferenceModel> {
  const { url, model, version, monotonicMs, connections = CONNECTIONS } = options;
  const base = new URL(url);
  const pool = new Pool(base.origin, { connections, connect: { timeout: CONNECT_TIMEOUT_MS }, headersTimeout: ANSWER_TIMEOUT_MS, bodyTimeout: ANSWER_TIMEOUT_MS });
  const root = base.pathname.replace(/\/+$/, "");
  const path = `${root}/v2/models/${encodeURIComponent(model)}${version === undefined ? "" : `/versions/${encodeURIComponent(version)}`}`;
  const upstream: Upstream = { pool, url, describe };
  try {
    const [server, metadata] = await Promise.all([askJson(upstream, `${root}/v2`), askJson(upstream, path)]);
    const inputs = specsOf(metadata["inputs"], describe), outputs = specsOf(metadata["outputs"], describe);
    const extensions = server["extensions"];
    const isBinary = Array.isArray(extensions) && extensions.some((extension) => extension === "binary_tensor_data");
    let closed: Promise<void> | undefined;
    return {
      platform: "open_inference", inputs, outputs, concurrency: connections, memoryBytes: 0,
      isBatchable: [...inputs, ...outputs].every(({ shape }) => shape[0] === -1),
      infer: (tensors, inferOptions = {}) => {
        if (closed) return Promise.reject(new StrataError("CLOSED", { what: `Model "${describe.model}"` }));
        return infer(upstream, { path: `${path}/infer`, outputs, isBinary, monotonicMs }, tensors, inferOptions);
      },
      close: () => (closed ??= pool.close()),
    };
  } catch (thrown) {
    await pool.destroy();
    throw failureOf(upstream, thrown);
  }
}

interface Upstream {
  readonly pool: Pool;
  readonly url: string;
  readonly describe: ModelDescription;
}

async function askJson(upstream: Upstream, path: string): Promise<Readonly<Record<string, unknown>>> {
  const { statusCode, body } = await upstream.pool.request({ method: "GET", path, signal: AbortSignal.timeout(METADATA_TIMEOUT_MS) });
  const text = await body.text();
  if (statusCode !== 200) throw new StrataError("UPSTREAM_FAILED", { upstream: upstream.url, reason: `GET ${path} answered ${statusCode}: ${errorText(text)}` });
  const parsed: unknown = JSON.parse(text);
  if (typeof parsed !== "object" || parsed === null) throw new StrataError("UPSTREAM_FAILED", { upstream: upstream.url, reason: `GET ${path} answered no object` });
  return parsed as Readonly<Record<string, unknown>>;
}

function specsOf(given: unknown, { model }: ModelDescription): readonly TensorSpec[] {
  const refuse = (reason: string): StrataError => new StrataError("MODEL_LOAD_FAILED", { model, reason });
  if (!Array.isArray(given) || given.length === 0) throw refuse("the server's metadata names no tensors");
  return given.map((one: unknown) => {
    const { name, datatype, shape } = one as { readonly name?: unknown; readonly datatype?: unknown; readonly shape?: unknown };
    const sizes = Array.isArray(shape) ? shape.map(Number) : [Number.NaN]; // some servers write sizes as text
    if (typeof name !== "string" || typeof datatype !== "string" || !isDatatype(datatype) || !sizes.every(Number.isInteger)) throw refuse(`the server's metadata has a tensor that cannot be read: ${JSON.stringify(one)}`);
    return { name, datatype, shape: sizes };
  });
}

interface Call {
  readonly path: string;
  readonly outputs: readonly TensorSpec[];
  readonly isBinary: boolean;
  readonly monotonicMs: () => number;
}

async function infer(upstream: Upstream, { path, outputs, isBinary, monotonicMs }: Call, tensors: readonly Tensor[], options: InferenceOptions): Promise<readonly Tensor[]> {
  const remainingMs = options.deadlineAtMs === undefined ? undefined : options.deadlineAtMs - monotonicMs();
  if (remainingMs !== undefined && remainingMs <= 0) throw deadlineExceeded(upstream, 0);
  const timeout = remainingMs === undefined ? undefined : AbortSignal.timeout(Math.ceil(remainingMs));
  const signal = timeout && options.signal ? AbortSignal.any([timeout, options.signal]) : timeout ?? options.signal;
  const wanted = options.wanted ?? outputs.map((output) => output.name);
  const { headers, body } = writeRequest({ tensors, wanted, isBinary, parameters: options.parameters, timeoutMs: remainingMs });
  try {
    const answer = await upstream.pool.request({ method: "POST", path, headers, body, ...(signal && { signal }) });
    const bytes = new Uint8Array(await answer.body.arrayBuffer());
    if (answer.statusCode !== 200) throw statusError(upstream, answer.statusCode, { text: new TextDecoder().decode(bytes), retryAfter: answer.headers["retry-after"] });
    const headerLength = answer.headers["inference-header-content-length"];
    return readAnswer(bytes, headerLength === undefined ? undefined : Number(headerLength), wanted);
  } catch (thrown) {
    if (options.signal?.aborted) throw new StrataError("ABORTED", { what: `Inference with "${upstream.describe.model}"` }, { cause: thrown });
    if (timeout?.aborted) throw deadlineExceeded(upstream, remainingMs!, thrown);
    throw failureOf(upstream, thrown);
  }
}

const deadlineExceeded = ({ describe, url }: Upstream, timeoutMs: number, cause?: unknown): StrataError =>
  new StrataError("DEADLINE_EXCEEDED", { what: `Inference with "${describe.model}" at ${url}`, timeoutMs: Math.round(timeoutMs) }, { cause });

/** Whose fault a status is: the server's word decides, and 5xx may go away. */
function statusError({ url, describe }: Upstream, status: number, { text, retryAfter }: { readonly text: string; readonly retryAfter: string | string[] | undefined }): StrataError {
  const reason = errorText(text);
  const wait = Number(retryAfter);
  const after = Number.isFinite(wait) && wait > 0 ? { retryAfterSeconds: wait } : {};
  if (status === 429) return new StrataError("UPSTREAM_BUSY", { upstream: url, reason }, after);
  if (status === 504 || status === 408) return deadlineExceeded({ url, describe } as Upstream, 0);
  if (status === 400 || status === 413 || status === 422) return new StrataError("INFERENCE_INVALID", { reason, model: describe.model });
  return new StrataError("UPSTREAM_FAILED", { upstream: url, reason: `it answered ${status}: ${reason}` }, after);
}

/** The sentence of the protocol's error body, or the beginning of whatever came. */
function errorText(text: string): string {
  try {
    const { error, detail } = JSON.parse(text) as { readonly error?: unknown; readonly detail?: unknown };
    return typeof error === "string" ? error : typeof detail === "string" ? detail : text.slice(0, 200);
  } catch {
    return text.slice(0, 200);
  }
}

function failureOf({ url }: Pick<Upstream, "url">, thrown: unknown): StrataError {
  if (isStrataError(thrown)) return thrown;
  return new StrataError("UPSTREAM_FAILED", { upstream: url, reason: reasonOf(thrown) }, { cause: thrown });
}
