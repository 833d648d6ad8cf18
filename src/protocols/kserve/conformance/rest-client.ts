/** HTTP for the suite: bytes in, bytes out, nothing added and nothing mended. */
import { Agent, request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { StrataError, reasonOf } from "../../../kernel/errors.ts";
import { parseExactly } from "../exact-json.ts";

export interface RestAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
  /** The body as JSON with 64-bit integers as they were written; undefined when it is none. */
  readonly json: unknown;
}

export interface RestCall {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

export interface RestClient extends Disposable {
  readonly url: string;
  send(call: RestCall): Promise<RestAnswer>;
  get(path: string): Promise<RestAnswer>;
  /** JSON text to a path. */
  post(path: string, json: string, headers?: Readonly<Record<string, string>>): Promise<RestAnswer>;
}

const TIMEOUT_MS = 20_000;

export function createRestClient(url: string): RestClient {
  const base = new URL(url);
  const agent = base.protocol === "https:" ? undefined : new Agent({ keepAlive: true, maxSockets: 16 });
  const send = ({ path, body, method = body === undefined ? "GET" : "POST", headers = {} }: RestCall): Promise<RestAnswer> => new Promise((resolve, reject) => {
    const fail = (thrown: unknown): void => reject(new StrataError("SERVER_UNREACHABLE", { url, reason: reasonOf(thrown) }, { cause: thrown }));
    const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
    const outgoing = (base.protocol === "https:" ? httpsRequest : httpRequest)(
      { protocol: base.protocol, hostname: base.hostname.replace(/^\[(.*)\]$/, "$1"), port: base.port, path: base.pathname.replace(/\/$/, "") + path, method, headers: { ...length, ...headers }, ...(agent ? { agent } : {}), timeout: TIMEOUT_MS },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk)).on("error", fail).on("end", () => resolve(answerOf(incoming.statusCode ?? 0, incoming.headers as RestAnswer["headers"], Buffer.concat(chunks)))); // the list-valued headers are not looked at
      },
    );
    outgoing.on("timeout", () => outgoing.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`))).on("error", fail).end(body);
  });
  return {
    url, send,
    get: (path) => send({ path }),
    post: (path, json, headers = {}) => send({ path, body: json, headers: { "content-type": "application/json", ...headers } }),
    [Symbol.dispose]: () => agent?.destroy(),
  };
}

function answerOf(status: number, headers: RestAnswer["headers"], body: Buffer): RestAnswer {
  const headerBytes = Number(headers["inference-header-content-length"] ?? body.length);
  return { status, headers, body, json: jsonOf(body.subarray(0, headerBytes)) };
}

function jsonOf(bytes: Buffer): unknown {
  try {
    return parseExactly(bytes.toString("utf8"));
  } catch {
    return undefined; // a packed or an empty body: the case says what it expected
  }
}
