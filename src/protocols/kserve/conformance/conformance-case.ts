/**
 * One case of the conformance suite: what it asks of a server and where that is written. A case does not raise when the
 * server differs; it notes each difference, so that one run tells all of them.
 */
import { inspect, isDeepStrictEqual } from "node:util";
import type { GrpcClient } from "./grpc-client.ts";
import type { RestClient } from "./rest-client.ts";

/**
 * "must": the protocol says so, or there is no other way to read it. "extension": an extension that the server announces
 * says so. "advice": the protocol is silent and servers differ; our reading, with its reason in the title.
 */
export type Severity = "must" | "extension" | "advice";

export interface ServerUnderTest {
  readonly rest: RestClient;
  /** Undefined when no gRPC address was given. */
  readonly grpc: GrpcClient | undefined;
}

export interface Difference {
  /** What was looked at: "status", "outputs[0].data". */
  readonly what: string;
  readonly expected: string;
  readonly found: string;
}

/** Notes what is not as it should be. Each returns whether it was. */
export interface Check {
  equal(what: string, found: unknown, expected: unknown): boolean;
  isTrue(what: string, condition: boolean, options: { readonly expected: string; readonly found: unknown }): boolean;
}

export type Transport = "rest" | "grpc";

export interface ConformanceCase {
  /** "rest.infer.id-echoed": stable, for filters and for comparing runs. */
  readonly id: string;
  readonly area: string;
  readonly transport: Transport;
  readonly title: string;
  readonly severity: Severity;
  /** Must be among the extensions the server announces, or the case is skipped. */
  readonly extension: string | undefined;
  /** Where it is written. */
  readonly section: string;
  /** Reference models that must be ready, or the case is skipped. */
  readonly needs: readonly string[];
  readonly run: (server: ServerUnderTest, check: Check) => Promise<void>;
}

export interface AreaOptions {
  readonly area: string;
  readonly transport: Transport;
  /** Begins the id of every case. */
  readonly prefix: string;
  readonly section: string;
  readonly extension?: string;
}

type CaseOptions = Pick<ConformanceCase, "id" | "title" | "run"> & Partial<Pick<ConformanceCase, "severity" | "section" | "needs" | "extension">>;

/** The cases of one area. Those of an extension are extension cases. */
export function casesOf({ area, transport, prefix, section, extension }: AreaOptions, list: readonly CaseOptions[]): readonly ConformanceCase[] {
  return list.map((one) => ({
    area, transport, section, extension, severity: (one.extension ?? extension) === undefined ? "must" : "extension", needs: [], ...one, id: `${prefix}.${one.id}`,
  }));
}

export function createCheck(differences: Difference[]): Check {
  const note = (what: string, expected: string, found: unknown): false => {
    differences.push({ what, expected, found: brief(found) });
    return false;
  };
  return {
    equal: (what, found, expected) => isDeepStrictEqual(found, expected) || note(what, brief(expected), found),
    isTrue: (what, condition, { expected, found }) => condition || note(what, expected, found),
  };
}

function brief(value: unknown): string {
  const text = typeof value === "string" ? value : inspect(value, { depth: 4, breakLength: Infinity, maxArrayLength: 16, maxStringLength: 200 });
  const line = text.replaceAll(/\s+/g, " ");
  return line.length > 300 ? `${line.slice(0, 297)}…` : line;
}
