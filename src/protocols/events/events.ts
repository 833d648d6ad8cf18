/**
 * Events over HTTP: POST /v1/streams/{stream}/events as JSON, NDJSON or CloudEvents, and the stream's dead letters.
 * ?dry-run=true says what would become of them, and stores nothing (200).
 * 202 when something was accepted or everything was known already; 400 EVENT_INVALID when every event was refused.
 */
import { StrataError } from "../../kernel/errors.ts";
import type { IngestOptions, IngestResult, Ingestion } from "../../data/index.ts";
import { contentModeOf, parseCloudEvents } from "../cloudevents/http-binding.ts";
import { errorResponse, jsonResponse } from "../http.ts";
import type { HttpRequest, HttpResponse } from "../http.ts";
import { cloudEventRow } from "./cloud-event-row.ts";
import { discardLetters, listLetters, readLetter, replayLetters } from "./dead-letter-routes.ts";
import { readFlag } from "./query.ts";
import { readBody, textFormatOf } from "./request-body.ts";

interface Route {
  readonly method: "GET" | "POST";
  readonly answer: (request: HttpRequest, ingestion: Ingestion, stream: string) => Promise<HttpResponse>;
}

/** Answers every path of /v1/streams/{stream}/events and …/dead-letters; undefined when the path is none of them. Never rejects. */
export async function handleEvents(request: HttpRequest, ingestion: Ingestion): Promise<HttpResponse | undefined> {
  const [, version, area, stream, ...rest] = request.path.split("/");
  const route = version === "v1" && area === "streams" ? routeOf(rest) : undefined;
  if (route === undefined || stream === undefined || stream === "") return undefined;
  if (request.method !== route.method) return refuseMethod(request, route);
  try {
    return await route.answer(request, ingestion, decodePart(stream));
  } catch (thrown) {
    return errorResponse(thrown);
  }
}

function routeOf([collection, item, ...more]: readonly string[]): Route | undefined {
  if (more.length > 0) return undefined;
  if (collection === "events") return item === undefined ? { method: "POST", answer: postEvents } : undefined;
  if (collection !== "dead-letters") return undefined;
  if (item === undefined) return { method: "GET", answer: listLetters };
  if (item === "replay") return { method: "POST", answer: replayLetters };
  if (item === "discard") return { method: "POST", answer: discardLetters };
  return { method: "GET", answer: (_, ingestion, stream) => readLetter(ingestion, stream, decodePart(item)) };
}

function refuseMethod({ method, path }: HttpRequest, { method: allowed }: Route): HttpResponse {
  const response = errorResponse(new StrataError("METHOD_NOT_ALLOWED", { method, path, allowed }));
  return { ...response, headers: { ...response.headers, allow: allowed } };
}

async function postEvents(request: HttpRequest, ingestion: Ingestion, stream: string): Promise<HttpResponse> {
  const definition = ingestion.stream(stream);
  const idempotencyKey = request.headers["idempotency-key"];
  const producer = request.headers["strata-producer"];
  const options: IngestOptions = { backfill: readFlag(request.query, "backfill"), ...(idempotencyKey === undefined ? {} : { idempotencyKey }), ...(producer === undefined ? {} : { producer }) };
  const mode = contentModeOf(request.headers);
  const format = mode === undefined ? textFormatOf(request.headers["content-type"]) : undefined;
  const body = await readBody(request, ingestion.maxBodyBytes);
  const isDryRun = readFlag(request.query, "dry-run");
  if (mode === undefined && isDryRun) return jsonResponse(await ingestion.tryText(stream, body, { ...options, format: format ?? "json" }));
  if (mode === undefined) return describe(stream, await ingestion.ingestText(stream, body, { ...options, format: format ?? "json" }));
  const events = parseCloudEvents(mode, request.headers, body);
  const rows = events.map((event) => cloudEventRow(event, definition));
  if (isDryRun) return jsonResponse(await ingestion.tryRows(stream, rows, options));
  const [first] = events;
  return describe(stream, await ingestion.ingestRows(stream, rows, producer === undefined && first !== undefined ? { ...options, producer: first.source.slice(0, 256) } : options));
}

/** How many problems the error repeats; `rows` has them all. */
const PROBLEMS_IN_ERROR = 20;

function describe(stream: string, result: IngestResult): HttpResponse {
  if (result.rejected === 0 || result.accepted + result.duplicates > 0) return jsonResponse(result, 202);
  const problems = (result.rows ?? []).slice(0, PROBLEMS_IN_ERROR).flatMap(({ index, problems: found }) =>
    found.map((problem) => ({ ...problem, path: problem.path === "" ? String(index) : `${index}.${problem.path}` })));
  const error = new StrataError("EVENT_INVALID", { count: result.rejected, stream }, { problems });
  return jsonResponse({ error: error.toJSON(), ...result }, error.status);
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (thrown) {
    throw new StrataError("REQUEST_INVALID", { reason: `"${part.slice(0, 100)}" is not percent-encoded UTF-8.` }, { cause: thrown });
  }
}
