/**
 * A stream's schema as a compiled check. zod's compiler makes it about six times as fast (0.12 against 0.72 µs for
 * ten fields); it falls back to zod's interpreter by itself where a schema cannot be compiled.
 */
import { z } from "zod";
import type { Problem } from "../../kernel/errors.ts";
import type { Row } from "./recent-rows.ts";

export type Checked = { readonly success: true; readonly data: Row } | { readonly success: false; readonly problems: readonly Problem[] };
export type SchemaCheck = (value: unknown) => Checked;

const compiled = new WeakMap<z.ZodObject, SchemaCheck>();

/**
 * The check of a schema, compiled once. A problem's `code` is the word to count by: the schema's own message where
 * it gives one ("missing customer"), else zod's issue code ("invalid_type"). At most 20 problems are told. A schema
 * that throws is one problem.
 */
export function compileSchema(schema: z.ZodObject): SchemaCheck {
  let check = compiled.get(schema);
  if (check === undefined) compiled.set(schema, check = createCheck(schema));
  return check;
}

/** A hostile row can have a problem in each of its bytes; these are enough to find the cause. */
const MAX_PROBLEMS = 20;

/** Prefix of messages the schema did not give itself; no text a person writes starts so. */
const DEFAULT_MARK = "\u0000";

const defaultMessages: { readonly error: (issue: z.core.$ZodRawIssue) => string } = {
  // zod asks this map only where the schema has no message of its own
  error: (issue) => DEFAULT_MARK + defaultMessageOf(issue),
};

function createCheck(schema: z.ZodObject): SchemaCheck {
  const fast = z.compile(schema);
  return (value) => {
    try {
      const result = fast.safeParse(value, defaultMessages);
      return result.success ? result : { success: false, problems: result.error.issues.slice(0, MAX_PROBLEMS).map(problemOf) };
    } catch (thrown) { // a refinement of the schema threw, or is asynchronous
      return { success: false, problems: [{ path: "", message: `the schema's check failed: ${String(thrown)}`, code: "check failed" }] };
    }
  };
}

function problemOf(issue: z.core.$ZodIssue): Problem {
  const path = z.core.toDotPath(issue.path);
  return issue.message.startsWith(DEFAULT_MARK)
    ? { path, message: issue.message.slice(DEFAULT_MARK.length), code: issue.code }
    : { path, message: issue.message, code: issue.message };
}

function defaultMessageOf(issue: z.core.$ZodRawIssue): string {
  const message = z.config().localeError?.(issue);
  return typeof message === "string" ? message : message?.message ?? "Invalid input";
}
