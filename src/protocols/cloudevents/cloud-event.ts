/**
 * CloudEvents 1.0 with JSON data: the attributes a stream needs, and the rules every attribute must keep
 * (cloudevents/spec, spec.md "Type System" and "Context Attributes"). Pure; every problem is found, not the first.
 */
import { z } from "zod";
import { StrataError, listProblems } from "../../kernel/errors.ts";
import type { Problem } from "../../kernel/errors.ts";

export interface CloudEvent {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  /** As sent, RFC 3339, and as ms since the epoch. */
  readonly time?: { readonly text: string; readonly ms: number };
  readonly data: unknown;
  /** The data's JSON bytes as they were sent, where they were sent apart from the attributes. */
  readonly payload?: Buffer;
}

/** Attribute values by name; null counts as not set. */
export type Attributes = Readonly<Record<string, unknown>>;

/** Either the data of an event or why there is none to use. */
export type Data = { readonly data: unknown; readonly payload?: Buffer } | { readonly problem: string };

const REQUIRED = ["specversion", "id", "source", "type"] as const;
/** Control characters, and code points that Unicode calls noncharacters. */
const FORBIDDEN_CHARACTER = /\p{Cc}|\p{Noncharacter_Code_Point}/u;
/** The characters of a URI reference (RFC 3986, appendix A), each percent sign with its two digits. */
const URI_REFERENCE = /^(?:[\w\-.~:/?#[\]@!$&'()*+,;=]|%[0-9a-fA-F]{2})+$/;
const timestamp = z.iso.datetime({ offset: true });

/** Builds an event from checked parts, or says all that is wrong. `path` names the event in a batch. */
export function buildCloudEvent(attributes: Attributes, data: Data, path = ""): CloudEvent | readonly Problem[] {
  const problems = [...checkAttributes(attributes), ...("problem" in data ? [problem("data", data.problem)] : [])];
  if (problems.length > 0 || "problem" in data) return problems.map((found) => ({ ...found, path: path + found.path }));
  const { id, source, type, time } = attributes as { id: string; source: string; type: string; time?: string | null }; // checked above
  return { id, source, type, ...(typeof time === "string" ? { time: { text: time, ms: Date.parse(time.toUpperCase()) } } : {}), ...data };
}

/** Raises CLOUDEVENT_INVALID with the problems. */
export function refuseCloudEvent(problems: readonly Problem[]): StrataError {
  return new StrataError("CLOUDEVENT_INVALID", { reason: listProblems(problems.slice(0, 5)) }, { problems: problems.slice(0, 100) });
}

export function isJsonType(mediaType: string): boolean {
  return /^[^/]+\/(?:[^/]+\+)?json$/.test(mediaType);
}

function checkAttributes(attributes: Attributes): Problem[] {
  const set = Object.entries(attributes).filter(([, value]) => value !== null && value !== undefined);
  const names = set.map(([name]) => name);
  return [
    ...REQUIRED.filter((name) => !names.includes(name)).map((name) => problem(name, "is required")),
    ...set.flatMap(([name, value]) => checkAttribute(name, value)),
  ];
}

function checkAttribute(name: string, value: unknown): Problem[] {
  if (!/^[a-z0-9]+$/.test(name)) return [problem(name.slice(0, 50), "is no attribute name: use lower-case letters and digits")];
  const rule = RULES[name];
  const wrong = rule === undefined ? wrongExtension(value) : typeof value === "string" ? wrongText(value) ?? rule(value) : "must be text";
  return wrong === undefined ? [] : [problem(name, wrong)];
}

const notEmpty = (value: string): string | undefined => (value === "" ? "must not be empty" : undefined);

const RULES: Readonly<Record<string, (value: string) => string | undefined>> = {
  specversion: (value) => (value === "1.0" ? undefined : `is "${value.slice(0, 20)}"; only "1.0" is supported`),
  id: notEmpty,
  type: notEmpty,
  subject: notEmpty,
  source: (value) => (URI_REFERENCE.test(value) ? undefined : "must be a non-empty URI reference"),
  dataschema: (value) => (URI_REFERENCE.test(value) && /^[a-zA-Z][\w+.-]*:/.test(value) ? undefined : "must be an absolute URI"),
  datacontenttype: (value) => (/^[\w!#$&^.+-]+\/[\w!#$&^.+-]+\s*(?:;.*)?$/.test(value) ? undefined : "must be a media type"),
  time: (value) => (timestamp.safeParse(value.toUpperCase()).success ? undefined : "must be an RFC 3339 time"),
};

function wrongExtension(value: unknown): string | undefined {
  if (typeof value === "string") return wrongText(value);
  if (typeof value === "boolean") return undefined;
  const isInteger = typeof value === "number" && Number.isInteger(value) && Math.abs(value + 0.5) <= 2 ** 31;
  return isInteger ? undefined : "must be text, a boolean or a 32-bit integer";
}

function wrongText(value: string): string | undefined {
  return FORBIDDEN_CHARACTER.test(value) || !value.isWellFormed() ? "contains characters that CloudEvents forbid" : undefined;
}

function problem(path: string, message: string): Problem {
  return { path, message, code: "invalid CloudEvent" };
}
