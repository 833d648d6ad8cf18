/**
 * `strata lake export`: each stream as a folder of Parquet files by day of event time, which is a Delta Lake table too.
 * Everything is read as of one snapshot. Exporting again adds a version; readers see the old one until the new is whole.
 */
import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, readFile, readdir, rename, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { StrataError, reasonOf } from "../../../kernel/errors.ts";
import type { ApiClient } from "../../api-client.ts";
import { defineCommand } from "../../command.ts";
import type { CommandContext } from "../../command.ts";
import type { OptionTable } from "../../option.ts";
import { SERVER_OPTIONS, openApiClient } from "../../server-options.ts";
import { formatBytes } from "../../terminal/format.ts";
import { askServer } from "../sql/sql-answer.ts";
import { commitName, deltaCommit, readDeltaLog } from "./delta-log.ts";
import type { DeltaColumn, DeltaFile } from "./delta-log.ts";

interface ExportedStream {
  readonly stream: string;
  readonly rows: number;
  readonly files: number;
  readonly sizeBytes: number;
  readonly folder: string;
  readonly version: number;
}

const OPTIONS = {
  ...SERVER_OPTIONS,
  timeout: { type: "duration", default: "10m", description: "Longest time of one file" },
  stream: { type: "string", multiple: true, description: "Only this stream (repeatable)" },
  asOf: { type: "string", placeholder: "snapshot", description: "The id of a snapshot, or the beginning of it (default: now)" },
} as const satisfies OptionTable;
type Context = CommandContext<typeof OPTIONS, { readonly folder: { readonly description: string } }>;

export const exportLake = defineCommand({
  name: "export",
  summary: "Write streams as Parquet and Delta tables that other engines read",
  description: "Makes <folder>/<stream>/date=YYYY-MM-DD/*.parquet (dates of event time, UTC) and the Delta Lake log beside them, so that Spark, Trino, DuckDB, pandas and others read the same rows. All streams are as of one snapshot.",
  options: OPTIONS,
  positionals: { folder: { description: "Where to; made when it is missing" } },
  examples: [{ command: "strata lake export ./exported --stream purchases", note: "one stream" }],
  run: async (context: Context): Promise<{ readonly snapshot: string; readonly streams: readonly ExportedStream[] }> => {
    const { options, positionals, signal, terminal, workingDirectory } = context;
    await using client = openApiClient(context);
    const snapshot = options.asOf ?? (await client.post<{ readonly id: string }>("/v1/lake/snapshots", { note: "export" }, { signal })).id;
    const ask = askServer(client);
    const tables = await textsOf(ask({ sql: "show tables", asOf: snapshot, signal }));
    const unknown = options.stream.find((name) => !tables.includes(name));
    if (unknown !== undefined) throw new StrataError("STREAM_NOT_FOUND", { stream: unknown, known: tables.join(", ") });
    const streams: ExportedStream[] = [];
    for (const stream of options.stream.length > 0 ? options.stream : tables) {
      const folder = resolve(workingDirectory, positionals.folder, stream);
      streams.push(await terminal.step({ running: `exporting ${stream}`, done: ({ rows, files }) => `exported ${rows} rows of ${stream} in ${files} files` }, () => exportStream(context, { client, stream, snapshot, folder })));
    }
    return { snapshot, streams };
  },
  render: ({ streams }, { terminal }) => terminal.table<ExportedStream>([
    { title: "stream", value: ({ stream }) => stream }, { title: "rows", value: ({ rows }) => rows }, { title: "files", value: ({ files }) => files },
    { title: "size", value: ({ sizeBytes }) => formatBytes(sizeBytes), align: "right" }, { title: "version", value: ({ version }) => version }, { title: "table", value: ({ folder }) => folder },
  ], streams, { empty: "no stream" }),
});

interface StreamExport {
  readonly client: ApiClient;
  readonly stream: string;
  readonly snapshot: string;
  readonly folder: string;
}

async function exportStream(context: Context, { client, stream, snapshot, folder }: StreamExport): Promise<ExportedStream> {
  const { signal, options: { timeout }, clock } = context;
  const ask = askServer(client);
  const table = `"${stream}"`;
  const columns: DeltaColumn[] = [];
  for await (const [name, type] of (await ask({ sql: `describe ${table}`, asOf: snapshot, signal })).rows) columns.push({ name: String(name), type: String(type) });
  const time = `"${columns[0]!.name}"`; // a table's first column is its event time
  const days = await textsOf(ask({ sql: `select distinct strftime(${time}, '%Y-%m-%d') from ${table} order by 1`, asOf: snapshot, maxRows: 1_000_000, signal }));
  const files: DeltaFile[] = [];
  for (const day of days) {
    const name = `part-${randomUUID()}.parquet`;
    await mkdir(join(folder, `date=${day}`), { recursive: true });
    const path = join(folder, `date=${day}`, name);
    const sql = `select * from ${table} where ${time} >= timestamptz '${day} 00:00:00+00' and ${time} < timestamptz '${day} 00:00:00+00' + interval 1 day`;
    const answer = await client.open("/v1/sql", { sql, asOf: snapshot, timeoutMs: timeout }, { accept: "application/vnd.apache.parquet", timeoutMs: timeout + 10_000, signal });
    await writeWhole(path, answer.bytes());
    files.push({ path: `date=${day}/${name}`, partition: day, rows: Number(answer.headers["x-strata-rows"]), sizeBytes: (await stat(path)).size });
  }
  const version = await commit(folder, { columns, files, timeMs: clock.now() });
  return { stream, rows: files.reduce((sum, { rows }) => sum + rows, 0), files: files.length, sizeBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0), folder, version };
}

/** The version counts from the moment its file has its name; the files of the version before stay, as Delta's readers expect. */
async function commit(folder: string, { columns, files, timeMs }: { readonly columns: readonly DeltaColumn[]; readonly files: readonly DeltaFile[]; readonly timeMs: number }): Promise<number> {
  const log = join(folder, "_delta_log");
  await mkdir(log, { recursive: true });
  const names = (await readdir(log)).filter((name) => /^\d{20}\.json$/.test(name)).toSorted();
  const before = readDeltaLog(await Promise.all(names.map((name) => readFile(join(log, name), "utf8"))));
  const version = names.length === 0 ? 0 : Number.parseInt(names.at(-1)!, 10) + 1;
  const text = deltaCommit({ id: before.id ?? randomUUID(), columns, partitionColumn: "date", files, removed: [...before.files], timeMs });
  await writeWhole(join(log, commitName(version)), [Buffer.from(text)]);
  return version;
}

async function writeWhole(path: string, pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
  const temporary = `${path}.${process.pid}.part`;
  try {
    await pipeline(pieces, createWriteStream(temporary, { flush: true }));
    await rename(temporary, path);
  } catch (thrown) {
    await rm(temporary, { force: true });
    throw thrown instanceof StrataError ? thrown : new StrataError("FILE_UNWRITABLE", { path, reason: reasonOf(thrown) }, { cause: thrown });
  }
}

async function textsOf(answer: ReturnType<ReturnType<typeof askServer>>): Promise<readonly string[]> {
  const texts: string[] = [];
  for await (const [value] of (await answer).rows) texts.push(String(value));
  return texts;
}
