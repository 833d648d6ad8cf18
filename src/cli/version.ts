/** The version of the installed package, read from its own package.json wherever this file runs from. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { StrataError } from "../kernel/errors.ts";

export function readVersion(): string {
  const path = fileURLToPath(import.meta.resolve("strata/package.json"));
  const manifest: unknown = JSON.parse(readFileSync(path, "utf8"));
  if (typeof manifest === "object" && manifest !== null && "version" in manifest && typeof manifest.version === "string") return manifest.version;
  throw new StrataError("FILE_INVALID", { path, format: "package.json", reason: "it has no version" });
}
