/**
 * A data contract: what a stream asks of its producers, as one JSON document. It holds the schema as JSON Schema and
 * the expectations, so that a producer's own build can check its events without a server. Refinements of the schema
 * that JSON Schema cannot say (functions) are not in it; the stream still applies them.
 */
import { z } from "zod";
import { StrataError, listProblems, reasonOf } from "../../kernel/errors.ts";
import type { Problem } from "../../kernel/errors.ts";
import { defineStream, describeExpectations } from "../../define/index.ts";
import type { Application, Expectations, RuleNode, Stream } from "../../define/index.ts";

export const CONTRACT_FORMAT = "strata-data-contract/1";

export interface DataContract {
  readonly contract: typeof CONTRACT_FORMAT;
  readonly application: string;
  readonly stream: {
    readonly name: string;
    readonly description: string;
    readonly owner?: string | undefined;
    /** JSON Schema 2020-12 of one event. */
    readonly schema: Readonly<Record<string, unknown>>;
    readonly time?: string | undefined;
    readonly id?: string | undefined;
  };
  readonly expectations: Readonly<Record<string, { readonly description: string; readonly windowMs: number; readonly rules: Readonly<Record<string, RuleNode>> }>>;
}

/** The contract of a stream; STREAM_NOT_FOUND. */
export function describeContract(application: Application, name: string): DataContract {
  const stream = application.streams.get(name);
  if (stream === undefined) throw new StrataError("STREAM_NOT_FOUND", { stream: name, known: [...application.streams.keys()].join(", ") });
  const { description, owner, schema, time, id } = stream;
  const sets = [...application.expectations.values()].filter(({ of }) => of.name === name);
  const document = {
    contract: CONTRACT_FORMAT, application: application.name,
    stream: { name, description, owner, schema: z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }), time, id },
    expectations: Object.fromEntries(sets.map((expectations) => [expectations.name, { ...describeExpectations(expectations), owner: undefined, of: undefined }])),
  };
  return JSON.parse(JSON.stringify(document)) as DataContract; // what a file would hold: no undefined members
}

const contractShape = z.object({
  contract: z.literal(CONTRACT_FORMAT),
  application: z.string(),
  stream: z.object({ name: z.string(), description: z.string().default(""), owner: z.string().optional(), schema: z.record(z.string(), z.unknown()), time: z.string().optional(), id: z.string().optional() }),
  expectations: z.record(z.string(), z.object({ description: z.string().default(""), windowMs: z.number().positive(), rules: z.record(z.string(), z.looseObject({ test: z.looseObject({ kind: z.string() }), action: z.enum(["warn", "quarantine", "stop"]), atLeast: z.number(), minimumEvents: z.number() })) })),
});

export interface ReadContract {
  readonly document: DataContract;
  /** What the events are checked by: a stream made from the contract. */
  readonly stream: Stream;
  readonly expectations: readonly Expectations[];
}

/** A contract from its text; FILE_INVALID names what is wrong with it. */
export function readContract(text: string, path: string): ReadContract {
  const parsed = contractShape.safeParse(parseJson(text, path));
  if (!parsed.success) throw invalid(path, listProblems(parsed.error.issues.map((issue): Problem => ({ path: issue.path.join("."), message: issue.message, code: issue.code }))));
  const document = parsed.data as unknown as DataContract; // its rules were written by describeContract
  const stream = streamOf(document, path);
  const expectations = Object.entries(document.expectations).map(([name, { description, windowMs, rules }]): Expectations => ({
    kind: "expectations", name, description, owner: undefined, of: stream, windowMs, rules, references: [],
  }));
  return { document, stream, expectations };
}

function streamOf({ stream: { name, description, owner, schema, time, id } }: DataContract, path: string): Stream {
  let read: z.ZodType;
  try {
    read = z.fromJSONSchema(schema);
  } catch (thrown) {
    throw invalid(path, `its schema cannot be used: ${reasonOf(thrown)}`, thrown);
  }
  if (!(read instanceof z.ZodObject)) throw invalid(path, "its schema is not that of an object");
  return defineStream(name, { schema: read, description, ...(owner === undefined ? {} : { owner }), ...(time === undefined ? {} : { time }), ...(id === undefined ? {} : { id }) });
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw invalid(path, reasonOf(thrown), thrown);
  }
}

function invalid(path: string, reason: string, cause?: unknown): StrataError {
  return new StrataError("FILE_INVALID", { path, format: "data contract", reason }, cause === undefined ? {} : { cause });
}
