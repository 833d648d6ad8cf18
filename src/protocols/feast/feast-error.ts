/**
 * Errors as Feast's server writes them (sdk/python/feast/errors.py, feature_server.py, version 0.66): an error of
 * Feast's own is a JSON string that holds JSON, any other a JSON string with its sentence, a request of the wrong shape
 * FastAPI's 422.
 */
import { isStrataError, reasonOf, toStrataError } from "../../kernel/errors.ts";
import type { StrataError } from "../../kernel/errors.ts";
import type { HttpResponse } from "../http.ts";
import { DetailedRefusal } from "./body-check.ts";

export const JSON_TYPE = { "content-type": "application/json" };

/** An answer in Feast's words; never leaves the protocol. */
export class FeastFailure extends Error {
  readonly status: number;
  /** Feast's class; undefined for a plain Python error. */
  readonly kind: string | undefined;
  constructor(status: number, message: string, kind?: string) {
    super(message);
    this.status = status;
    this.kind = kind;
  }
}

export const featureViewNotFound = (view: string, project: string): FeastFailure => new FeastFailure(404, `Feature view ${view} does not exist in project ${project}`, "FeatureViewNotFoundException");
export const featureServiceNotFound = (service: string, project: string): FeastFailure => new FeastFailure(404, `Feature service ${service} does not exist in project ${project}`, "FeatureServiceNotFoundException");
export const pushSourceNotFound = (source: string): FeastFailure => new FeastFailure(422, `Unable to find push source '${source}'.`, "PushSourceNotFoundException");
export const objectNotFound = (name: string): FeastFailure => new FeastFailure(404, `Can't recognize feast object with a name ${name}`, "FeastObjectNotFoundException");
export const requestDataNotFound = (names: readonly string[]): FeastFailure =>
  new FeastFailure(404, `Required request data source features ${pythonList(names)} not found in the entity rows, but required by feature views`, "RequestDataNotFoundInEntityRowsException");

/** Python shows a KeyError's sentence in quotes, double ones where it has single ones inside. */
export const keyError = (message: string): FeastFailure => new FeastFailure(500, message.includes("'") ? `"${message}"` : `'${message}'`);
export const plainError = (message: string): FeastFailure => new FeastFailure(500, message);

/** ['a', 'b'] */
export const pythonList = (names: readonly string[]): string => `[${names.map((name) => `'${name}'`).join(", ")}]`;

/** What Feast's exceptions would be called, for errors of ours that they have a class for; the client raises that class with our sentence. */
function failureOf(error: StrataError): FeastFailure {
  switch (error.code) {
    case "FEATURE_VIEW_BUILDING": return plainError(`Feature view '${String(error.details["view"])}' is in state 'MATERIALIZING' and cannot serve features. Only AVAILABLE_ONLINE feature views can serve.`);
    case "FEATURE_VIEW_NOT_FOUND": return new FeastFailure(404, error.message, "FeatureViewNotFoundException");
    default: return new FeastFailure(error.status, `${error.message} (${error.code}) ${error.hint}`, "FeastError");
  }
}

export function feastFailureOf(thrown: unknown): FeastFailure {
  if (thrown instanceof FeastFailure) return thrown;
  return failureOf(isStrataError(thrown) ? thrown : toStrataError(thrown));
}

/** Any thrown value as Feast's server answers it. */
export function feastErrorResponse(thrown: unknown): HttpResponse {
  if (thrown instanceof DetailedRefusal) return { status: 422, headers: JSON_TYPE, body: JSON.stringify({ detail: thrown.details }) };
  const failure = feastFailureOf(thrown);
  const content = failure.kind === undefined ? reasonOf(failure) : errorDetail(failure.kind, failure.message);
  const headers = isStrataError(thrown) && thrown.retryAfterSeconds !== undefined ? { ...JSON_TYPE, "retry-after": String(Math.max(1, Math.ceil(thrown.retryAfterSeconds))) } : JSON_TYPE;
  return { status: failure.status, headers, body: JSON.stringify(content) };
}

/** Python's json.dumps: spaces after separators, ASCII only. */
function errorDetail(kind: string, message: string): string {
  const ascii = (text: string): string => JSON.stringify(text).replaceAll(/[\u007f-\uffff]/g, (character) => (character === "\u007f" ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`));
  return `{"module": "feast.errors", "class": ${ascii(kind)}, "message": ${ascii(message)}}`;
}
