/** What a load generator is asked to do: plain data that travels to the processes that do it. */

export interface LoadPlan {
  readonly host: string;
  readonly port: number;
  /** TLS, with the server's name checked unless `allowsAnyCertificate`. */
  readonly tls?: { readonly allowsAnyCertificate: boolean };
  readonly exchange: Exchange;
  /** Requests that may be under way at once; for HTTP/1.1 and streams also the number of sockets. */
  readonly connections: number;
  readonly arrivals: ArrivalPlan;
  /** How long requests are sent; those in flight then may still be answered within `timeoutMs`. */
  readonly durationMs: number;
  /** Stop earlier, once this many requests were sent. */
  readonly maxRequests?: number;
  /** An answer later than this is a failure; for streams, a silence longer than this. */
  readonly timeoutMs: number;
  /** Counts answers that contain this text. */
  readonly mark?: string;
}

/** One request and what counts as its answer. */
export type Exchange = HttpExchange | StreamExchange | GrpcExchange;

/**
 * Texts and bytes are sent in turn; connection n begins with the n-th. In a text, `{{id}}` becomes 20 characters never
 * sent before and `{{now}}` the time (ISO 8601, UTC, milliseconds).
 */
export type Body = string | Uint8Array;

interface HttpRequestPlan {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  /** Beside Host and Content-Length. */
  readonly headers: Readonly<Record<string, string>>;
  /** One empty text for requests without a body. */
  readonly bodies: readonly Body[];
}

/** HTTP/1.1; a 2xx status is success. */
export interface HttpExchange extends HttpRequestPlan {
  readonly kind: "http";
}

/** Server-sent events over HTTP/1.1, as the OpenAI API streams; success is a stream that says it is complete. */
export interface StreamExchange extends HttpRequestPlan {
  readonly kind: "stream";
  /** Finds the frames' own numbers in the text they carry (one group); a missing one is a lost frame. */
  readonly sequence?: string;
}

/** Unary gRPC; status OK is success. */
export interface GrpcExchange {
  readonly kind: "grpc";
  /** "/package.Service/Method". */
  readonly path: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Encoded messages, sent in turn. */
  readonly messages: readonly Uint8Array[];
  /** Requests that may share a connection. */
  readonly streamsPerConnection: number;
}

export type ArrivalPlan =
  /** Each connection sends its next request when it has the answer of the one before. All open at once, at the start. */
  | { readonly kind: "closed" }
  /** Requests come whether or not earlier ones are answered; latency counts from when they were to come. */
  | OpenArrivals;

export interface OpenArrivals {
  readonly kind: "open";
  readonly perSecond: number;
  readonly seed: number;
  /** At random (Poisson), as independent users come, or evenly. Default "poisson". */
  readonly spacing?: "poisson" | "even";
  /** "fewest": a connection is opened when all others are busy. "all": every connection takes its turn. Default "fewest". */
  readonly connectionUse?: "fewest" | "all";
  /** Waits for the next request by spinning, which is exact to some 50 µs and takes a whole core; by a timer (1 ms) otherwise. */
  readonly isExact?: boolean;
}
