/**
 * A small client for a running Strata server, over node:http with kept connections: JSON in and out, NDJSON both
 * ways, server-sent events. Error bodies come back as the StrataError the server raised; a server that does not
 * answer is SERVER_UNREACHABLE, a late answer DEADLINE_EXCEEDED, a cancelled call ABORTED.
 */
import http, { type ClientRequest, type IncomingMessage, type RequestOptions } from "node:http";
import https from "node:https";
import { once } from "node:events";
import { StrataError } from "../kernel/errors.ts";
import { createCallLimit, isReset, type CallLimit } from "./call-limit.ts";
import { eventsOf, linesOf, type ServerSentEvent } from "./event-stream.ts";
import { errorOfResponse } from "./remote-error.ts";

export const DEFAULT_URL = "http://127.0.0.1:4180";

export interface ApiClientOptions {
  /** Address of the server, with or without a path before its routes. Default DEFAULT_URL. */
  readonly url?: string | undefined;
  /** For a whole answer, or until the first byte of a stream. Default 30 s. */
  readonly timeoutMs?: number | undefined;
  /** Sent as `Authorization: Bearer`. */
  readonly token?: string | undefined;
}

export interface CallOptions {
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

/** A request that is answered by server-sent events. */
export interface StreamOptions extends CallOptions {
  /** Sends a POST with this value as JSON; a GET without one. */
  readonly body?: unknown;
}

/** Bytes that are sent as they are. */
export interface Upload {
  /** Content-Type. */
  readonly type: string;
  readonly bytes: Uint8Array;
}

/**
 * Paths begin with "/". `Answer` names what the server of this same package sends; it is not checked again here.
 * An answer without a body is undefined.
 */
export interface ApiClient extends AsyncDisposable {
  readonly url: string;
  get<Answer = unknown>(path: string, options?: CallOptions): Promise<Answer>;
  post<Answer = unknown>(path: string, body?: unknown, options?: CallOptions): Promise<Answer>;
  delete<Answer = unknown>(path: string, options?: CallOptions): Promise<Answer>;
  /** Sends bytes that already have their form, such as lines of a file. */
  upload<Answer = unknown>(path: string, content: Upload, options?: CallOptions): Promise<Answer>;
  /** Uploads values as NDJSON, as fast as the server takes them. The timeout starts when the upload has ended. */
  postLines<Answer = unknown>(path: string, values: Iterable<unknown> | AsyncIterable<unknown>, options?: CallOptions): Promise<Answer>;
  /** An NDJSON answer, value by value. */
  lines<Item = unknown>(path: string, options?: CallOptions): AsyncIterable<Item>;
  /** Sends JSON and hands out the answer as it comes, in the form asked for. */
  open(path: string, body: unknown, options: CallOptions & { readonly accept: string }): Promise<RawAnswer>;
  /** Server-sent events until the server ends, the signal fires (which ends the iteration) or the loop is left. */
  stream(path: string, options?: StreamOptions): AsyncIterable<ServerSentEvent>;
  close(): Promise<void>;
}

/** An answer that is read piece by piece; leaving either iteration ends the call. */
export interface RawAnswer {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  lines(): AsyncIterable<string>;
  bytes(): AsyncIterable<Uint8Array>;
}

type Body = { readonly type: string; readonly content: string | Uint8Array | AsyncIterable<string> };

interface Call extends CallOptions {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly accept: string;
  readonly body?: Body | undefined;
}

export function createApiClient(options: ApiClientOptions = {}): ApiClient {
  const base = parseBase(options.url ?? DEFAULT_URL);
  const transport = base.protocol === "https:" ? https : http;
  const agent = new transport.Agent({ keepAlive: true });
  const timeoutMs = options.timeoutMs ?? 30_000;
  const connection: Connection = {
    base, timeoutMs,
    headers: options.token === undefined ? {} : { authorization: `Bearer ${options.token}` },
    request: (url, requestOptions) => transport.request(url, { ...requestOptions, agent }),
  };

  const json = async <Answer>(call: Omit<Call, "accept">): Promise<Answer> => {
    const text = await readAnswer(connection, { ...call, accept: JSON_TYPE });
    return (text === "" ? undefined : parseJson(text, base)) as Answer; // the server of this package keeps the shape
  };
  const close = async (): Promise<void> => agent.destroy();
  return {
    url: base.href.replace(/\/$/, ""),
    get: (path, callOptions) => json({ ...callOptions, method: "GET", path }),
    delete: (path, callOptions) => json({ ...callOptions, method: "DELETE", path }),
    post: (path, body, callOptions) => json({ ...callOptions, method: "POST", path, body: jsonBody(body) }),
    upload: (path, { type, bytes }, callOptions) => json({ ...callOptions, method: "POST", path, body: { type, content: bytes } }),
    postLines: (path, values, callOptions) => json({ ...callOptions, method: "POST", path, body: { type: NDJSON_TYPE, content: ndjson(values) } }),
    lines: async function* <Item>(path: string, callOptions: CallOptions = {}) {
      for await (const line of openLines(connection, { ...callOptions, method: "GET", path, accept: NDJSON_TYPE })) {
        if (line !== "") yield parseJson(line, base) as Item; // as above
      }
    },
    open: (path, body, { accept, ...callOptions }) => openRaw(connection, { ...callOptions, method: "POST", path, accept, body: jsonBody(body) }),
    stream: (path, { body, ...callOptions } = {}) => eventsOf(openLines(connection, {
      ...callOptions, method: body === undefined ? "GET" : "POST", path, accept: "text/event-stream", body: jsonBody(body),
    })),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function jsonBody(value: unknown): Body | undefined {
  return value === undefined ? undefined : { type: JSON_TYPE, content: JSON.stringify(value) };
}

const JSON_TYPE = "application/json";
const NDJSON_TYPE = "application/x-ndjson";
/** Large enough to make writes cheap, small enough that the first events leave at once. */
const UPLOAD_CHUNK_CHARACTERS = 64 * 1_024;

interface Connection {
  readonly base: URL;
  readonly timeoutMs: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly request: (url: URL, options: RequestOptions) => ClientRequest;
}

/** Accepts "localhost:4180" as people type it. */
function parseBase(url: string): URL {
  const text = url.includes("://") ? url : `http://${url}`;
  if (!URL.canParse(text) || !/^https?:/.test(text)) {
    throw new StrataError("USAGE", { reason: `"${url}" is not the http address of a server.`, command: "strata" });
  }
  return new URL(text);
}

/** The whole body of a successful answer; a kept connection that died while idle is replaced once. */
async function readAnswer(connection: Connection, call: Call): Promise<string> {
  using limit = limitOf(connection, call);
  const attempt = async (): Promise<string> => bodyText(await send(connection, call, limit));
  try {
    return await attempt();
  } catch (thrown) {
    if (!(call.method !== "POST" && limit.reusedConnection && isReset(thrown))) throw limit.explain(thrown);
  }
  return attempt().catch((thrown: unknown) => { throw limit.explain(thrown); });
}

async function* openLines(connection: Connection, call: Call): AsyncGenerator<string> {
  using limit = limitOf(connection, call);
  let streaming = false;
  try {
    const response = await send(connection, call, limit);
    limit.pause(); // from here on it may take as long as it takes
    streaming = true;
    yield* linesOf(response);
  } catch (thrown) {
    if (streaming && call.signal?.aborted === true) return;
    throw limit.explain(thrown);
  }
}

async function openRaw(connection: Connection, call: Call): Promise<RawAnswer> {
  const limit = limitOf(connection, call);
  const release = (): void => limit[Symbol.dispose]();
  try {
    const response = await send(connection, call, limit);
    limit.pause(); // from here on it may take as long as it takes
    async function* explained<Item>(items: AsyncIterable<Item>): AsyncGenerator<Item> {
      try {
        yield* items;
      } catch (thrown) {
        throw limit.explain(thrown);
      } finally {
        release();
      }
    }
    return { headers: response.headers, lines: () => explained(linesOf(response)), bytes: () => explained(response as AsyncIterable<Uint8Array>) }; // no encoding is set, so pieces are bytes
  } catch (thrown) {
    release();
    throw limit.explain(thrown);
  }
}

function limitOf({ base, timeoutMs }: Connection, call: Call): CallLimit {
  return createCallLimit({
    what: `${call.method} ${call.path}`, url: base.origin, timeoutMs: call.timeoutMs ?? timeoutMs, signal: call.signal,
  });
}

/** Resolves with the response of a success; raises the server's error otherwise. */
async function send(connection: Connection, call: Call, limit: CallLimit): Promise<IncomingMessage> {
  const request = connection.request(urlOf(connection.base, call), {
    method: call.method, signal: limit.signal,
    headers: {
      accept: call.accept, ...connection.headers, ...call.headers,
      ...(call.body === undefined ? {} : { "content-type": call.body.type }),
    },
  });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    request.once("response", resolve);
    request.on("error", (error) => {
      limit.reusedConnection = request.reusedSocket;
      reject(error);
    });
  });
  const content = call.body?.content;
  if (typeof content === "object" && Symbol.asyncIterator in content) startUpload(request, content, limit);
  else request.end(content);
  const response = await answered;
  const status = response.statusCode ?? 0;
  if (status >= 200 && status < 300) return response;
  const text = await bodyText(response);
  if (!request.writableFinished) request.destroy(); // refused before the upload ended
  throw errorOfResponse({ status, url: connection.base.origin, text, retryAfter: response.headers["retry-after"] });
}

/** Writes on its own; a failure of the source breaks the request off, and the end of the request stops the source. */
function startUpload(request: ClientRequest, chunks: AsyncIterable<string>, limit: CallLimit): void {
  const closed = new AbortController();
  request.once("close", () => closed.abort());
  limit.pause();
  const write = async (): Promise<void> => {
    for await (const chunk of chunks) {
      closed.signal.throwIfAborted();
      if (!request.write(chunk)) await once(request, "drain", { signal: closed.signal });
    }
    request.end();
  };
  write().then(() => limit.resume(), (thrown: unknown) => {
    if (closed.signal.aborted) return; // the connection went first, and that is what the caller hears
    limit.uploadFailure = thrown;
    request.destroy();
  });
}

async function bodyText(response: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of response as AsyncIterable<Uint8Array>) chunks.push(chunk); // no encoding is set, so chunks are bytes
  return Buffer.concat(chunks).toString("utf8");
}

function urlOf(base: URL, call: Call): URL {
  const url = new URL(base.pathname.replace(/\/$/, "") + call.path, base);
  for (const [name, value] of Object.entries(call.query ?? {})) {
    if (value !== undefined) url.searchParams.append(name, String(value));
  }
  return url;
}

async function* ndjson(values: Iterable<unknown> | AsyncIterable<unknown>): AsyncGenerator<string> {
  let waiting = "";
  for await (const value of values) {
    waiting += `${JSON.stringify(value)}\n`;
    if (waiting.length < UPLOAD_CHUNK_CHARACTERS) continue;
    yield waiting;
    waiting = "";
  }
  if (waiting !== "") yield waiting;
}

function parseJson(text: string, base: URL): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw new StrataError("SERVER_UNREACHABLE", { url: base.origin, reason: "what answers there does not speak JSON; is it another program?" }, { cause: thrown });
  }
}
