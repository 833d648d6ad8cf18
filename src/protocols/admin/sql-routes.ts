/**
 * POST /v1/sql: one SELECT over the streams. NDJSON: a line with the columns, a line per row (a list), a line that says
 * how it ended; an error after the first row is the last line. CSV (RFC 4180) and Parquet by the Accept header.
 */
import { z } from "zod";
import type { SqlReading, SqlRun } from "../../data/index.ts";
import { toStrataError } from "../../kernel/errors.ts";
import type { HttpResponse } from "../http.ts";
import type { AdminRoute } from "./admin-route.ts";
import { bodyOf } from "./request-body.ts";

export interface SqlQuestion {
  readonly sql: string;
  readonly asOf: string | undefined;
  readonly maxRows: number | undefined;
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal;
}

/** Where it ran, and why there. */
export interface SqlPlacement {
  readonly worker: string;
  readonly reason: string;
}

export interface SqlAnswer extends SqlRun {
  readonly reading: SqlReading;
  readonly placement: SqlPlacement;
  /** Since it was asked. */
  elapsedMs(): number;
}

export interface SqlFile extends AsyncDisposable {
  readonly rows: number;
  readonly sizeBytes: number;
  readonly bytes: AsyncIterable<Uint8Array>;
}

export interface SqlDesk {
  ask(question: SqlQuestion): Promise<SqlAnswer>;
  /** The result as Parquet. */
  file(question: SqlQuestion): Promise<SqlFile>;
}

/** The last line of an NDJSON answer. */
export interface SqlSummary {
  readonly rows: number;
  readonly truncated: boolean;
  readonly files: number;
  readonly skippedFiles: number;
  readonly fetchedBytes: number;
  readonly elapsedMs: number;
  readonly placement: SqlPlacement;
}

const sqlRequest = z.strictObject({
  sql: z.string().min(1).max(1_000_000), asOf: z.string().min(1).optional(), maxRows: z.number().int().min(1).max(1_000_000_000).optional(), timeoutMs: z.number().int().min(1).max(3_600_000).optional(),
});

export const PARQUET_TYPE = "application/vnd.apache.parquet";

export function sqlRoutes(desk: SqlDesk): readonly AdminRoute[] {
  return [{
    method: "POST", pattern: "/v1/sql", summary: "one SELECT over the streams: {sql, asOf?, maxRows?, timeoutMs?}; NDJSON, CSV or Parquet by Accept",
    handle: async (_, request) => {
      const { sql, asOf, maxRows, timeoutMs } = bodyOf(request, sqlRequest);
      const question = { sql, asOf, maxRows, timeoutMs, signal: request.signal };
      const accept = request.headers["accept"] ?? "";
      if (accept.includes(PARQUET_TYPE)) return answerParquet(await desk.file(question));
      const answer = await desk.ask(question);
      if (accept.includes("text/csv")) return { status: 200, headers: { "content-type": "text/csv; charset=utf-8; header=present" }, body: csvOf(answer) };
      return { status: 200, headers: { "content-type": "application/x-ndjson" }, body: linesOf(answer) };
    },
  }];
}

function answerParquet(file: SqlFile): HttpResponse {
  return { status: 200, headers: { "content-type": PARQUET_TYPE, "x-strata-rows": String(file.rows), "content-length": String(file.sizeBytes) }, body: bytesOf(file) };
}

async function* bytesOf(file: SqlFile): AsyncGenerator<Uint8Array> {
  await using open = file;
  yield* open.bytes;
}

async function* linesOf(answer: SqlAnswer): AsyncGenerator<string> {
  await using run = answer;
  let rows = 0;
  yield `${JSON.stringify({ columns: run.columns })}\n`;
  try {
    for await (const piece of run.pieces) {
      rows += piece.length;
      yield `${piece.map((row) => JSON.stringify(row)).join("\n")}\n`;
    }
    const { files, skippedFiles } = run.reading;
    const summary: SqlSummary = { rows, truncated: run.isTruncated(), files, skippedFiles, fetchedBytes: run.fetchedBytes, elapsedMs: Math.round(run.elapsedMs()), placement: run.placement };
    yield `${JSON.stringify(summary)}\n`;
  } catch (thrown) {
    yield `${JSON.stringify({ error: toStrataError(thrown).toJSON() })}\n`;
  }
}

/** An error cuts the connection: CSV has no place to say it. */
async function* csvOf(answer: SqlAnswer): AsyncGenerator<string> {
  await using run = answer;
  yield `${run.columns.map(({ name }) => csvCell(name)).join(",")}\r\n`;
  for await (const piece of run.pieces) yield piece.map((row) => `${row.map(csvCell).join(",")}\r\n`).join("");
}

/** RFC 4180; NULL is empty, an empty text is two quotes. */
export function csvCell(value: unknown): string {
  if (value === null || value === undefined) return "";
  const text = typeof value === "string" ? value : typeof value === "number" ? String(value) : JSON.stringify(value);
  return text === "" || /[",\r\n]/.test(text) ? `"${text.replaceAll("\"", "\"\"")}"` : text;
}
