/**
 * JSON: the elements of one array, or values one after another, found by their brackets without reading them whole.
 * Each comes out on one line in its own bytes, so no number is rounded on the way.
 */
import { StrataError } from "../../../kernel/errors.ts";
import { refuseHuge, type SourceEvent } from "./source-event.ts";

/** Events of each piece, in order. FILE_INVALID where the text is cut off or is no list of values. */
export async function* splitJson(chunks: AsyncIterable<Buffer>, path: string): AsyncGenerator<readonly SourceEvent[]> {
  const splitter = createJsonSplitter(path);
  for await (const chunk of chunks) {
    const events = splitter.push(chunk);
    if (events.length > 0) yield events;
  }
  const last = splitter.end();
  if (last.length > 0) yield last;
}

const SPACE = 32, TAB = 9, NEWLINE = 10, RETURN = 13, QUOTE = 34, BACKSLASH = 92, COMMA = 44;
const OPEN_OBJECT = 123, CLOSE_OBJECT = 125, OPEN_ARRAY = 91, CLOSE_ARRAY = 93;

const isSpace = (byte: number): boolean => byte === SPACE || byte === NEWLINE || byte === RETURN || byte === TAB;
const opens = (byte: number): boolean => byte === OPEN_OBJECT || byte === OPEN_ARRAY;
const closes = (byte: number): boolean => byte === CLOSE_OBJECT || byte === CLOSE_ARRAY;

/** What may come next outside of an element. */
type Expected = "anything" | "element or end" | "element" | "comma or end" | "nothing";

function createJsonSplitter(path: string) {
  let expected: Expected = "anything";
  let isArray = false;
  let count = 0;
  // of the element that is being read
  let isInside = false;
  let isText = false;
  let isEscaped = false;
  let isBroken = false; // over several lines
  let depth = 0;
  let pieces: Buffer[] = [];
  let sizeBytes = 0;
  const events: SourceEvent[] = [];

  const refuse = (reason: string): never => { throw new StrataError("FILE_INVALID", { path, format: "JSON", reason }); };

  const keep = (piece: Buffer): void => {
    if (piece.length > 0) pieces.push(piece);
    sizeBytes += piece.length;
    refuseHuge(sizeBytes, { path, format: "JSON", place: `event ${count + 1}` });
  };

  const finish = (): void => {
    const bytes = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
    events.push({ bytes: isBroken ? onOneLine(bytes) : bytes, place: ++count });
    isInside = isBroken = false;
    pieces = [];
    sizeBytes = 0;
    expected = isArray ? "comma or end" : "anything";
  };

  /** A byte between elements; true when an element begins with it. */
  const between = (byte: number): boolean => {
    if (isSpace(byte)) return false;
    if (expected === "nothing") refuse("something follows the end of the array");
    if (byte === OPEN_ARRAY && expected === "anything" && count === 0 && !isArray) {
      isArray = true;
      expected = "element or end";
      return false;
    }
    if (isArray && byte === CLOSE_ARRAY && expected !== "element") {
      expected = "nothing";
      return false;
    }
    if (byte === COMMA && expected === "comma or end") {
      expected = "element";
      return false;
    }
    if (expected === "comma or end") refuse(`a comma or the end of the array must follow event ${count}`);
    if (byte === COMMA || closes(byte)) refuse(`"${String.fromCharCode(byte)}" stands where event ${count + 1} should begin`);
    return true;
  };

  /** A byte of an element; true when the element ends with it. */
  const inside = (byte: number): boolean => {
    if (isText) {
      if (byte === NEWLINE || byte === RETURN) refuse(`a text in event ${count + 1} has no end on its line`);
      if (isEscaped) isEscaped = false;
      else if (byte === BACKSLASH) isEscaped = true;
      else if (byte === QUOTE) {
        isText = false;
        return depth === 0;
      }
      return false;
    }
    if (byte === QUOTE) isText = true;
    else if (opens(byte)) depth++;
    else if (closes(byte)) return --depth === 0;
    else if (byte === NEWLINE || byte === RETURN) isBroken = true;
    return false;
  };

  /** Numbers and words end before the byte that follows them. */
  const endsBefore = (byte: number): boolean => depth === 0 && !isText && (isSpace(byte) || byte === COMMA || closes(byte));

  const push = (chunk: Buffer): readonly SourceEvent[] => {
    events.length = 0;
    let start = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at]!;
      if (isInside && endsBefore(byte)) {
        keep(chunk.subarray(start, at));
        finish();
      }
      if (!isInside) {
        if (!between(byte)) continue;
        isInside = true;
        start = at;
      }
      if (!inside(byte)) continue;
      keep(chunk.subarray(start, at + 1));
      finish();
    }
    if (isInside) keep(chunk.subarray(start));
    return [...events];
  };

  const end = (): readonly SourceEvent[] => {
    events.length = 0;
    if (isInside && (depth > 0 || isText)) refuse(`it ends in the middle of event ${count + 1}`);
    if (isInside) finish();
    if (isArray && expected !== "nothing") refuse(`it ends before the array does, after ${count} events`);
    return [...events];
  };

  return { push, end };
}

/** Line breaks stand only between the parts of a value: texts with one were refused. */
function onOneLine(bytes: Buffer): Buffer {
  return Buffer.from(bytes.map((byte) => (byte === NEWLINE || byte === RETURN ? SPACE : byte)));
}
