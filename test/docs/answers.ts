/**
 * Whether an answer is the documented one. "…" in the documentation stands for anything: for a value, for the rest of
 * a text, for further elements of an array, for further members of an object (`"…": "…"`). All else must be equal. Pure.
 */

const ANYTHING = "…";

/** The first difference as a sentence; undefined when the answer is as documented. */
export function differenceOf(documented: unknown, actual: unknown, path = "answer"): string | undefined {
  if (documented === ANYTHING) return undefined;
  if (typeof documented === "string" && documented.endsWith(ANYTHING) && typeof actual === "string") {
    return actual.startsWith(documented.slice(0, -1)) ? undefined : differs(path, documented, actual);
  }
  if (Array.isArray(documented) && Array.isArray(actual)) return arrayDifference(documented, actual, path);
  if (isRecord(documented) && isRecord(actual)) return recordDifference(documented, actual, path);
  return Object.is(documented, actual) ? undefined : differs(path, documented, actual);
}

function arrayDifference(documented: readonly unknown[], actual: readonly unknown[], path: string): string | undefined {
  const isOpen = documented.at(-1) === ANYTHING;
  const expected = isOpen ? documented.slice(0, -1) : documented;
  if (isOpen ? actual.length < expected.length : actual.length !== expected.length) return `${path} has ${actual.length} elements`;
  return first(expected.map((value, index) => differenceOf(value, actual[index], `${path}[${index}]`)));
}

function recordDifference(documented: Readonly<Record<string, unknown>>, actual: Readonly<Record<string, unknown>>, path: string): string | undefined {
  const { [ANYTHING]: rest, ...expected } = documented;
  const missing = Object.keys(expected).find((key) => !Object.hasOwn(actual, key));
  if (missing !== undefined) return `${path} has no member "${missing}"`;
  const extra = rest === undefined ? Object.keys(actual).find((key) => !Object.hasOwn(expected, key)) : undefined;
  if (extra !== undefined) return `${path} has a member "${extra}" that is not documented: ${JSON.stringify(actual[extra])}`;
  return first(Object.entries(expected).map(([key, value]) => differenceOf(value, actual[key], `${path}.${key}`)));
}

function differs(path: string, documented: unknown, actual: unknown): string {
  return `${path} is ${JSON.stringify(actual)}, documented is ${JSON.stringify(documented)}`;
}

function first(differences: readonly (string | undefined)[]): string | undefined {
  return differences.find((difference) => difference !== undefined);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
