/**
 * Request bodies as Feast's server checks them: FastAPI's 422 with a `detail` per problem, in pydantic's words
 * (fastapi 0.165, pydantic 2.14). Only what Feast's own request classes use. A good body costs one look at each member.
 */
import { isUtf8 } from "node:buffer";
import { mediaTypeOf } from "../http.ts";
import type { HttpRequest } from "../http.ts";
import { parsePythonJson } from "./python-json.ts";

export interface Detail {
  readonly type: string;
  readonly loc: readonly (string | number)[];
  readonly msg: string;
  readonly input: unknown;
  readonly ctx?: Readonly<Record<string, unknown>>;
}

/** A request that is refused with 422 and these details; never leaves the protocol. */
export class DetailedRefusal extends Error {
  readonly details: readonly Detail[];
  constructor(details: readonly Detail[]) {
    super(details.map(({ msg }) => msg).join("; "));
    this.details = details;
  }
}

/** Turns a member into its value, or adds what is wrong with it. */
type Check<T> = (value: unknown, loc: Detail["loc"], details: Detail[]) => T;

export interface Member<T> {
  readonly check: Check<T>;
  /** Stands for a member that is not there; absent: the member is required. */
  readonly otherwise?: T;
}

type ValuesOf<Members> = { readonly [Name in keyof Members]: Members[Name] extends Member<infer T> ? T : never };

/** The body by its members; DetailedRefusal with every problem in the order of the members. */
export function readBody<Members extends Readonly<Record<string, Member<unknown>>>>(request: HttpRequest, members: Members): ValuesOf<Members> {
  const body = parseBody(request);
  const details: Detail[] = [];
  const values: Record<string, unknown> = {};
  for (const name in members) {
    const member = members[name]!;
    const value = body[name];
    if (value !== undefined) values[name] = member.check(value, ["body", name], details);
    else if ("otherwise" in member) values[name] = member.otherwise;
    else details.push({ type: "missing", loc: ["body", name], msg: "Field required", input: body });
  }
  if (details.length > 0) throw new DetailedRefusal(details);
  return values as ValuesOf<Members>; // one value per member, made by its own check
}

function parseBody({ body, headers }: HttpRequest): Readonly<Record<string, unknown>> {
  if (body.length === 0) throw new DetailedRefusal([{ type: "missing", loc: ["body"], msg: "Field required", input: null }]);
  const type = headers["content-type"];
  const value = type === "application/json" || isJson(mediaTypeOf(type)) ? parseJson(body) : body.toString("utf8");
  if (isTable(value)) return value;
  throw new DetailedRefusal([{ type: "model_attributes_type", loc: ["body"], msg: "Input should be a valid dictionary or object to extract fields from", input: value }]);
}

const isJson = (type: string): boolean => type === "application/json" || /^application\/[^/]+\+json$/.test(type);

function parseJson(body: Buffer): unknown {
  const text = body.toString("utf8");
  try {
    if (isUtf8(body)) return JSON.parse(text) as unknown;
  } catch {
    // Python reads more than JSON; its words are the answer where it does not
  }
  const read = parsePythonJson(text);
  if ("value" in read) return read.value;
  throw new DetailedRefusal([{ type: "json_invalid", loc: ["body", read.position], msg: "JSON decode error", input: {}, ctx: { error: read.error } }]);
}

export function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function refuse(details: Detail[], type: string, loc: Detail["loc"], msg: string, input: unknown): undefined {
  details.push({ type, loc, msg, input });
  return undefined;
}

export const text: Check<string> = (value, loc, details) => (typeof value === "string" ? value : refuse(details, "string_type", loc, "Input should be a valid string", value)!);
export const optional = <T>(check: Check<T>): Check<T | undefined> => (value, loc, details) => (value === null ? undefined : check(value, loc, details));

/** A list whose items pass a check. */
export const listOf = <T>(check: Check<T>): Check<readonly T[]> => (value, loc, details) => {
  if (!Array.isArray(value)) return refuse(details, "list_type", loc, "Input should be a valid list", value)!;
  return (value as readonly unknown[]).map((item, index) => check(item, [...loc, index], details));
};

/** A list of texts, looked through without a path for each: the usual member of a read. */
export const texts: Check<readonly string[]> = (value, loc, details) =>
  (Array.isArray(value) && value.every((item) => typeof item === "string") ? value : listOf(text)(value, loc, details));

export const table: Check<Readonly<Record<string, unknown>>> = (value, loc, details) =>
  (isTable(value) ? value : refuse(details, "dict_type", loc, "Input should be a valid dictionary", value)!);

/** Columns by name. */
export const columns: Check<Readonly<Record<string, readonly unknown[]>>> = (value, loc, details) => {
  if (!isTable(value)) return refuse(details, "dict_type", loc, "Input should be a valid dictionary", value)!;
  for (const name in value) if (!Array.isArray(value[name])) refuse(details, "list_type", [...loc, name], "Input should be a valid list", value[name]);
  return value as Readonly<Record<string, readonly unknown[]>>; // every member was looked at
};

const TRUTHS: ReadonlyMap<string, boolean> = new Map([
  ...["true", "t", "yes", "y", "on", "1"].map((word) => [word, true] as const), ...["false", "f", "no", "n", "off", "0"].map((word) => [word, false] as const),
]);

export const truth: Check<boolean> = (value, loc, details) => {
  if (typeof value === "boolean") return value;
  const known = typeof value === "string" ? TRUTHS.get(value.toLowerCase()) : value === 1 ? true : value === 0 ? false : undefined;
  if (known !== undefined) return known;
  const isParsed = typeof value === "string" || Number.isInteger(value);
  return isParsed ? refuse(details, "bool_parsing", loc, "Input should be a valid boolean, unable to interpret input", value)! : refuse(details, "bool_type", loc, "Input should be a valid boolean", value)!;
};

export const integer: Check<number> = (value, loc, details) => {
  if (typeof value === "boolean") return Number(value);
  if (typeof value === "number") return Number.isInteger(value) ? value : refuse(details, "int_from_float", loc, "Input should be a valid integer, got a number with a fractional part", value)!;
  if (typeof value !== "string") return refuse(details, "int_type", loc, "Input should be a valid integer", value)!;
  return /^\s*[+-]?\d+(\.0*)?\s*$/.test(value) ? Number(value) : refuse(details, "int_parsing", loc, "Input should be a valid integer, unable to parse string as an integer", value)!;
};

export const number: Check<number> = (value, loc, details) => {
  if (typeof value === "number" || typeof value === "boolean") return Number(value);
  if (typeof value !== "string") return refuse(details, "float_type", loc, "Input should be a valid number", value)!;
  return value.trim() !== "" && Number.isFinite(Number(value)) ? Number(value) : refuse(details, "float_parsing", loc, "Input should be a valid number, unable to parse string as a number", value)!;
};

/** A parameter of the query: "async=true"; false when it is not there. */
export function queryTruth(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  if (value === null) return false;
  const details: Detail[] = [];
  const result = truth(value, ["query", name], details);
  if (details.length > 0) throw new DetailedRefusal(details);
  return result;
}
