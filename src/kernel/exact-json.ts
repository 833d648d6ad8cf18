/**
 * JSON with integers as they were written. `JSON.parse` rounds integers beyond 2^53, which destroys INT64 and UINT64
 * tensors; V8 tells the digits of each number to the reviver, at many times the cost of a plain parse.
 */

/** The value with every integer beyond 2^53 as a bigint. Raises SyntaxError. */
export function parseExactJson(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown, context?: { readonly source?: string }) =>
    (typeof value === "number" && !Number.isSafeInteger(value) && context?.source !== undefined && /^-?\d+$/.test(context.source) ? BigInt(context.source) : value)) as unknown;
}
