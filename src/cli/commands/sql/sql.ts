/** `strata sql`: one SELECT over the streams, as a table, JSON, CSV or Parquet; or a shell when nothing is given. */
import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { StrataError, reasonOf } from "../../../kernel/errors.ts";
import type { SqlSummary } from "../../../platform/api.ts";
import type { ApiClient } from "../../api-client.ts";
import { defineCommand } from "../../command.ts";
import type { CommandContext } from "../../command.ts";
import type { OptionTable } from "../../option.ts";
import { SERVER_OPTIONS, openApiClient } from "../../server-options.ts";
import { askFolder, askServer } from "./sql-answer.ts";
import type { AskSql, SqlAnswerStream, SqlColumn } from "./sql-answer.ts";
import { noteSummary, showAnswer } from "./sql-table.ts";
import { runShell, terminalLines } from "./sql-shell.ts";

export interface SqlResult {
  readonly columns: readonly SqlColumn[];
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly summary: SqlSummary | undefined;
  /** Where the rows went instead. */
  readonly written?: { readonly file: string; readonly rows: number | undefined };
}

const OPTIONS = {
  ...SERVER_OPTIONS,
  timeout: { type: "duration", default: "60s", description: "Longest time of the statement" },
  asOf: { type: "string", placeholder: "snapshot or time", description: "The lake of a snapshot (its id or the beginning of it), or what was known at a time (ISO 8601)" },
  limit: { type: "number", integer: true, minimum: 1, maximum: 1_000_000_000, description: "Most rows (default: what the server allows, 10,000 unless configured)" },
  csv: { type: "boolean", description: "Print CSV (RFC 4180)" },
  output: { type: "string", short: "o", placeholder: "file", description: "Write the result to a .parquet or .csv file" },
  dataDir: { type: "string", placeholder: "folder", description: "Ask a data folder that no server runs, instead of a server" },
} as const satisfies OptionTable;

type Context = CommandContext<typeof OPTIONS, { readonly statement: { readonly description: string; readonly optional: true } }>;

export const command = defineCommand({
  name: "sql",
  summary: "Ask the streams in SQL, now or as of a snapshot or a time",
  description: [
    "Each stream is a table: event_time, known_at, event_offset, then its fields. One SELECT in DuckDB's SQL; nothing can be changed, and no file or network is reached. Conditions on event_time skip files.",
    "Without a statement: reads it from standard input, or opens a shell on a terminal.",
  ].join("\n"),
  options: OPTIONS,
  positionals: { statement: { description: "The SELECT", optional: true } },
  examples: [
    { command: "strata sql \"select count(*) from purchases where event_time > now() - interval 7 day\"", note: "a question" },
    { command: "strata sql \"select * from purchases\" --as-of 2026-01-31T12:00:00Z --output january.parquet", note: "what was known then, as a file" },
    { command: "strata sql", note: "a shell" },
  ],
  run: async (context): Promise<SqlResult> => {
    const { options: { csv, output, dataDir, asOf, limit, timeout }, positionals, json, usageError, signal } = context;
    if (csv && json) throw usageError("--csv and --json exclude each other.");
    await using stack = new AsyncDisposableStack();
    const client = dataDir === undefined ? stack.use(openApiClient(context)) : undefined;
    const ask = client === undefined ? askFolder(stack.use(await (await import("../../../platform/sql/offline-sql.ts")).openOfflineSql(resolve(context.workingDirectory, dataDir!)))) : askServer(client);
    const bounded: AskSql = (question) => ask({ asOf, maxRows: limit, timeoutMs: timeout, ...question });
    const sql = positionals.statement ?? await statementFrom(context);
    if (sql === undefined) {
      await runShell(context, bounded, terminalLines(context));
      return { columns: [], rows: [], summary: undefined };
    }
    if (output !== undefined) return await writeFileOf(context, { client, ask: bounded, sql, output });
    return await answer(context, await bounded({ sql, signal }));
  },
  render: (result, { terminal, options: { csv } }) => {
    if (result.written !== undefined) terminal.success(`wrote ${result.written.rows === undefined ? "" : `${result.written.rows} rows to `}${result.written.file}`);
    else if (result.summary !== undefined && !csv) {
      showAnswer(terminal, result.columns, result.rows.map((row) => Object.values(row)));
      noteSummary(terminal, result.summary);
    }
  },
});

