/**
 * From a request's bytes to drafted events. Each event keeps the slice of the body it was written in, so that the log
 * stores the original bytes: no number is rounded and no member reordered by writing it again.
 */
import { isAscii, isUtf8 } from "node:buffer";
import { setImmediate as nextTurn } from "node:timers/promises";
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import type { Problem } from "../../kernel/errors.ts";
import type { Draft } from "./draft.ts";
import { splitArray, trimmed } from "./json-elements.ts";

export interface TextLimits {
  readonly maxRecordBytes: number;
}

/** A long request gives way to others after this much text, about 3 ms of parsing. */
const TURN_BYTES = 256 * 1024;

const NEWLINE = 10;
const NOT_UTF8: readonly Problem[] = [{ path: "", message: "is not valid UTF-8", code: "not UTF-8" }];

/** Drafts one event per line; a line that cannot be read is refused alone. */
export async function draftLines(body: Buffer, draft: Draft, limits: TextLimits): Promise<void> {
  const text = textReader(body);
  let turnEnds = TURN_BYTES;
  for (let at = startOfText(body); at < body.length;) {
    const newline = body.indexOf(NEWLINE, at);
    const end = newline === -1 ? body.length : newline;
    if (!isBlank(body, at, end)) draftLine(draft, limits, { line: slice(body, at, end), text: text(at, end) });
    at = end + 1;
    if (at > turnEnds) {
      await nextTurn();
      turnEnds = at + TURN_BYTES;
    }
  }
}

/** Drafts the body's one object, or each element of its array. BODY_INVALID when the body as a whole is neither. */
export async function draftJson(body: Buffer, draft: Draft, limits: TextLimits): Promise<void> {
  const value = parseBody(body);
  if (!Array.isArray(value)) return draftValue(draft, limits, { value, payload: trimmed(body, startOfText(body), body.length) });
  const payloads = splitArray(body, startOfText(body));
  let turnEnds = TURN_BYTES;
  for (const [index, payload] of payloads.entries()) {
    draftValue(draft, limits, { value: value[index], payload });
    if (payload.byteOffset - body.byteOffset > turnEnds) {
      await nextTurn();
      turnEnds = payload.byteOffset - body.byteOffset + TURN_BYTES;
    }
  }
}

/** An event's text as a value, or the problem it has. */
export function parseEvent(text: string): { readonly value: unknown } | { readonly problem: Problem } {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch (thrown) {
    return { problem: { path: "", message: `is not JSON: ${reasonOf(thrown)}`, code: "not JSON" } };
  }
}

function draftLine(draft: Draft, limits: TextLimits, { line, text }: { readonly line: Uint8Array; readonly text: string | undefined }): void {
  if (line.length > limits.maxRecordBytes) return draft.refuse(line, [tooLarge(line, limits)]);
  if (text === undefined) return draft.refuse(line, NOT_UTF8);
  const parsed = parseEvent(text);
  if ("problem" in parsed) draft.refuse(line, [parsed.problem]);
  else draft.take(parsed.value, line);
}

function draftValue(draft: Draft, limits: TextLimits, { value, payload }: { readonly value: unknown; readonly payload: Uint8Array }): void {
  if (payload.length > limits.maxRecordBytes) draft.refuse(payload, [tooLarge(payload, limits)]);
  else draft.take(value, payload);
}

export function tooLarge(payload: Uint8Array, { maxRecordBytes }: TextLimits): Problem {
  const { message } = new StrataError("RECORD_TOO_LARGE", { sizeBytes: payload.length, limitBytes: maxRecordBytes });
  return { path: "", message, code: "too large" };
}

function parseBody(body: Buffer): unknown {
  const refuse = (reason: string): StrataError => new StrataError("BODY_INVALID", { format: "JSON", reason });
  if (!isUtf8(body)) throw refuse("it is not UTF-8.");
  const parsed = parseEvent(body.toString("utf8", startOfText(body)));
  if ("problem" in parsed) throw refuse(parsed.problem.message.replace("is not JSON: ", ""));
  if (typeof parsed.value !== "object" || parsed.value === null) throw refuse("it must be an object or an array of objects.");
  return parsed.value;
}

/** How to read a part of the body as text; undefined where it is not UTF-8. Plain ASCII, the common case, is read as Latin-1: a copy without decoding. */
function textReader(body: Buffer): (from: number, to: number) => string | undefined {
  if (isAscii(body)) return (from, to) => body.toString("latin1", from, to);
  if (isUtf8(body)) return (from, to) => body.toString("utf8", from, to);
  return (from, to) => (isUtf8(body.subarray(from, to)) ? body.toString("utf8", from, to) : undefined);
}

/** Some tools begin a file with a byte order mark. */
function startOfText(body: Buffer): number {
  return body.length >= 3 && body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf ? 3 : 0;
}

function isBlank(body: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) {
    const byte = body[at]!;
    if (byte !== 32 && byte !== 9 && byte !== 13) return false;
  }
  return true;
}

/** Without the carriage return of a line that ends in CR LF. */
function slice(body: Buffer, from: number, to: number): Uint8Array {
  return new Uint8Array(body.buffer, body.byteOffset + from, (body[to - 1] === 13 ? to - 1 : to) - from);
}
