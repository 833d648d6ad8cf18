/**
 * Gives every distinct scalar of a column a small whole number, in order of first appearance, so that windows
 * compare integers instead of text.
 */
import type { Scalar } from "../../define/index.ts";

/** The code of "no value". */
export const MISSING_CODE = -1;

export interface Dictionary {
  /** The scalars by code. */
  readonly values: readonly Scalar[];
  /** The scalar's code; a new one when it was not seen before. */
  encode(value: Scalar): number;
}

export function createDictionary(known: readonly Scalar[] = []): Dictionary {
  const values = [...known];
  const codes = new Map(values.map((value, code) => [value, code]));
  return {
    values,
    encode: (value) => {
      const code = codes.get(value);
      if (code !== undefined) return code;
      codes.set(value, values.length);
      return values.push(value) - 1;
    },
  };
}

/** Drops the scalars that no code uses any more; returns the kept ones and each old code's new one (-1 = dropped). */
export function compactDictionary(dictionary: Dictionary, used: Uint8Array): { readonly dictionary: Dictionary; readonly newCodes: Int32Array } {
  const kept: Scalar[] = [];
  const newCodes = new Int32Array(dictionary.values.length).fill(MISSING_CODE);
  dictionary.values.forEach((value, code) => {
    if (used[code] === 1) newCodes[code] = kept.push(value) - 1;
  });
  return { dictionary: createDictionary(kept), newCodes };
}