/** Standard input unless it is a terminal; undefined asks for the shell. */
async function statementFrom({ stdin, usageError, json }: Context): Promise<string | undefined> {
  if ("isTTY" in stdin && stdin.isTTY === true) {
    if (json) throw usageError("--json needs a statement.");
    return undefined;
  }
  let text = "";
  for await (const piece of stdin) text += typeof piece === "string" ? piece : Buffer.from(piece).toString("utf8");
  if (text.trim() === "") throw usageError("A statement is needed, as an argument or on standard input.");
  return text;
}

async function answer({ options: { csv }, stdout }: Context, found: SqlAnswerStream): Promise<SqlResult> {
  if (csv) {
    for await (const line of csvLines(found)) stdout.write(line);
    return { columns: found.columns, rows: [], summary: found.summary() };
  }
  const rows: Readonly<Record<string, unknown>>[] = [];
  for await (const row of found.rows) rows.push(Object.fromEntries(found.columns.map(({ name }, index) => [name, row[index]])));
  return { columns: found.columns, rows, summary: found.summary() };
}

interface FileRequest {
  readonly client: ApiClient | undefined;
  readonly ask: AskSql;
  readonly sql: string;
  readonly output: string;
}

async function writeFileOf(context: Context, { client, ask, sql, output }: FileRequest): Promise<SqlResult> {
  const { options: { asOf, limit, timeout }, signal, usageError, workingDirectory, terminal } = context;
  const file = resolve(workingDirectory, output);
  const isParquet = file.endsWith(".parquet");
  if (!isParquet && !file.endsWith(".csv")) throw usageError("--output names a .parquet or a .csv file.");
  if (isParquet && client === undefined) throw usageError("Parquet is written by a server; leave out --data-dir, or write CSV.");
  let rows: number | undefined;
  await terminal.step({ running: `writing ${output}` }, async () => {
    if (isParquet) {
      const found = await client!.open("/v1/sql", { sql, asOf, maxRows: limit, timeoutMs: timeout }, { accept: "application/vnd.apache.parquet", timeoutMs: timeout + 10_000, signal });
      rows = Number(found.headers["x-strata-rows"]);
      await writeWhole(file, found.bytes());
      return;
    }
    const found = await ask({ sql, signal });
    await writeWhole(file, csvLines(found));
    rows = found.summary().rows;
    if (found.summary().truncated) terminal.warn(`only the first ${rows} rows; --limit allows more`);
  });
  return { columns: [], rows: [], summary: undefined, written: { file: output, rows } };
}

/** The file appears when all of it is there. */
async function writeWhole(file: string, pieces: AsyncIterable<string | Uint8Array>): Promise<void> {
  const temporary = `${file}.${process.pid}.part`;
  try {
    await pipeline(pieces, createWriteStream(temporary));
    await rename(temporary, file);
  } catch (thrown) {
    await rm(temporary, { force: true });
    throw thrown instanceof StrataError ? thrown : new StrataError("FILE_UNWRITABLE", { path: file, reason: reasonOf(thrown) }, { cause: thrown });
  }
}

async function* csvLines({ columns, rows }: SqlAnswerStream): AsyncGenerator<string> {
  yield `${columns.map(({ name }) => csvCell(name)).join(",")}\r\n`;
  for await (const row of rows) yield `${row.map(csvCell).join(",")}\r\n`;
}

/** RFC 4180; NULL is empty, an empty text is two quotes. */
function csvCell(value: unknown): string {
  if (value === null || value === undefined) return "";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text === "" || /[",\r\n]/.test(text) ? `"${text.replaceAll("\"", "\"\"")}"` : text;
}
