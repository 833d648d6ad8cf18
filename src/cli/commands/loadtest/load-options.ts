/** Options that every kind of load test has, and the parts of a plan they describe. */
import { type OptionTable, type OptionValues } from "../../option.ts";
import type { ArrivalPlan, LoadPlan } from "../../../platform/load-test.ts";
import type { StrataError } from "../../../kernel/errors.ts";

export const LOAD_OPTIONS = {
  rate: { type: "number", minimum: 0.01, placeholder: "per second", description: "Open loop: requests come at this rate whether or not earlier ones are answered" },
  connections: { type: "number", integer: true, minimum: 1, maximum: 60_000, description: "Closed loop with this many connections (default 16); with --rate the most that may be open (default 1024)" },
  duration: { type: "duration", default: "10s", description: "How long to send" },
  requests: { type: "number", integer: true, minimum: 1, description: "Stop earlier, after this many requests" },
  warmup: { type: "number", integer: true, minimum: 0, placeholder: "requests", description: "Requests sent beforehand and not counted (default 500, or 4 streams)" },
  requestTimeout: { type: "duration", default: "10s", description: "An answer later than this is a failure; for streams, a silence longer than this" },
  spacing: { type: "enum", values: ["poisson", "even"], default: "poisson", description: "With --rate: at random, as independent users come, or evenly" },
  useAll: { type: "boolean", description: "With --rate: let all connections take turns instead of opening as few as possible" },
  exact: { type: "boolean", description: "With --rate: wait for the next request by spinning, exact to 50 µs instead of 1 ms, which takes a whole core" },
  processes: { type: "number", integer: true, minimum: 1, maximum: 64, default: 1, description: "Generator processes that share the load" },
  seed: { type: "number", integer: true, minimum: 0, default: 1, description: "Seed of everything that is random" },
  expect: { type: "string", placeholder: "text", description: "Count the answers that contain this text" },
  header: { type: "string", multiple: true, placeholder: "name: value", description: "Header to send" },
  insecure: { type: "boolean", description: "Accept any certificate over https" },
  pid: { type: "number", integer: true, minimum: 1, description: "Process of the server, for its CPU and memory (default: who listens on the port, on this machine)" },
} as const satisfies OptionTable;

export type LoadOptionValues = OptionValues<typeof LOAD_OPTIONS>;

type UsageError = (reason: string) => StrataError;

/** Everything of a plan but what is sent and where. */
export function loadShape(options: LoadOptionValues): Omit<LoadPlan, "host" | "port" | "tls" | "exchange"> {
  const { rate, connections, duration, requests, requestTimeout, expect } = options;
  return {
    connections: connections ?? (rate === undefined ? 16 : 1_024), arrivals: arrivalsOf(options), durationMs: duration, timeoutMs: requestTimeout,
    ...(requests === undefined ? {} : { maxRequests: requests }), ...(expect === undefined ? {} : { mark: expect }),
  };
}

/** At another rate, when given. */
export function arrivalsOf({ rate, seed, spacing, useAll, exact }: LoadOptionValues, perSecond = rate): ArrivalPlan {
  if (perSecond === undefined) return { kind: "closed" };
  return { kind: "open", perSecond, seed, spacing: spacing === "even" ? "even" : "poisson", connectionUse: useAll ? "all" : "fewest", isExact: exact };
}

export function headersOf(lines: readonly string[], usageError: UsageError): Readonly<Record<string, string>> {
  return Object.fromEntries(lines.map((line) => {
    const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):\s*(.*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined || /[\r\n]/.test(value)) throw usageError(`--header "${line}" is not "name: value".`);
    return [name.toLowerCase(), value] as const;
  }));
}

export interface Address {
  readonly host: string;
  readonly port: number;
  readonly tls?: { readonly allowsAnyCertificate: boolean };
  /** Path and query. */
  readonly path: string;
  /** As people know it, without its path. */
  readonly origin: string;
}

/** Reads "localhost:8080/x", "http://…", "https://…", and for gRPC also "grpc://…" and "grpcs://…". */
export function addressOf(text: string, { insecure, usageError }: { readonly insecure: boolean; readonly usageError: UsageError }): Address {
  const whole = /^[a-z]+:\/\//i.test(text) ? text.replace(/^grpc(s?):/i, "http$1:") : `http://${text}`;
  const url = URL.canParse(whole) ? new URL(whole) : undefined;
  if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:")) throw usageError(`"${text}" is not an http address.`);
  const isTls = url.protocol === "https:";
  return {
    host: url.hostname.replace(/^\[|\]$/g, ""), port: url.port === "" ? (isTls ? 443 : 80) : Number(url.port), ...(isTls ? { tls: { allowsAnyCertificate: insecure } } : {}),
    path: url.pathname + url.search, origin: url.origin,
  };
}
