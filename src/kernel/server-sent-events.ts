/**
 * Server-sent events from bytes (WHATWG HTML, section 9.2), whole frames only: characters split between two chunks,
 * every kind of line end, comments and several data lines are taken care of. Frames in the plain form `data: …\n\n` keep their bytes.
 */
export interface EventFrame {
  /** The event's data; lines joined with "\n". */
  readonly data: string;
  /** The event's type; "" when it has none. */
  readonly event: string;
  /** The frame as it arrived, when it is nothing but `data: <one line>` and a blank line; else undefined. */
  readonly plain: Buffer | undefined;
}

export interface EventFrames {
  /** The frames that this chunk completes. Raises RangeError when one frame grows beyond the limit. */
  push(chunk: Buffer): EventFrame[];
  /** The stream has ended: the frame that lacks its blank line, if there is one. */
  end(): EventFrame | undefined;
}

const LF = 10;
const CR = 13;
const PLAIN_PREFIX = Buffer.from("data: ");

export function createEventFrames({ maximumFrameBytes = 4 * 1024 * 1024 }: { readonly maximumFrameBytes?: number } = {}): EventFrames {
  let rest: Buffer | undefined;

  return {
    push: (chunk) => {
      const bytes = rest === undefined ? chunk : Buffer.concat([rest, chunk]);
      const found: EventFrame[] = [];
      let from = 0;
      let carriage = bytes.indexOf(CR);
      for (;;) {
        if (carriage >= 0 && carriage < from) carriage = bytes.indexOf(CR, from);
        const to = frameEnd(bytes, from, carriage);
        if (to < 0) break;
        const frame = readFrame(bytes.subarray(from, to));
        if (frame !== undefined) found.push(frame);
        from = to;
      }
      rest = from === bytes.length ? undefined : bytes.subarray(from);
      if (rest !== undefined && rest.length > maximumFrameBytes) throw new RangeError(`one event is larger than ${maximumFrameBytes} bytes`);
      return found;
    },
    end: () => {
      const last = rest;
      rest = undefined;
      return last === undefined ? undefined : readFrame(Buffer.concat([last, Buffer.from("\n\n")]));
    },
  };
}

/** Behind the blank line that ends the frame at `from`; -1 when it is not complete. `carriage`: the first one at or after `from`. */
function frameEnd(bytes: Buffer, from: number, carriage: number): number {
  const pair = bytes.indexOf("\n\n", from, "latin1");
  if (carriage < 0 || (pair >= 0 && pair < carriage)) return pair < 0 ? -1 : pair + 2;
  return frameEndAmongCarriages(bytes, from);
}

/** Line by line; a carriage return at the very end may be half of a line end, so it waits for the next chunk. */
function frameEndAmongCarriages(bytes: Buffer, from: number): number {
  let lineStart = from;
  for (let at = from; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte !== LF && byte !== CR) continue;
    if (byte === CR && at + 1 === bytes.length) return -1;
    const next = byte === CR && bytes[at + 1] === LF ? at + 2 : at + 1;
    if (at === lineStart) return next;
    lineStart = next;
    at = next - 1;
  }
  return -1;
}

function readFrame(frame: Buffer): EventFrame | undefined {
  if (frame.length > 8 && frame[0] === 100 && frame.compare(PLAIN_PREFIX, 0, 6, 0, 6) === 0) {
    const lineEnd = frame.indexOf(LF, 6);
    if (lineEnd === frame.length - 2 && frame[lineEnd - 1] !== CR && frame.indexOf(CR, 6) < 0) {
      return { data: frame.toString("utf8", 6, lineEnd), event: "", plain: frame };
    }
  }
  return readLines(frame.toString("utf8"));
}

function readLines(text: string): EventFrame | undefined {
  const data: string[] = [];
  let event = "";
  for (const line of text.replace(/^\uFEFF/, "").split(/\r\n|\r|\n/)) {
    const colon = line.indexOf(":");
    if (colon === 0 || line === "") continue;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") data.push(value);
    else if (field === "event") event = value;
  }
  return data.length === 0 ? undefined : { data: data.join("\n"), event, plain: undefined };
}
