/**
 * Paths into payloads: `city`, `address.city`, `tags[]`, `tags[0]`, `"a.b".c`. Reading gives the values that a path
 * leads to, undefined when it leads nowhere; a list at its end is taken apart unless `flat` is false.
 */
import { StrataError } from "../../kernel/errors.ts";
import type { Payload } from "./point.ts";

export type PathStep = { readonly kind: "key"; readonly key: string } | { readonly kind: "each" } | { readonly kind: "at"; readonly index: number };
export type PayloadPath = readonly PathStep[];

const parsed = new Map<string, PayloadPath>();
const STEP = /(?:^|\.)(?:"([^"]*)"|([^.[\]"]+))|\[(\d*)\]/gy;

/** REQUEST_INVALID when it is no path. */
export function parsePath(text: string): PayloadPath {
  const known = parsed.get(text);
  if (known) return known;
  const steps: PathStep[] = [];
  STEP.lastIndex = 0;
  while (STEP.lastIndex < text.length) {
    const match = STEP.exec(text);
    if (match === null) throw new StrataError("REQUEST_INVALID", { reason: `"${text}" is not a path into a payload.` });
    const key = match[1] ?? match[2];
    steps.push(key !== undefined ? { kind: "key", key } : match[3] === "" ? { kind: "each" } : { kind: "at", index: Number(match[3]) });
  }
  if (steps.length === 0) throw new StrataError("REQUEST_INVALID", { reason: "A path into a payload cannot be empty." });
  if (parsed.size > 10_000) parsed.clear();
  parsed.set(text, steps);
  return steps;
}

export function valuesAt(payload: unknown, path: PayloadPath, flat = true): readonly unknown[] | undefined {
  if (path.length === 1 && path[0]!.kind === "key" && isObject(payload)) { // the usual case, without the walk
    const value = payload[path[0]!.key];
    if (value === undefined) return undefined;
    if (!flat || !Array.isArray(value)) return [value];
    return value.length > 0 ? value : undefined;
  }
  const found: unknown[] = [];
  collect(payload, path, 0, { flat, found });
  return found.length > 0 ? found : undefined;
}

function collect(data: unknown, path: PayloadPath, at: number, into: { readonly flat: boolean; readonly found: unknown[] }): void {
  const step = path[at]!;
  const isLast = at === path.length - 1;
  if (step.kind === "key") {
    if (!isObject(data) || data[step.key] === undefined) return;
    const value = data[step.key];
    if (!isLast) collect(value, path, at + 1, into);
    else if (Array.isArray(value) && into.flat) into.found.push(...value as readonly unknown[]);
    else into.found.push(value);
    return;
  }
  if (!Array.isArray(data)) return;
  const items = step.kind === "each" ? data as readonly unknown[] : data.slice(step.index, step.index + 1) as readonly unknown[];
  if (isLast) into.found.push(...items);
  else for (const item of items) collect(item, path, at + 1, into);
}

/** A copy with the value at a path set; what is missing on the way is made. */
export function withValueAt(payload: unknown, path: PayloadPath, change: (before: unknown) => unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return change(payload);
  if (step.kind === "key") {
    const before: Payload = isObject(payload) ? payload : {};
    return { ...before, [step.key]: withValueAt(before[step.key], rest, change) };
  }
  if (!Array.isArray(payload)) return payload;
  return (payload as readonly unknown[]).map((item, index) => (step.kind === "each" || step.index === index ? withValueAt(item, rest, change) : item));
}

/** A copy without what a path leads to. */
export function withoutPath(payload: unknown, path: PayloadPath): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return payload;
  if (step.kind === "key") {
    if (!isObject(payload) || !(step.key in payload)) return payload;
    if (rest.length > 0) return { ...payload, [step.key]: withoutPath(payload[step.key], rest) };
    return Object.fromEntries(Object.entries(payload).filter(([key]) => key !== step.key));
  }
  if (!Array.isArray(payload)) return payload;
  const items = payload as readonly unknown[];
  if (rest.length === 0) return step.kind === "each" ? [] : items.filter((_, index) => index !== step.index);
  return items.map((item, index) => (step.kind === "each" || step.index === index ? withoutPath(item, rest) : item));
}

function isObject(value: unknown): value is Payload {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
