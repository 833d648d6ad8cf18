/** Where each element of a JSON array stands in its text, for text that is known to be valid: no parsing, only strings and brackets. */

const QUOTE = 34, COMMA = 44, OPEN_BRACKET = 91, BACKSLASH = 92, CLOSE_BRACKET = 93, OPEN_BRACE = 123, CLOSE_BRACE = 125;

/** The elements' bytes, without the space around them, as views of `json`. `json` from `start` on must be a valid JSON array. */
export function splitArray(json: Buffer, start = 0): readonly Uint8Array[] {
  const elements: Uint8Array[] = [];
  let depth = 0;
  let elementStart = 0;
  const finish = (end: number): void => {
    const element = trimmed(json, elementStart, end);
    if (element.length > 0) elements.push(element); // nothing stands between the brackets of an empty array
    elementStart = end + 1;
  };
  for (let at = start; at < json.length; at++) {
    const byte = json[at];
    if (byte === QUOTE) at = endOfString(json, at);
    else if (byte === OPEN_BRACKET || byte === OPEN_BRACE) {
      if (++depth === 1) elementStart = at + 1;
    } else if (byte === CLOSE_BRACKET || byte === CLOSE_BRACE) {
      if (--depth === 0) finish(at);
    } else if (byte === COMMA && depth === 1) finish(at);
  }
  return elements;
}

/** Position of the quote that ends the string beginning at `quote`. */
function endOfString(json: Buffer, quote: number): number {
  let at = quote + 1;
  while (at < json.length && json[at] !== QUOTE) at += json[at] === BACKSLASH ? 2 : 1;
  return at;
}

/** The bytes of [from, to) without the white space of JSON around them, as a view. */
export function trimmed(json: Buffer, from: number, to: number): Uint8Array {
  while (from < to && isSpace(json[from])) from++;
  while (to > from && isSpace(json[to - 1])) to--;
  return new Uint8Array(json.buffer, json.byteOffset + from, to - from);
}

function isSpace(byte: number | undefined): boolean {
  return byte === 32 || byte === 10 || byte === 13 || byte === 9;
}
