/**
 * The HTTP edge: several listening sockets on one port, bodies collected under a limit, one handler for everything,
 * streaming answers, and a drain that lets requests in flight finish.
 */
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { Server as NetServer } from "node:net";
import type { AddressInfo } from "node:net";
import { StrataError } from "../kernel/errors.ts";
import { errorResponse } from "../protocols/http.ts";
import type { HttpRequest, HttpResponse } from "../protocols/http.ts";
import { createBodyMemory } from "./body-memory.ts";
import type { BodyMemory } from "./body-memory.ts";
import { readBody } from "./request-body.ts";

export interface HttpListenerOptions {
  readonly host: string;
  readonly port: number;
  /** Sockets sharing the port: the kernel spreads new connections, so accepting them does not starve behind requests. */
  readonly listeners: number;
  readonly maxBodyBytes: number;
  readonly handle: (request: HttpRequest) => Promise<HttpResponse>;
}

export interface HttpListener {
  readonly host: string;
  readonly port: number;
  /**
   * Stops accepting, waits for requests in flight until the deadline, then cuts what is left. Kept connections are closed
   * at once, or after `lingerMs`: a caller that is just sending its next request gets an answer, which says to connect anew.
   */
  close(deadlineMs: number, options?: { readonly lingerMs?: number }): Promise<void>;
}

export async function openHttpListener(options: HttpListenerOptions): Promise<HttpListener> {
  const inFlight = createCount();
  const shutdown = new AbortController();
  const memory = createBodyMemory();
  const onRequest = (message: IncomingMessage, response: ServerResponse): void => {
    inFlight.add();
    response.once("close", inFlight.remove); // handed to the operating system whole, or cut
    serve(message, response, { options, memory, shutdown: shutdown.signal }).catch(() => { response.destroy(); });
  };
  const isShared = options.listeners > 1 && canSharePort();
  if (isShared && options.port !== 0) await refuseTakenPort(options);
  const first = await listen(onRequest, { host: options.host, port: options.port, isShared });
  const servers = [first];
  const { port } = first.address() as AddressInfo; // a TCP server has a TCP address
  for (let i = 1; isShared && i < options.listeners; i++) servers.push(await listen(onRequest, { host: options.host, port, isShared }));
  return {
    host: options.host, port,
    close: async (deadlineMs, { lingerMs = 0 } = {}) => {
      shutdown.abort();
      // An HTTP server's own close cuts idle connections; that of the socket below it only stops accepting.
      const closed = servers.map((server) => new Promise<void>((resolve) => { NetServer.prototype.close.call(server, () => resolve()); }));
      if (lingerMs > 0) await settledWithin(closed, lingerMs);
      for (const server of servers) server.close();
      for (const server of servers) server.closeIdleConnections();
      const cut = setTimeout(() => servers.forEach((server) => server.closeAllConnections()), deadlineMs);
      await inFlight.none();
      for (const server of servers) server.closeIdleConnections();
      await Promise.all(closed);
      clearTimeout(cut);
    },
  };
}

/** Requests in flight, and the moment when there are none. */
function createCount() {
  const none = Promise.withResolvers<void>();
  let count = 0;
  let isAwaited = false;
  const look = (): void => { if (isAwaited && count === 0) none.resolve(); };
  return {
    add: (): void => { count += 1; },
    remove: (): void => {
      count -= 1;
      look();
    },
    none: (): Promise<void> => {
      isAwaited = true;
      look();
      return none.promise;
    },
  };
}

function settledWithin(promises: readonly Promise<void>[], waitMs: number): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => { timer = setTimeout(resolve, waitMs); });
  return Promise.race([Promise.all(promises), late]).finally(() => clearTimeout(timer));
}

/** SO_REUSEPORT with load spreading: Linux, and Node from 23.1. Elsewhere one socket serves. */
function canSharePort(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  return process.platform === "linux" && (major > 23 || (major === 23 && minor >= 1));
}

