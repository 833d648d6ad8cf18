/**
 * Feast's answer to a read: column by column, the keys first with the epoch as their time (the documentation's example
 * shows rows and is wrong; the server and its clients know columns). Written as text: for fifty numbers that is half
 * the work of building objects first.
 */
import type { OnDemandBlock, OnlineFeatures, ViewBlock } from "../../data/index.ts";
import { numberText, timeText } from "../number-text.ts";
import type { ColumnName, FeastSelection } from "./feature-references.ts";
import type { FeastQuestion } from "./online-request.ts";

const EPOCH = "1970-01-01T00:00:00Z";

export function onlineAnswer(asked: FeastSelection, { echoed }: FeastQuestion, online: OnlineFeatures): string {
  const { rows } = online;
  const presents = repeated("\"PRESENT\"", rows);
  const epochs = repeated(`"${EPOCH}"`, rows);
  let results = "";
  let names = "";
  for (const [name, values] of echoed) {
    results += `${results === "" ? "" : ","}{"values":${JSON.stringify(values)},"statuses":[${presents}],"event_timestamps":[${epochs}]}`;
    names += `${JSON.stringify(name)},`;
  }
  for (let view = 0; view < online.views.length; view++) results += viewColumns(online.views[view]!, asked.viewColumns[view]!, online, presents);
  for (const block of online.onDemand) results += onDemandColumns(block, `"statuses":[${presents}],"event_timestamps":[${epochs}]}`);
  if (results.startsWith(",")) results = results.slice(1); // on-demand features of the request alone have no keys
  return `{"results":[${results}],"metadata":{"feature_names":[${asked.namesJson === "" ? names.slice(0, -1) : names + asked.namesJson}]}}`;
}

/** Each column with a comma before it: the keys come first. */
function viewColumns(block: ViewBlock, names: readonly ColumnName[], { rows, atMs }: OnlineFeatures, presents: string): string {
  const { selected, latestMs } = block;
  if (names.length === 0) return "";
  const absences = absencesOf(block, rows, atMs);
  const times: string[] = [];
  for (let row = 0; row < rows; row++) times.push(eventTime(latestMs[row]!));
  const end = `],"event_timestamps":["${times.join("\",\"")}"]}`;
  let text = "";
  for (let column = 0; column < names.length; column++) text += columnText(block, { place: selected.places[column]!, isFloat: names[column]!.isFloat, rows, absences, presents }) + end;
  return text;
}

interface Column {
  readonly place: number;
  readonly isFloat: boolean;
  readonly rows: number;
  /** Why a row has no value at all; undefined where it is only this feature. */
  readonly absences: readonly (string | undefined)[] | undefined;
  readonly presents: string;
}

/** Joined lists are flat texts, which are sent faster than a chain of a thousand concatenations. */
function columnText({ reader, values }: ViewBlock, { place, isFloat, rows, absences, presents }: Column): string {
  const texts: string[] = [];
  let statuses: string[] | undefined;
  for (let row = 0; row < rows; row++) {
    const value = reader.valueOf(place, values, row * reader.width);
    const absence = absences?.[row] ?? (value === null ? "NULL_VALUE" : undefined);
    texts.push(absence === undefined ? valueText(value, isFloat) : "null");
    if (absence !== undefined) (statuses ??= Array.from({ length: rows }, () => "PRESENT"))[row] = absence;
  }
  return `,{"values":[${texts.join(",")}],"statuses":[${statuses === undefined ? presents : `"${statuses.join("\",\"")}"`}`;
}

function valueText(value: unknown, isFloat: boolean): string {
  if (Array.isArray(value)) return `[${value.filter((each) => each !== null).map((each) => valueText(each, isFloat)).join(",")}]`; // only the end of a list can be missing
  if (typeof value !== "number") return JSON.stringify(value);
  return isFloat && Number.isInteger(value) && Math.abs(value) < 1e21 ? `${value}.0` : numberText(value);
}

/** NOT_FOUND and OUTSIDE_MAX_AGE concern whole rows. */
function absencesOf(block: ViewBlock, rows: number, atMs: number): readonly (string | undefined)[] | undefined {
  let absences: (string | undefined)[] | undefined;
  for (let row = 0; row < rows; row++) {
    const absence = absenceOf(block, row, atMs);
    if (absence !== undefined) (absences ??= Array.from({ length: rows }, () => undefined))[row] = absence;
  }
  return absences;
}

export function absenceOf({ selected: { view: { ttlMs } }, latestMs }: ViewBlock, row: number, atMs: number): "NOT_FOUND" | "OUTSIDE_MAX_AGE" | undefined {
  const latest = latestMs[row]!;
  if (latest === Number.NEGATIVE_INFINITY) return "NOT_FOUND";
  return ttlMs !== undefined && atMs - latest > ttlMs ? "OUTSIDE_MAX_AGE" : undefined;
}

function onDemandColumns({ columns }: OnDemandBlock, end: string): string {
  return columns.map((values) => `,{"values":[${values.map((value) => (value === null ? "null" : valueText(value, true))).join(",")}],${end}`).join("");
}

const eventTime = (timeMs: number): string => (Math.abs(timeMs) <= 8.64e15 ? timeText(timeMs) : EPOCH); // beyond is none

const REPEATED = new Map<string, string>();
const MAX_REPEATED = 200;

/** The same list serves every column, and the next answer of as many rows. */
function repeated(word: string, rows: number): string {
  if (rows === 1) return word;
  const key = `${rows}${word}`;
  let text = REPEATED.get(key);
  if (text === undefined) {
    text = Array.from({ length: rows }, () => word).join(",");
    if (REPEATED.size >= MAX_REPEATED) REPEATED.clear();
    if (rows <= 1_000) REPEATED.set(key, text);
  }
  return text;
}
