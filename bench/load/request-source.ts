/** The requests of one connection, ready to be written: the bytes of head and body, made once and altered in place. */
import { createEventBatch } from "./event-batch.ts";
import type { LoadPlan } from "./load-plan.ts";

export interface RequestSource {
  /** The next request's bytes. They change at the next call, so the answer must have come before it. */
  next(): Buffer;
}

/** `connection` numbers the sources of a plan from 0; `session` makes event ids of one run differ from every other run's. */
export function createRequestSource(plan: LoadPlan, connection: number, session: number): RequestSource {
  return plan.requests.kind === "events" ? eventSource(plan, { ...plan.requests, connection, session }) : bodySource(plan, plan.requests.bodies, connection);
}

function bodySource(plan: LoadPlan, bodies: readonly string[], connection: number): RequestSource {
  const requests = requestsOf(plan, bodies);
  let at = connection % requests.length;
  return {
    next: () => {
      const request = requests[at]!;
      at = at + 1 === requests.length ? 0 : at + 1;
      return request;
    },
  };
}

const encoded = new WeakMap<readonly string[], readonly Buffer[]>();

/** Encoded once for all connections: nothing in them changes. */
function requestsOf(plan: LoadPlan, bodies: readonly string[]): readonly Buffer[] {
  const known = encoded.get(bodies);
  if (known) return known;
  const requests = bodies.map((body) => Buffer.concat([headOf(plan, Buffer.byteLength(body)), Buffer.from(body)]));
  encoded.set(bodies, requests);
  return requests;
}

interface EventSourceOptions {
  readonly eventsPerRequest: number;
  readonly seed: number;
  readonly connection: number;
  readonly session: number;
}

function eventSource(plan: LoadPlan, options: EventSourceOptions): RequestSource {
  const batch = createEventBatch({ events: options.eventsPerRequest, seed: options.seed + options.connection });
  const head = headOf(plan, batch.bytes.length);
  const request = Buffer.concat([head, batch.bytes]);
  const body = request.subarray(head.length);
  const prefix = `${options.session.toString(36)}.${options.connection.toString(36)}`;
  let number = 0;
  return {
    next: () => {
      batch.stamp(body, { batchId: `${prefix}.${(number++).toString(36)}`, timeMs: Date.now() });
      return request;
    },
  };
}

function headOf({ host, port, path, contentType }: LoadPlan, bodyBytes: number): Buffer {
  return Buffer.from(`POST ${path} HTTP/1.1\r\nhost: ${host}:${port}\r\ncontent-type: ${contentType}\r\ncontent-length: ${bodyBytes}\r\n\r\n`);
}
