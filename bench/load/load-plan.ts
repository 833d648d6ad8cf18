/** What a load generator is asked to do and what it answers: plain data between two processes. */
import type { LatencySummary } from "./latency-histogram.ts";

export interface LoadPlan {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly contentType: string;
  readonly requests: RequestPlan;
  /** All are opened anew at the start, at once. */
  readonly connections: number;
  readonly arrivals: ArrivalPlan;
  /** How long requests are sent; those in flight then may still be answered within `timeoutMs`. */
  readonly durationMs: number;
  /** Stop earlier, once this many requests were sent. */
  readonly maxRequests?: number;
  /** An answer later than this is a failure. */
  readonly timeoutMs: number;
  /** Counts answers that contain this text. */
  readonly mark?: string;
}

export type ArrivalPlan =
  /** Each connection sends its next request when it has the answer of the one before. */
  | { readonly kind: "closed" }
  /** Requests come at random (Poisson) whether or not earlier ones are answered; latency counts from when they came. */
  | { readonly kind: "open"; readonly perSecond: number; readonly seed: number };

export type RequestPlan =
  /** These bodies in turn; connection n begins with the n-th. */
  | { readonly kind: "bodies"; readonly bodies: readonly string[] }
  /** Events of about 200 bytes, each with an id never sent before; one event is sent as JSON, more as NDJSON. */
  | { readonly kind: "events"; readonly eventsPerRequest: number; readonly seed: number };

export interface LoadOutcome {
  readonly sent: number;
  /** Answered with a 2xx status, during and after `elapsedMs`. */
  readonly answered: number;
  /** Answered with a 2xx status before sending stopped. */
  readonly answeredInTime: number;
  /** Answers that contained the plan's mark. */
  readonly marked: number;
  /** Number of requests by what went wrong: "status 503", "timeout", "ECONNRESET". */
  readonly failed: Readonly<Record<string, number>>;
  /** Body of the first failed answer. */
  readonly firstFailure?: string;
  /** Requests without answer or failure when the generator gave up, and those of an open loop that never found a free connection. */
  readonly unfinished: number;
  /** From the first connection attempt until sending stopped. */
  readonly elapsedMs: number;
  /** From the attempt to connect (a connection's first request) or from the request's arrival to its answer; successes only. */
  readonly latency: LatencySummary;
  readonly bytesSent: number;
  /** CPU of the generator per request: what it takes away from a server on the same machine. */
  readonly generatorCpuUsPerRequest: number;
}
