/** Which part of a payload is shown: everything, nothing, some paths, or all but some. A path takes what lies below it along. */
import type { Payload } from "../../data/index.ts";

export function payloadShown(payload: Payload, selector: unknown): Payload | undefined {
  if (selector === false || selector === undefined || selector === null) return undefined;
  if (selector === true) return payload;
  if (Array.isArray(selector)) return include(payload, selector as readonly string[]);
  const { include: wanted, exclude: unwanted } = selector as { readonly include?: readonly string[]; readonly exclude?: readonly string[] };
  return wanted ? include(payload, wanted) : select(payload, "", (path) => !(unwanted ?? []).some((pattern) => startsWith(path, pattern))) as Payload;
}

function include(payload: Payload, patterns: readonly string[]): Payload {
  return select(payload, "", (path) => patterns.some((pattern) => startsWith(path, pattern) || startsWith(pattern, path))) as Payload;
}

function select(value: unknown, path: string, isShown: (path: string) => boolean): unknown {
  if (Array.isArray(value)) return isShown(`${path}[]`) || isShown(path) ? (value as readonly unknown[]).map((item) => select(item, `${path}[]`, isShown)) : [];
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).flatMap(([key, member]) => {
    const below = path === "" ? key : `${path}.${key}`;
    return isShown(below) ? [[key, select(member, below, isShown)]] : [];
  }));
}

function startsWith(path: string, prefix: string): boolean {
  const parts = stepsOf(path), first = stepsOf(prefix);
  return first.length <= parts.length && first.every((step, i) => step === parts[i]);
}

function stepsOf(path: string): readonly string[] {
  return path.replaceAll("[]", "").split(".").filter((step) => step !== "");
}
