/**
 * CSV: the header names the fields, each row is an event. Cells become what the stream's schema asks for; an empty
 * cell is an absent field. A cell that does not fit stays text, and the server's dead letter says what is wrong.
 */
import { pipeline } from "node:stream/promises";
import { CsvError, parse } from "csv-parse";
import { StrataError } from "../../../kernel/errors.ts";
import { readText, type JsonSchema } from "../../schema-value.ts";
import { suggestion } from "../../suggestion.ts";
import { MAX_EVENT_BYTES, type SourceEvent } from "./source-event.ts";

export interface CsvOptions {
  readonly path: string;
  /** Of the stream's events. */
  readonly schema: JsonSchema;
  /** The beginning of the file: its header tells the delimiter. */
  readonly head: Buffer;
}

interface ParsedRow {
  readonly info: { readonly lines: number };
  readonly record: readonly string[];
}

/** Rows handed on together. */
const GROUP = 500;

export async function* readCsv(chunks: AsyncIterable<Buffer>, options: CsvOptions): AsyncGenerator<readonly SourceEvent[]> {
  const parser = parse({ delimiter: delimiterOf(options.head), info: true, skip_empty_lines: true, max_record_size: MAX_EVENT_BYTES });
  const feeding = pipeline(chunks, parser);
  feeding.catch(() => undefined); // the loop below meets the same error, or left early
  let toEvent: ((row: ParsedRow) => SourceEvent) | undefined;
  let group: SourceEvent[] = [];
  try {
    for await (const row of parser as AsyncIterable<ParsedRow>) { // `info` makes each record such an object
      if (toEvent === undefined) {
        toEvent = compileRow(row.record, options);
        continue;
      }
      group.push(toEvent(row));
      if (group.length < GROUP) continue;
      yield group;
      group = [];
    }
    await feeding;
  } catch (thrown) {
    throw thrown instanceof CsvError ? csvProblem(thrown, options.path) : thrown;
  }
  if (group.length > 0) yield group;
}

const DELIMITERS = [",", ";", "\t", "|"] as const;

/** The one that stands most often in the header, outside of quotes; a comma when none does. */
export function delimiterOf(head: Buffer): string {
  const header = head.toString().split(/\r\n|\n|\r/, 1)[0]!.replaceAll(/"(?:[^"]|"")*"/g, "");
  const counts = DELIMITERS.map((delimiter) => header.split(delimiter).length);
  return DELIMITERS[counts.indexOf(Math.max(...counts))]!;
}

/** Checks the header against the schema before a single event is sent. */
function compileRow(header: readonly string[], { path, schema }: CsvOptions): (row: ParsedRow) => SourceEvent {
  const names = header.map((name) => name.trim());
  const refuse = (reason: string): never => { throw new StrataError("FILE_INVALID", { path, format: "CSV", reason }); };
  const nameless = names.indexOf("");
  if (nameless !== -1) refuse(`column ${nameless + 1} has no name in the header`);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) refuse(`the header names "${twice}" twice`);
  const missing = (schema.required ?? []).filter((name) => !names.includes(name));
  if (missing.length > 0) {
    const unknown = names.filter((name) => !Object.hasOwn(schema.properties ?? {}, name));
    refuse(`its header lacks ${missing.map((name) => `${name}${suggestion(name, unknown)}`).join(", ")}, which every event of the stream needs`);
  }
  const fields = names.map((name) => ({ name, schema: schema.properties?.[name] }));
  return ({ record, info }) => {
    const event: Record<string, unknown> = {};
    for (const [at, field] of fields.entries()) {
      const cell = record[at]!;
      if (cell !== "") event[field.name] = field.schema === undefined ? cell : readText(cell, field.schema);
    }
    return { bytes: Buffer.from(JSON.stringify(event)), place: info.lines };
  };
}

function csvProblem(error: CsvError, path: string): StrataError {
  const line = typeof error["lines"] === "number" ? error["lines"] : undefined;
  const reason = CSV_REASONS[error.code]?.(error, line) ?? `${error.message}${line === undefined ? "" : ` (line ${line})`}`;
  return new StrataError("FILE_INVALID", { path, format: "CSV", reason }, { cause: error });
}

const CSV_REASONS: Readonly<Record<string, (error: CsvError, line: number | undefined) => string>> = {
  CSV_RECORD_INCONSISTENT_FIELDS_LENGTH: ({ record }, line) => `line ${line} has ${Array.isArray(record) ? record.length : "another number of"} cells, unlike the header`,
  CSV_QUOTE_NOT_CLOSED: (_, line) => `a quoted cell that begins at or before line ${line} has no closing quote`,
  CSV_MAX_RECORD_SIZE: (_, line) => `the row at line ${line} is longer than ${MAX_EVENT_BYTES / 1024 / 1024} MiB; is a quote missing?`,
};
