/** How the readers of this protocol refuse a request: one code, a sentence that names the place. */
import { StrataError } from "../../kernel/errors.ts";

/** INFERENCE_INVALID with the reason. */
export function refuse(reason: string, model = "{model}"): never {
  throw new StrataError("INFERENCE_INVALID", { reason, model });
}

/** A value as a message may show it: short, and never more than a line. */
export function shown(value: unknown): string {
  const text = typeof value === "bigint" ? String(value) : JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
