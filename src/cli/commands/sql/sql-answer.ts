/** An answer to SQL, from a server or from a folder: its columns, its rows as they come, and how it ended. */
import { StrataError } from "../../../kernel/errors.ts";
import type { ErrorBody } from "../../../kernel/errors.ts";
import type { SqlSummary } from "../../../platform/api.ts";
import type { ApiClient } from "../../api-client.ts";
import { errorOfResponse } from "../../remote-error.ts";

export interface SqlColumn {
  readonly name: string;
  readonly type: string;
}

export interface SqlAnswerStream {
  readonly columns: readonly SqlColumn[];
  readonly rows: AsyncIterable<readonly unknown[]>;
  /** Known when the rows have ended. */
  summary(): SqlSummary;
}

export interface SqlQuestionOptions {
  readonly sql: string;
  readonly asOf?: string | undefined;
  readonly maxRows?: number | undefined;
  readonly timeoutMs?: number | undefined;
  readonly signal: AbortSignal;
}

export type AskSql = (question: SqlQuestionOptions) => Promise<SqlAnswerStream>;

type Line = readonly unknown[] | SqlSummary | { readonly columns: readonly SqlColumn[] } | { readonly error: ErrorBody };

/** Asks a running server. */
export function askServer(client: ApiClient): AskSql {
  return async ({ signal, ...question }) => {
    const answer = await client.open("/v1/sql", question, { accept: "application/x-ndjson", signal, ...(question.timeoutMs === undefined ? {} : { timeoutMs: question.timeoutMs + 10_000 }) });
    const lines = answer.lines()[Symbol.asyncIterator]();
    const read = async (): Promise<Line> => {
      const { done, value } = await lines.next();
      if (signal.aborted) throw new StrataError("ABORTED", { what: "The statement" });
      if (done === true) throw new StrataError("SERVER_UNREACHABLE", { url: client.url, reason: "it stopped in the middle of its answer" });
      return JSON.parse(value) as Line; // the server of this package sent it
    };
    const head = await read();
    let summary: SqlSummary | undefined;
    async function* rows(): AsyncGenerator<readonly unknown[]> {
      try {
        for (;;) {
          const line = await read();
          if (Array.isArray(line)) yield line as readonly unknown[];
          else if ("error" in line) throw errorOfResponse({ status: 200, url: client.url, text: JSON.stringify(line) });
          else {
            summary = line as SqlSummary;
            await lines.next(); // to the end, so that the connection can be used again
            return;
          }
        }
      } finally {
        await lines.return?.().catch(() => undefined); // left in the middle: the connection is cut, which is what was wanted
      }
    }
    return { columns: (head as { readonly columns: readonly SqlColumn[] }).columns, rows: rows(), summary: () => summary! }; // after the rows
  };
}

/** Asks a data folder through the platform's own parts. */
export function askFolder(offline: Awaited<ReturnType<typeof import("../../../platform/sql/offline-sql.ts").openOfflineSql>>): AskSql {
  return async ({ sql, asOf, maxRows, timeoutMs, signal }) => {
    const answer = await offline.ask({ sql, asOf, maxRows, timeoutMs, signal });
    let count = 0;
    async function* rows(): AsyncGenerator<readonly unknown[]> {
      await using run = answer;
      for await (const piece of run.pieces) {
        count += piece.length;
        yield* piece;
      }
    }
    return {
      columns: answer.columns, rows: rows(),
      summary: () => ({
        rows: count, truncated: answer.isTruncated(), files: answer.reading.files, skippedFiles: answer.reading.skippedFiles,
        fetchedBytes: answer.fetchedBytes, elapsedMs: Math.round(answer.elapsedMs()), placement: answer.placement,
      }),
    };
  };
}
