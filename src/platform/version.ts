/** The version of the installed package, from its own package.json wherever this file runs from. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

let known: string | undefined;

export function strataVersion(): string {
  return (known ??= readVersion(fileURLToPath(import.meta.resolve("strata/package.json"))));
}

function readVersion(path: string): string {
  return (JSON.parse(readFileSync(path, "utf8")) as { readonly version: string }).version; // npm requires a version
}
