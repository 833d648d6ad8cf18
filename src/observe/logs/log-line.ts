/**
 * One structured log line and its two written forms: a JSON object per line, or text for people.
 * Written lines never contain a raw line break or control character, whatever a message holds, so one event
 * stays one line and a caller cannot forge another.
 */
import type { LogLevel } from "../../ports/telemetry.ts";

export interface LogLine {
  /** Counts lines from 1; gaps in what `lines()` returns mean the ring has moved on. */
  readonly sequence: number;
  readonly timeMs: number;
  readonly level: LogLevel;
  readonly message: string;
  /** Plain JSON, bounded in size. */
  readonly fields: Readonly<Record<string, unknown>>;
}

export const LEVEL_RANK: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

const MAXIMUM_TEXT_LENGTH = 4_000;
const MAXIMUM_MEMBERS = 64;
const MAXIMUM_DEPTH = 5;
const MAXIMUM_FIELDS_LENGTH = 16_000;

/** `{"time":"…","level":"info","message":"…",…fields}`; fields cannot replace the first three. */
export function formatJsonLine(line: LogLine): string {
  const own = { time: new Date(line.timeMs).toISOString(), level: line.level, message: line.message };
  return JSON.stringify({ ...own, ...line.fields, ...own }); // first for the order, last for the values
}

const COLOURS: Readonly<Record<LogLevel, number>> = { debug: 90, info: 36, warn: 33, error: 31 };

/** `12:00:00.000 info  message  field=value`; colour is ANSI. Times are UTC. */
export function formatPrettyLine(line: LogLine, { colour = false }: { readonly colour?: boolean } = {}): string {
  const time = new Date(line.timeMs).toISOString().slice(11, 23);
  const level = line.level.padEnd(5);
  const paintedLevel = colour ? `\u001B[${COLOURS[line.level]}m${level}\u001B[39m` : level;
  const fields = Object.entries(line.fields).flatMap(([name, value]) => (value === undefined ? [] : `${escapeControls(name)}=${prettyValue(value)}`)).join(" "); // JSON leaves undefined out, too
  return `${time} ${paintedLevel} ${escapeControls(line.message)}${fields === "" ? "" : `  ${fields}`}`;
}

/** A copy of the fields as plain JSON of at most some 16 kB: errors by name and message, no cycles, the rest cut. */
export function plainFields(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const plain = plainValue(fields, { depth: MAXIMUM_DEPTH, budget: { left: MAXIMUM_FIELDS_LENGTH } });
  return isRecord(plain) ? plain : {};
}

export function boundedText(text: string): string {
  return text.length <= MAXIMUM_TEXT_LENGTH ? text : `${text.slice(0, MAXIMUM_TEXT_LENGTH)}… (${text.length} characters)`;
}

/** How much further a copy may go; the budget is shared by all members of one line. */
interface Room {
  readonly depth: number;
  readonly budget: { left: number };
}

function plainValue(value: unknown, room: Room): unknown {
  room.budget.left -= 8;
  if (value === null || value === undefined || typeof value === "boolean") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value === "string") return spend(value, room);
  if (typeof value !== "object") return typeof value === "bigint" ? String(value) : `(${typeof value})`;
  return room.depth === 0 || room.budget.left <= 0 ? "…" : plainObject(value, { ...room, depth: room.depth - 1 });
}

function spend(text: string, room: Room): string {
  if (room.budget.left <= 0) return "…";
  const bounded = boundedText(text);
  room.budget.left -= bounded.length;
  return bounded;
}

/** Getters and toJSON belong to the caller and may throw; a log line must not. */
function plainObject(value: object, room: Room): unknown {
  try {
    if (value instanceof Error) return plainError(value, room);
    if (ArrayBuffer.isView(value)) return `(${value.byteLength} bytes)`;
    if (Array.isArray(value)) return value.slice(0, MAXIMUM_MEMBERS).map((item) => plainValue(item, room));
    if ("toJSON" in value && typeof value.toJSON === "function") return plainValue(value.toJSON(), room);
    const members = Object.entries(value).slice(0, MAXIMUM_MEMBERS);
    return Object.fromEntries(members.map(([name, member]) => [spend(name, room), plainValue(member, room)]));
  } catch {
    return "(not readable)";
  }
}

function plainError(error: Error, room: Room): unknown {
  const code = "code" in error ? { code: plainValue(error.code, room) } : {};
  const cause = error.cause === undefined ? {} : { cause: plainValue(error.cause, room) };
  return { name: error.name, message: spend(error.message, room), ...code, ...cause };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function prettyValue(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "undefined");
  return typeof value === "string" && /[\s="]/.test(text) ? escapeControls(JSON.stringify(text)) : escapeControls(text);
}

function escapeControls(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]/gu, (character) =>
    character === "\n" ? "\\n" : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
