/**
 * Text streams in pieces: lines (NDJSON), and server-sent events as the HTML standard §9.2.6 reads them.
 * Pure but for the iteration: pieces may be cut anywhere, also within a character or between CR and LF.
 */

export interface ServerSentEvent {
  /** "message" unless the server names it. */
  readonly event: string;
  readonly data: string;
  /** The last id the server gave, for reading on after a break. */
  readonly id: string | undefined;
}

/** Lines without their ends (LF, CRLF or CR); a last line without an end counts, an empty rest does not. */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of chunks) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split(LINE_END);
    rest = parts.pop() ?? "";
    yield* parts;
  }
  const parts = (rest + decoder.decode()).split(/\r\n|\n|\r/);
  if (parts.at(-1) === "") parts.pop();
  yield* parts;
}

/** A CR at the very end waits: the next piece may begin with its LF. */
const LINE_END = /\r\n|\n|\r(?!$)/;

/** Events from lines: an empty line dispatches; comments, unknown fields and an unfinished last event are dropped. */
export async function* eventsOf(lines: AsyncIterable<string>): AsyncGenerator<ServerSentEvent> {
  let event = "";
  let data: string[] = [];
  let id: string | undefined;
  for await (const line of lines) {
    if (line === "") {
      if (data.length > 0) yield { event: event === "" ? "message" : event, data: data.join("\n"), id };
      event = "";
      data = [];
      continue;
    }
    const { name, value } = fieldOf(line);
    if (name === "event") event = value;
    else if (name === "data") data.push(value);
    else if (name === "id" && !value.includes("\0")) id = value;
  }
}

/** One space after the colon belongs to the notation; a line that begins with a colon is a comment. */
function fieldOf(line: string): { readonly name: string; readonly value: string } {
  const colon = line.indexOf(":");
  if (colon === -1) return { name: line, value: "" };
  const value = line.slice(colon + 1);
  return { name: line.slice(0, colon), value: value.startsWith(" ") ? value.slice(1) : value };
}
