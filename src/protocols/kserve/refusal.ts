/** How the readers of this protocol refuse a request: one code, a sentence that names the place. */
import { StrataError } from "../../kernel/errors.ts";

/** INFERENCE_INVALID with the reason. */
export function refuse(reason: string, model = "{model}"): never {
  throw new StrataError("INFERENCE_INVALID", { reason, model });
}

/** A value as a message may show it: short, one level deep, however large it is. */
export function shown(value: unknown): string {
  if (!Array.isArray(value)) return briefly(value);
  return `[${value.slice(0, 4).map(briefly).join(",")}${value.length > 4 ? ",…" : ""}]`;
}

function briefly(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}…` : value);
  if (typeof value !== "object" || value === null) return String(value);
  return Array.isArray(value) ? "[…]" : Object.keys(value).length === 0 ? "{}" : "{…}";
}
