/**
 * A file of numbered binary sections: a magic word, the sections' lengths, then their bytes. Numbers are stored as
 * they lie in memory (little-endian on every platform Node runs on), texts as lines of JSON, which keeps any string
 * exactly.
 */

type NumberArray = Float64Array | Int32Array | Uint8Array;

const LENGTH_BYTES = 8;

/** The sections as one array of bytes. */
export function joinSections(magic: string, sections: readonly Uint8Array[]): Uint8Array {
  const head = Buffer.from(magic, "latin1");
  const lengths = Float64Array.from([sections.length, ...sections.map((section) => section.byteLength)]);
  return Buffer.concat([head, bytesOf(lengths), ...sections]);
}

/** The sections of `joinSections`, as views; throws when the bytes are not such a file. */
export function splitSections(magic: string, bytes: Uint8Array): readonly Uint8Array[] {
  if (Buffer.from(bytes.subarray(0, magic.length)).toString("latin1") !== magic) throw new Error(`it does not begin with ${magic}`);
  const count = lengthAt(bytes, magic.length);
  let position = magic.length + LENGTH_BYTES * (count + 1);
  const sections = Array.from({ length: count }, (_, index) => {
    const length = lengthAt(bytes, magic.length + LENGTH_BYTES * (index + 1));
    position += length;
    return bytes.subarray(position - length, position);
  });
  if (position !== bytes.byteLength) throw new Error(`it has ${bytes.byteLength} bytes where ${position} were written`);
  return sections;
}

function lengthAt(bytes: Uint8Array, position: number): number {
  const length = position + LENGTH_BYTES <= bytes.byteLength ? new DataView(bytes.buffer, bytes.byteOffset + position).getFloat64(0, true) : Number.NaN;
  if (!Number.isSafeInteger(length) || length < 0 || length > bytes.byteLength) throw new Error("a length in it is damaged");
  return length;
}

/** The memory of an array of numbers. */
export function bytesOf(numbers: NumberArray): Uint8Array {
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}

export const doublesOf = (section: Uint8Array): Float64Array => new Float64Array(copyOf(section, 8));
export const integersOf = (section: Uint8Array): Int32Array => new Int32Array(copyOf(section, 4));

/** A copy, because sections need not be aligned. */
function copyOf(section: Uint8Array, unit: number): ArrayBuffer {
  if (section.byteLength % unit !== 0) throw new Error("a section has a broken length");
  return new Uint8Array(section).buffer;
}

/** Texts in blocks, so that no single string outgrows V8's limit of 512 MB. */
const TEXTS_PER_LINE = 65_536;
const LINE_FEED = 10;

export function encodeTexts(texts: readonly unknown[]): Uint8Array {
  const lines: Buffer[] = [];
  for (let from = 0; from < texts.length; from += TEXTS_PER_LINE) lines.push(Buffer.from(`${JSON.stringify(texts.slice(from, from + TEXTS_PER_LINE))}\n`));
  return Buffer.concat(lines);
}

export function decodeTexts(section: Uint8Array): readonly unknown[] {
  const texts: unknown[] = [];
  const bytes = Buffer.from(section.buffer, section.byteOffset, section.byteLength);
  for (let from = 0; from < bytes.length;) {
    const to = bytes.indexOf(LINE_FEED, from);
    if (to < 0) throw new Error("a text section is cut off");
    const line: unknown = JSON.parse(bytes.toString("utf8", from, to));
    if (!Array.isArray(line)) throw new Error("a text section is damaged");
    for (const text of line) texts.push(text);
    from = to + 1;
  }
  return texts;
}
