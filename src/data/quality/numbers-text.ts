/** Arrays of numbers as text in a checkpoint: base64 of their bytes, a third of what JSON numbers of that size take. */

export function encodeNumbers(values: Iterable<number>): string {
  return Buffer.from(Float64Array.from(values).buffer).toString("base64");
}

export function decodeNumbers(text: string): Float64Array {
  const bytes = Buffer.from(text, "base64");
  const aligned = new Uint8Array(bytes.length); // a buffer of the pool may start at any byte
  aligned.set(bytes);
  return new Float64Array(aligned.buffer);
}
