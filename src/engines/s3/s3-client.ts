/**
 * Signed requests to one bucket of any server that speaks the S3 API. What a server or the network may fail at for a moment (throttling,
 * 5xx, broken connections) is tried again with growing pauses; requests of ours are harmless to repeat.
 */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import type { Clock } from "../../kernel/clock.ts";
import { StrataError, isStrataError, reasonOf } from "../../kernel/errors.ts";
import { sha256 } from "../../kernel/hash.ts";
import { canonicalQuery, encodePath, signRequest, type S3Credentials } from "./signature-v4.ts";

export interface S3Options {
  readonly bucket: string;
  /** Begins every key; "" or "shop/blobs". */
  readonly prefix?: string;
  /** https://… of a server that is not Amazon's. */
  readonly endpoint?: string | undefined;
  /** Default "us-east-1". */
  readonly region?: string;
  /** Bucket in the path or in the host name. Default: path with an endpoint, virtual without. */
  readonly style?: "path" | "virtual" | undefined;
  readonly credentials: S3Credentials;
  readonly clock: Clock;
  /** How often a request is tried. Default 5. */
  readonly attempts?: number;
  /** Silence on a connection before it counts as broken. Default 30,000 ms. */
  readonly timeoutMs?: number;
}

export interface S3Request {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  /** Below the prefix; undefined for the bucket itself. */
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** SHA-256 of the body where it is known already. */
  readonly bodySha256?: string;
  readonly signal?: AbortSignal | undefined;
}

export interface S3Response {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** To be read to its end, or discarded. */
  readonly body: AsyncIterable<Buffer>;
  bytes(): Promise<Buffer>;
  discard(): void;
}

export interface S3Client extends AsyncDisposable {
  /** "s3://bucket/prefix at https://…", for messages. */
  readonly place: string;
  /** 2xx, 404, 409, 412 and 416 are answers; anything else is ENGINE_REFUSED, or ENGINE_UNREACHABLE after the last attempt. */
  send(request: S3Request): Promise<S3Response>;
  /** Runs work that may meet a broken connection midway; the same pauses between attempts. */
  attempt<T>(work: (tries: number) => Promise<T>, signal?: AbortSignal): Promise<T>;
}

const PAUSE_FIRST_MS = 50;
const PAUSE_MOST_MS = 5_000;
const ANSWERS: ReadonlySet<number> = new Set([404, 409, 412, 416]);
/** 501 tells that the server does not know an option: not worth repeating. */
const MOMENTARY: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

export function createS3Client(options: S3Options): S3Client {
  const { bucket, prefix = "", endpoint, region = "us-east-1", credentials, clock, attempts = 5, timeoutMs = 30_000 } = options;
  const style = options.style ?? (endpoint === undefined ? "virtual" : "path");
  const base = new URL(endpoint ?? `https://s3.${region}.amazonaws.com`);
  const host = style === "virtual" ? `${bucket}.${base.host}` : base.host;
  const place = `s3://${bucket}${prefix === "" ? "" : `/${prefix}`} at ${base.origin}`;
  const [request, agent] = base.protocol === "https:" ? [httpsRequest, new HttpsAgent({ keepAlive: true })] as const : [httpRequest, new HttpAgent({ keepAlive: true })] as const;

  const sendOnce = async ({ method, key, query = {}, headers = {}, body, bodySha256, signal }: S3Request): Promise<S3Response> => {
    const objectKey = key === undefined ? "" : [prefix, key].filter((part) => part !== "").join("/");
    const path = encodePath([...(style === "path" ? [bucket] : []), ...(objectKey === "" ? [] : [objectKey])].join("/"));
    const signed = signRequest({ method, host, path, query, headers, payloadSha256: bodySha256 ?? sha256(body ?? "") }, { credentials, region, nowMs: clock.now() });
    const search = canonicalQuery(query);
    const answer = Promise.withResolvers<IncomingMessage>();
    const sent = request(`${base.protocol}//${host}${path}${search === "" ? "" : `?${search}`}`, {
      method, agent, headers: { ...signed, ...(body === undefined ? {} : { "content-length": String(body.length) }) }, ...(signal ? { signal } : {}),
    });
    sent.once("response", answer.resolve);
    sent.on("error", answer.reject); // also after the answer began: then the body fails too
    sent.setTimeout(timeoutMs, () => sent.destroy(new Error(`nothing came for ${timeoutMs} ms`)));
    sent.end(body);
    return responseOf(await answer.promise);
  };
  const attempt = async <T>(work: (tries: number) => Promise<T>, signal?: AbortSignal): Promise<T> => {
    for (let tries = 1; ; tries++) {
      try {
        return await work(tries);
      } catch (thrown) {
        if (signal?.aborted === true) throw new StrataError("ABORTED", { what: "The transfer of a blob" }, { cause: thrown });
        if (isStrataError(thrown) && !(thrown.code === "ENGINE_UNREACHABLE")) throw thrown;
        if (tries >= attempts) throw isStrataError(thrown) ? thrown : new StrataError("ENGINE_UNREACHABLE", { engine: "S3", place, reason: reasonOf(thrown) }, { cause: thrown });
      }
      await sleep(Math.min(PAUSE_MOST_MS, PAUSE_FIRST_MS * 4 ** (tries - 1)));
    }
  };
  const judged = async (response: S3Response): Promise<S3Response> => {
    const { status } = response;
    if ((status >= 200 && status < 300) || ANSWERS.has(status)) return response;
    const { code, message } = readError((await response.bytes()).toString());
    const reason = `${status}${code === "" ? "" : ` ${code}`}${message === "" ? "" : `: ${message}`}`;
    throw new StrataError(MOMENTARY.has(status) ? "ENGINE_UNREACHABLE" : "ENGINE_REFUSED", { engine: "S3", place, reason, status, errorCode: code });
  };
  return {
    place, attempt,
    send: (request) => attempt(async () => judged(await sendOnce(request)), request.signal),
    [Symbol.asyncDispose]: async () => agent.destroy(),
  };
}

function responseOf(message: IncomingMessage): S3Response {
  return {
    status: message.statusCode ?? 0, headers: message.headers, body: message,
    bytes: async () => {
      const pieces: Buffer[] = [];
      for await (const piece of message) pieces.push(piece as Buffer); // no encoding was set
      return Buffer.concat(pieces);
    },
    discard: () => {
      message.on("error", () => undefined);
      message.resume();
    },
  };
}

/** `<Error><Code>…</Code><Message>…</Message></Error>` */
function readError(xml: string): { readonly code: string; readonly message: string } {
  return { code: textOf(xml, "Code"), message: textOf(xml, "Message") };
}

const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: "\"", apos: "'", amp: "&" };

/** The text of the first element of a name; S3's answers are small and flat. */
export function textOf(xml: string, name: string): string {
  const text = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1] ?? "";
  return text.replaceAll(/&(lt|gt|quot|apos|amp);/g, (_, entity: string) => ENTITIES[entity]!).replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)));
}
