/** The version of the installed package, read once from its own package.json wherever this file runs from. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { StrataError } from "../kernel/errors.ts";

let known: string | undefined;

/** FILE_INVALID when package.json has no version. */
export function strataVersion(): string {
  return (known ??= readVersion(fileURLToPath(import.meta.resolve("strata/package.json"))));
}

function readVersion(path: string): string {
  const manifest: unknown = JSON.parse(readFileSync(path, "utf8"));
  if (typeof manifest === "object" && manifest !== null && "version" in manifest && typeof manifest.version === "string") return manifest.version;
  throw new StrataError("FILE_INVALID", { path, format: "package.json", reason: "it has no version" });
}
