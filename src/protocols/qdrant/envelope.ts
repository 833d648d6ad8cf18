/** Qdrant's answers: {result, status, time} for what worked, {status: {error}, time} for what did not, with its status codes. */
import { StrataError, toStrataError } from "../../kernel/errors.ts";
import { jsonResponse } from "../http.ts";
import type { HttpResponse } from "../http.ts";

export function answer(result: unknown, seconds: number): HttpResponse {
  return jsonResponse({ result, status: "ok", time: seconds });
}

export function refusal(thrown: unknown, seconds: number): HttpResponse {
  const error = toStrataError(thrown);
  return jsonResponse({ status: { error: sentenceOf(error) }, time: seconds }, error.status);
}

/** In Qdrant's words where clients look for them. */
function sentenceOf(error: StrataError): string {
  const { index, id } = error.details;
  if (error.code === "VECTOR_INDEX_NOT_FOUND") return `Not found: Collection \`${String(index)}\` doesn't exist!`;
  if (error.code === "VECTOR_INDEX_EXISTS") return `Wrong input: Collection \`${String(index)}\` already exists!`;
  if (error.code === "POINT_NOT_FOUND") return `Not found: No point with id ${String(id)} found`;
  if (error.code === "BODY_INVALID") return `Format error in JSON body: ${error.message}`;
  return error.message;
}

export function invalid(reason: string): StrataError {
  return new StrataError("REQUEST_INVALID", { reason });
}
