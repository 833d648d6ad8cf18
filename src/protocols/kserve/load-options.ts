/** The parameters of a load: `config` (a model configuration as JSON text or as an object) and `file:<path>` (bytes, base64 in JSON). */
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import type { LoadOptions } from "../../serving/index.ts";
import { refuse } from "./refusal.ts";

/** MODEL_LOAD_FAILED when the configuration is no JSON. Unknown parameters are refused: a load that ignores half of what was asked is worse than none. */
export function loadOptionsOf(model: string, parameters: Readonly<Record<string, unknown>>): LoadOptions {
  const files = new Map<string, Uint8Array>();
  let config: unknown;
  for (const [name, value] of Object.entries(parameters)) {
    if (name === "config") config = configOf(model, value);
    else if (name.startsWith("file:")) files.set(name.slice("file:".length), bytesOf(name, value));
    else refuse(`parameter "${name}" of a load is not known; config and file:<path> are`, model);
  }
  return { ...(config === undefined ? {} : { config }), ...(files.size === 0 ? {} : { files }) };
}

function configOf(model: string, value: unknown): unknown {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value) as unknown;
  } catch (thrown) {
    throw new StrataError("MODEL_LOAD_FAILED", { model, reason: `the config is not valid JSON: ${reasonOf(thrown)}` }, { cause: thrown });
  }
}

function bytesOf(name: string, value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (typeof value !== "string" || !/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(value)) refuse(`parameter "${name}" is no base64 text`);
  return Buffer.from(value, "base64");
}
