/** The requests of one connection, ready to be written: the bytes of head and body, made once and altered in place. */
import { createBodyTemplate } from "./body-template.ts";
import type { BodyTemplate } from "./body-template.ts";
import type { HttpExchange, LoadPlan, StreamExchange } from "./load-plan.ts";

export interface RequestSource {
  /** The next request's bytes. They change at the next call, so the answer must have come before it. */
  next(): Buffer;
}

export interface RequestSourceOptions {
  /** Numbers the sources of a plan from 0. */
  readonly connection: number;
  /** At most 9 characters that no other run uses: ids are never sent twice. */
  readonly session: string;
  /** Milliseconds since the epoch, for `{{now}}`. */
  readonly now: () => number;
}

interface PreparedRequest {
  readonly bytes: Buffer;
  readonly headBytes: number;
  readonly template: BodyTemplate | undefined;
}

export interface PreparedRequests {
  readonly all: readonly PreparedRequest[];
  readonly longest: number;
}

/** Encodes the requests of a plan, once for all its connections. */
export function prepareRequests(plan: Pick<LoadPlan, "host" | "port" | "tls">, exchange: HttpExchange | StreamExchange): PreparedRequests {
  const all = exchange.bodies.map((body): PreparedRequest => {
    const template = typeof body === "string" ? createBodyTemplate(body) : undefined;
    const content = template?.bytes ?? (typeof body === "string" ? Buffer.from(body) : body);
    const head = headOf(plan, exchange, content.length);
    return { bytes: Buffer.concat([head, content]), headBytes: head.length, template };
  });
  return { all, longest: Math.max(...all.map(({ bytes }) => bytes.length)) };
}

export function createRequestSource({ all, longest }: PreparedRequests, { connection, session, now }: RequestSourceOptions): RequestSource {
  const prefix = `${session}.${connection.toString(36)}`;
  /** Where requests that change are written: one per connection, because a socket may still hold what another one sends. */
  let scratch: Buffer | undefined;
  let at = connection % all.length;
  let number = 0;
  return {
    next: () => {
      const { bytes, headBytes, template } = all[at]!;
      at = at + 1 === all.length ? 0 : at + 1;
      if (template === undefined) return bytes;
      scratch ??= Buffer.allocUnsafeSlow(longest);
      const request = scratch.subarray(0, bytes.length);
      bytes.copy(request);
      template.stamp(request.subarray(headBytes), { id: `${prefix}.${(number++).toString(36)}`, timeMs: now() });
      return request;
    },
  };
}

function headOf({ host, port, tls }: Pick<LoadPlan, "host" | "port" | "tls">, { method, path, headers }: HttpExchange | StreamExchange, bodyBytes: number): Buffer {
  const name = host.includes(":") ? `[${host}]` : host;
  const isUsualPort = port === (tls === undefined ? 80 : 443);
  const hasBody = bodyBytes > 0 || (method !== "GET" && method !== "HEAD" && method !== "DELETE");
  const lines = [
    `${method} ${path} HTTP/1.1`, `host: ${isUsualPort ? name : `${name}:${port}`}`,
    ...Object.entries(headers).map(([header, value]) => `${header}: ${value}`),
    ...(hasBody ? [`content-length: ${bodyBytes}`] : []),
  ];
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
}