/** A shared port would silently be shared with another process too; one exclusive listen shows whether it is free. */
async function refuseTakenPort({ host, port }: HttpListenerOptions): Promise<void> {
  const probe = await listen(() => undefined, { host, port, isShared: false });
  await new Promise((resolve) => probe.close(resolve));
}

interface Address {
  readonly host: string;
  readonly port: number;
  readonly isShared: boolean;
}

function listen(onRequest: (message: IncomingMessage, response: ServerResponse) => void, { host, port, isShared }: Address): Promise<Server> {
  const server = createServer({ keepAlive: true, keepAliveTimeout: 65_000, headersTimeout: 30_000, requestTimeout: 300_000 }, onRequest);
  return new Promise((resolve, reject) => {
    server.once("error", (thrown: NodeJS.ErrnoException) => {
      reject(thrown.code === "EADDRINUSE" ? new StrataError("PORT_IN_USE", { port }, { cause: thrown }) : thrown);
    });
    server.listen({ host, port, backlog: 1024, reusePort: isShared }, () => resolve(server));
  });
}

interface Surroundings {
  readonly options: HttpListenerOptions;
  readonly memory: BodyMemory;
  readonly shutdown: AbortSignal;
}

async function serve(message: IncomingMessage, response: ServerResponse, { options, memory, shutdown }: Surroundings): Promise<void> {
  const gone = new AbortController();
  response.once("close", () => { if (!response.writableFinished) gone.abort(); }); // an abort costs 10 µs: not for every answered request
  let result: HttpResponse;
  try {
    const body = message.method === "GET" || message.method === "HEAD" ? EMPTY : await readBody(message, { limitBytes: options.maxBodyBytes, memory });
    result = await options.handle(requestOf(message, body, { gone: gone.signal, shutdown }));
    if (result.isDoneWithBody === true) response.once("finish", () => memory.giveBack(body)); // the answer may be a view of it
  } catch (thrown) {
    result = errorResponse(thrown);
  }
  await writeResponse(response, result, shutdown);
}

interface RequestSignals {
  readonly gone: AbortSignal;
  readonly shutdown: AbortSignal;
}

function requestOf(message: IncomingMessage, body: Buffer, { gone, shutdown }: RequestSignals): HttpRequest {
  const target = message.url ?? "/";
  const mark = target.indexOf("?");
  return {
    method: message.method ?? "GET",
    path: mark < 0 ? target : target.slice(0, mark),
    get query() { return new URLSearchParams(mark < 0 ? "" : target.slice(mark + 1)); }, // most handlers do not look at it
    headers: message.headers as Readonly<Record<string, string | undefined>>, // the few list-valued headers are not used
    body,
    get signal() { return AbortSignal.any([gone, shutdown]); }, // few handlers wait on it
    clientGone: gone,
  };
}

const EMPTY = Buffer.alloc(0);

async function writeResponse(response: ServerResponse, { status, headers, body }: HttpResponse, shutdown: AbortSignal): Promise<void> {
  const close = shutdown.aborted ? { connection: "close" } : {};
  if (body === undefined || typeof body === "string" || body instanceof Uint8Array) {
    response.writeHead(status, { ...headers, ...close, "content-length": body === undefined ? 0 : Buffer.byteLength(body) });
    response.end(body);
    return;
  }
  response.writeHead(status, { ...headers, ...close });
  try {
    for await (const chunk of body) {
      if (response.destroyed) return;
      if (!response.write(chunk)) await drained(response);
    }
  } catch {
    return cut(response); // whoever made the body has told of its failure
  }
  response.end();
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      response.off("drain", go).off("close", go);
      resolve();
    };
    response.once("drain", go).once("close", go);
  });
}

/** Without the last chunk the answer cannot be taken for whole; what was written before goes out first. */
async function cut(response: ServerResponse): Promise<void> {
  if (response.writableNeedDrain) await drained(response);
  await new Promise<void>((resolve) => { response.write("", () => resolve()); response.once("close", resolve); });
  response.destroy();
}
