/** Dead letters over HTTP: list, read, replay (as they are, with members set, or replaced) and discard. */
import { z } from "zod";
import { StrataError, listProblems } from "../../kernel/errors.ts";
import type { Ingestion, LetterChoice, ReplayOptions } from "../../data/index.ts";
import { jsonResponse } from "../http.ts";
import type { HttpRequest, HttpResponse } from "../http.ts";
import { readFlag } from "./query.ts";

const choice = { ids: z.array(z.string().max(20)).min(1).max(10_000).optional(), reason: z.string().min(1).max(200).optional() };
const isOneChoice = ({ ids, reason }: { ids?: unknown; reason?: unknown }): boolean => (ids === undefined) !== (reason === undefined);
const ONE_CHOICE = "give either ids or reason";

const discardBody = z.strictObject(choice).refine(isOneChoice, ONE_CHOICE);
const replayBody = z.strictObject({
  ...choice,
  replacement: z.record(z.string(), z.unknown()).optional(),
  /** Members to set in each event before it is sent again. */
  set: z.record(z.string(), z.unknown()).optional(),
  backfill: z.boolean().optional(),
}).refine(isOneChoice, ONE_CHOICE).refine(({ replacement, set }) => replacement === undefined || set === undefined, "give either replacement or set");

/** GET …/dead-letters?reason&limit&cursor&includeResolved: a page, with the open counts by reason. */
export async function listLetters({ query }: HttpRequest, ingestion: Ingestion, stream: string): Promise<HttpResponse> {
  const reason = query.get("reason"), limit = query.get("limit"), cursor = query.get("cursor");
  const page = await ingestion.listDeadLetters(stream, {
    ...(reason === null ? {} : { reason }), ...(limit === null ? {} : { limit: limit === "" ? Number.NaN : Number(limit) }),
    ...(cursor === null ? {} : { cursor }), includeResolved: readFlag(query, "includeResolved"),
  });
  return jsonResponse({ ...page, counts: await ingestion.deadLetterCounts(stream) });
}

/** GET …/dead-letters/{id} */
export async function readLetter(ingestion: Ingestion, stream: string, id: string): Promise<HttpResponse> {
  return jsonResponse(await ingestion.deadLetter(stream, id));
}

/** POST …/dead-letters/replay `{ids | reason, replacement? | set?, backfill?}` */
export async function replayLetters({ body }: HttpRequest, ingestion: Ingestion, stream: string): Promise<HttpResponse> {
  const { set, replacement, backfill, ...chosen } = parse(replayBody, body);
  const options: ReplayOptions = {
    ...choiceOf(chosen),
    ...(set === undefined ? {} : { fix: (event) => ({ ...asObject(event), ...set }) }),
    ...(replacement === undefined ? {} : { replacement }), ...(backfill === undefined ? {} : { backfill }),
  };
  return jsonResponse(await ingestion.replayDeadLetters(stream, options));
}

/** POST …/dead-letters/discard `{ids | reason}` */
export async function discardLetters({ body }: HttpRequest, ingestion: Ingestion, stream: string): Promise<HttpResponse> {
  return jsonResponse(await ingestion.discardDeadLetters(stream, choiceOf(parse(discardBody, body))));
}

function choiceOf({ ids, reason }: { readonly ids?: readonly string[] | undefined; readonly reason?: string | undefined }): LetterChoice {
  return ids === undefined ? { reason: reason ?? "" } : { ids };
}

function parse<T>(schema: z.ZodType<T>, body: Buffer): T {
  const result = schema.safeParse(parseText(body));
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message, code }) => ({ path: z.core.toDotPath(path), message, code }));
  throw new StrataError("REQUEST_INVALID", { reason: listProblems(problems) }, { problems });
}

function parseText(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString()) as unknown;
  } catch (thrown) {
    throw new StrataError("BODY_INVALID", { format: "JSON", reason: thrown instanceof Error ? thrown.message : "" }, { cause: thrown });
  }
}

function asObject(event: unknown): object {
  if (typeof event === "object" && event !== null && !Array.isArray(event)) return event;
  throw new StrataError("REQUEST_INVALID", { reason: "the event is no object, so nothing can be set in it; give a replacement." });
}
