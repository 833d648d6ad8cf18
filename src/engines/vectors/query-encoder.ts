/**
 * Rows and queries as codes. A row's codes are its numbers over its own scale, 8 bits; a query's are finer, as fine as
 * 32-bit sums allow. Both keep the norm of what rounding lost, from which the kernel derives a bound that no row's
 * closeness exceeds (Cauchy-Schwarz), so that looking at codes first loses no true neighbour.
 */
import type { Arena } from "./arena.ts";

/** Beyond what 32-bit floats round in a sum. */
const SLACK = 4e-6;
const ROW_CODES = 127;

/** Unit length for cosine; a zero vector stays as it is. */
export function unitVector(vector: Float32Array): Float32Array {
  let square = 0;
  for (let i = 0; i < vector.length; i++) square += vector[i]! * vector[i]!;
  if (square === 0) return vector;
  const factor = 1 / Math.sqrt(square);
  return vector.map((value) => value * factor);
}

/** Writes floats, codes and meta of a row. `centre` is subtracted before coding. */
export function encodeRow(arena: Arena, row: number, vector: Float32Array, centre: Float32Array | undefined): void {
  const { floats, codes } = arena;
  floats.set(vector, arena.floatsAt(row) / 4);
  let largest = 0, square = 0;
  for (let i = 0; i < vector.length; i++) {
    const value = centre ? vector[i]! - centre[i]! : vector[i]!;
    square += value * value;
    largest = Math.max(largest, Math.abs(value));
  }
  const scale = largest / ROW_CODES, inverse = largest === 0 ? 0 : ROW_CODES / largest;
  const at = arena.codesAt(row);
  let lost = 0;
  for (let i = 0; i < vector.length; i++) {
    const value = centre ? vector[i]! - centre[i]! : vector[i]!;
    const code = Math.round(value * inverse);
    codes[at + i] = code;
    lost += (value - code * scale) ** 2;
  }
  const meta = arena.metaAt(row) / 4, norm = Math.sqrt(square);
  floats[meta] = scale;
  floats[meta + 2] = norm;
  floats[meta + 1] = Math.sqrt(lost) + SLACK * norm; // last: it makes the row one that is there
}

/** Puts a query on the thread's desk; gives what `near` and `scan` leave out of closeness, the same for all rows. */
export function encodeQuery(arena: Arena, query: Float32Array, centre: Float32Array | undefined): { readonly constant: number } {
  const { layout, desk, floats, kernels } = arena;
  floats.set(query, desk.queryFloats / 4);
  const codes = new Int16Array(arena.memory.buffer, desk.queryCodes, layout.codeStride);
  let largest = 0, square = 0;
  for (let i = 0; i < query.length; i++) {
    const value = centre ? query[i]! - centre[i]! : query[i]!;
    square += value * value;
    largest = Math.max(largest, Math.abs(value));
  }
  const finest = Math.min(32_767, Math.floor(2 ** 31 / ROW_CODES / layout.codeStride) - 1);
  const scale = largest / finest, inverse = largest === 0 ? 0 : finest / largest;
  let lost = 0;
  codes.fill(0);
  for (let i = 0; i < query.length; i++) {
    const value = centre ? query[i]! - centre[i]! : query[i]!;
    const code = Math.round(value * inverse);
    codes[i] = code;
    lost += (value - code * scale) ** 2;
  }
  const norm = Math.sqrt(square), error = Math.sqrt(lost);
  kernels.query(scale, (norm + error) * (1 + SLACK), error + SLACK * norm);
  return { constant: layout.distance === "euclid" ? square : 0 };
}
