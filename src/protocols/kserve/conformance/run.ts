/**
 * Runs the suite against a server, one case after another: a case may unload a model or fill a queue. What the server
 * lacks, a model or an extension, is skipped with that reason.
 */
import type { Clock } from "../../../kernel/clock.ts";
import { reasonOf } from "../../../kernel/errors.ts";
import { createCheck } from "./conformance-case.ts";
import type { ConformanceCase, Difference, ServerUnderTest } from "./conformance-case.ts";
import { createGrpcClient } from "./grpc-client.ts";
import { flat, member } from "./requests.ts";
import { createRestClient } from "./rest-client.ts";
import type { RestClient } from "./rest-client.ts";
import { CONFORMANCE_CASES } from "./suite.ts";

export interface ConformanceOptions {
  /** "http://host:port". */
  readonly url: string;
  /** host:port; without it the gRPC cases are skipped. */
  readonly grpc?: string;
  /** Only cases whose id or area has this text. */
  readonly filter?: string;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  readonly onResult?: (result: CaseResult) => void;
}

export type CaseResult = Pick<ConformanceCase, "id" | "area" | "transport" | "title" | "severity" | "section"> & {
  readonly outcome: "passed" | "differs" | "skipped";
  readonly differences: readonly Difference[];
  /** Why it was skipped. */
  readonly reason?: string;
};

export interface ConformanceReport {
  readonly url: string;
  readonly grpc: string | undefined;
  readonly server: { readonly name: string; readonly version: string; readonly extensions: readonly string[] };
  readonly passed: number;
  readonly differs: number;
  readonly skipped: number;
  /** No case that is a must differs. */
  readonly conforms: boolean;
  readonly results: readonly CaseResult[];
}

/** SERVER_UNREACHABLE when nobody answers at the address. */
export async function runConformance({ url, grpc, filter, clock, signal, onResult }: ConformanceOptions): Promise<ConformanceReport> {
  using stack = new DisposableStack();
  const rest = stack.use(createRestClient(url));
  const described = (await rest.get("/v2")).json;
  const text = (name: string): string => { const value = member(described, name); return typeof value === "string" ? value : "?"; };
  const server = { name: text("name"), version: text("version"), extensions: flat(member(described, "extensions")).map(String) };
  const surroundings: Surroundings = { extensions: new Set(server.extensions), isReady: readiness(rest), target: { rest, grpc: grpc === undefined ? undefined : stack.use(createGrpcClient(grpc, clock)) } };
  const results: CaseResult[] = [];
  for (const one of CONFORMANCE_CASES.filter(({ id, area }) => filter === undefined || `${id} ${area}`.includes(filter))) {
    if (signal?.aborted) break;
    const result = await runCase(one, surroundings);
    results.push(result);
    onResult?.(result);
  }
  const count = (outcome: CaseResult["outcome"]): number => results.filter((result) => result.outcome === outcome).length;
  return {
    url, grpc, server, passed: count("passed"), differs: count("differs"), skipped: count("skipped"), results,
    conforms: !results.some(({ outcome, severity }) => outcome === "differs" && severity === "must"),
  };
}

interface Surroundings {
  readonly extensions: ReadonlySet<string>;
  readonly isReady: (model: string) => Promise<boolean>;
  readonly target: ServerUnderTest;
}

/** Asked once per model. */
function readiness(rest: RestClient): (model: string) => Promise<boolean> {
  const known = new Map<string, Promise<boolean>>();
  return (model) => {
    const asked = known.get(model) ?? rest.get(`/v2/models/${model}/ready`).then(({ status }) => status === 200);
    known.set(model, asked);
    return asked;
  };
}

async function runCase(one: ConformanceCase, surroundings: Surroundings): Promise<CaseResult> {
  const { id, area, transport, title, severity, section } = one;
  const told = { id, area, transport, title, severity, section };
  const obstacle = await obstacleOf(one, surroundings);
  if (obstacle !== undefined) return { ...told, outcome: "skipped", differences: [], reason: obstacle };
  const differences: Difference[] = [];
  try {
    await one.run(surroundings.target, createCheck(differences));
  } catch (thrown) {
    differences.push({ what: "the call", expected: "an answer", found: reasonOf(thrown) });
  }
  return { ...told, outcome: differences.length === 0 ? "passed" : "differs", differences };
}

async function obstacleOf({ transport, extension, needs }: ConformanceCase, { extensions, isReady, target }: Surroundings): Promise<string | undefined> {
  if (transport === "grpc" && target.grpc === undefined) return "no gRPC address was given (--grpc host:port)";
  if (extension !== undefined && !extensions.has(extension)) return `the server does not announce the extension ${extension}`;
  for (const model of needs) if (!(await isReady(model))) return `the server has no model "${model}" that is ready`;
  return undefined;
}
