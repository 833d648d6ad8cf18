/** A request's JSON by a schema: REQUEST_INVALID with every problem; an empty body is an empty object. */
import type { z } from "zod";
import { StrataError, isStrataError, listProblems } from "../../kernel/errors.ts";
import type { Problem } from "../../kernel/errors.ts";
import type { HttpRequest } from "../http.ts";
import { parseJsonBody } from "../json-body.ts";

export function bodyOf<Schema extends z.ZodType>(request: HttpRequest, schema: Schema): z.output<Schema> {
  return checked(request.body.length === 0 ? {} : parseJsonBody(request.body), schema);
}

export function checked<Schema extends z.ZodType>(value: unknown, schema: Schema): z.output<Schema> {
  const parsed = safely(() => schema.safeParse(value));
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue): Problem => ({ path: issue.path.join("."), message: issue.message, code: issue.code }));
  throw new StrataError("REQUEST_INVALID", { reason: `The request is not valid: ${listProblems(problems)}` }, { problems });
}

/** A schema may read durations and the like, which say themselves what is wrong with them. */
function safely<T>(parse: () => T): T {
  try {
    return parse();
  } catch (thrown) {
    throw isStrataError(thrown) ? thrown : new StrataError("REQUEST_INVALID", { reason: String(thrown) });
  }
}
