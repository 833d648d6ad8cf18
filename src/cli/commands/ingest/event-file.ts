/** Which format a file is in, and its events. */
import type { JsonSchema } from "../../schema-value.ts";
import type { ByteSource } from "./byte-source.ts";
import { readCsv } from "./csv-rows.ts";
import { splitJson } from "./json-splitter.ts";
import { splitLines } from "./line-splitter.ts";
import type { SourceEvent } from "./source-event.ts";

export const FORMATS = ["ndjson", "json", "csv"] as const;
export type Format = (typeof FORMATS)[number];

const FORMAT_OF_ENDING: Readonly<Record<string, Format>> = {
  ndjson: "ndjson", jsonl: "ndjson", json: "json", csv: "csv", tsv: "csv",
};

/** By the name's ending (".csv.gz" is CSV), else by how the text begins. Pure. */
export function formatOf(path: string, head: Buffer): Format {
  const ending = /\.([a-z]+)$/i.exec(path.replace(/\.gz$/i, ""))?.[1]?.toLowerCase() ?? "";
  const named = Object.hasOwn(FORMAT_OF_ENDING, ending) ? FORMAT_OF_ENDING[ending] : undefined;
  return named ?? formatOfText(head.toString().trimStart());
}

/** An object that ends on its line is NDJSON, where a bad line is refused alone. */
function formatOfText(text: string): Format {
  if (text.startsWith("[")) return "json";
  if (!text.startsWith("{")) return "csv";
  return /^\{[^\n]*\}[ \t\r]*(?:\n|$)/.test(text) ? "ndjson" : "json";
}

/** Events in groups, in the order of the file. */
export function eventsOf(source: ByteSource, format: Format, schema: JsonSchema): AsyncIterable<readonly SourceEvent[]> {
  const { path, chunks, head } = source;
  if (format === "csv") return readCsv(chunks, { path, schema, head });
  return format === "json" ? splitJson(chunks, path) : splitLines(chunks, path);
}

/** "line 17" or "event 17". */
export function placeText(format: Format, place: number): string {
  return `${format === "json" ? "event" : "line"} ${place}`;
}
