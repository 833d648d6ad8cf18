/**
 * The transport over undici's Pool and its dispatch interface, which costs a third of its `request` and a tenth of `fetch`.
 * Its own timeouts are off: the gateway's are exact, and they end a request through its signal.
 */
import { Pool } from "undici";
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import type { TransportRequest, TransportResponse, UpstreamTransport } from "../../ports/upstream-transport.ts";
import { createResponseBody } from "./response-body.ts";

export interface UndiciTransportOptions {
  /** The upstream's name, for errors. */
  readonly name: string;
  /** e.g. "https://api.openai.com/v1". */
  readonly url: string;
  readonly connections: number;
}

/** Longest wait for a connection: another upstream may take the call. */
const CONNECT_TIMEOUT_MS = 5_000;
const CLOSE_MS = 5_000;

export function createUndiciTransport({ name, url, connections }: UndiciTransportOptions): UpstreamTransport {
  const base = new URL(url);
  const prefix = base.pathname.replace(/\/+$/, "");
  const pool = new Pool(base.origin, { connections, connect: { timeout: CONNECT_TIMEOUT_MS }, headersTimeout: 0, bodyTimeout: 0 });
  return {
    send: (request) => dispatch(pool, { name, prefix, request }),
    [Symbol.asyncDispose]: () => closePool(pool),
  };
}

/** Lets calls end, but not forever. */
async function closePool(pool: Pool): Promise<void> {
  const timer = setTimeout(() => void pool.destroy(), CLOSE_MS);
  await pool.close().catch(() => undefined); // it was destroyed meanwhile
  clearTimeout(timer);
}

function dispatch(pool: Pool, { name, prefix, request }: { readonly name: string; readonly prefix: string; readonly request: TransportRequest }): Promise<TransportResponse> {
  const { method, path, headers, body, signal } = request;
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error);
    let stop: ((reason: Error) => void) | undefined;
    const response = createResponseBody(name);
    const onAbort = (): void => {
      const reason = signal.reason as Error;
      reject(reason);
      response.fail(reason);
      stop?.(reason);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    pool.dispatch({ method, path: prefix + path, headers, body: body ?? null }, {
      onRequestStart: (controller) => {
        if (signal.aborted) return controller.abort(signal.reason as Error);
        stop = (reason) => controller.abort(reason);
      },
      onResponseStart: (controller, status, received) => {
        if (status < 200) return;
        response.start(controller);
        resolve({ status, headers: received, body: response.body });
      },
      onResponseData: (_, chunk) => response.push(chunk),
      onResponseEnd: () => {
        signal.removeEventListener("abort", onAbort);
        response.end();
      },
      onResponseError: (_, thrown) => {
        signal.removeEventListener("abort", onAbort);
        const error = signal.aborted ? signal.reason as Error : failure(name, thrown);
        reject(error);
        response.fail(error);
      },
    });
  });
}

function failure(name: string, thrown: Error): StrataError {
  const code = (thrown as NodeJS.ErrnoException).code;
  return new StrataError("UPSTREAM_FAILED", { upstream: name, reason: reasonOf(thrown) || code || thrown.name }, { cause: thrown });
}
