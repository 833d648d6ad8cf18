/**
 * Loads the definition file, again and again while it is edited. A resolve hook gives every file of the user's project
 * a new address per load, so that an edit anywhere in it takes effect without a restart; packages stay shared.
 */
import { existsSync } from "node:fs";
import { registerHooks } from "node:module";
import { dirname, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Application } from "../define/index.ts";
import { StrataError, isStrataError, reasonOf } from "../kernel/errors.ts";

const GENERATION = "strata-generation";
let generation = 0;
let areHooksInstalled = false;

/** Imports the file's default export; DEFINITION_LOAD_FAILED, or DEFINITION_INVALID with all its problems. */
export async function loadDefinition(file: string): Promise<Application> {
  const path = resolve(file);
  if (!existsSync(path)) throw new StrataError("FILE_NOT_FOUND", { path: file });
  installHooks();
  generation += 1;
  const url = pathToFileURL(path);
  url.searchParams.set(GENERATION, String(generation));
  const module = await importModule(url.href, file);
  const application = (module as { readonly default?: unknown }).default;
  if (!isApplication(application)) throw new StrataError("DEFINITION_LOAD_FAILED", { path: file, reason: "its default export is not an application" });
  return application;
}

async function importModule(href: string, file: string): Promise<unknown> {
  try {
    return await import(href);
  } catch (thrown) {
    if (isStrataError(thrown)) throw thrown;
    throw new StrataError("DEFINITION_LOAD_FAILED", { path: file, reason: reasonOf(thrown) }, { cause: thrown });
  }
}

function isApplication(value: unknown): value is Application {
  return typeof value === "object" && value !== null && (value as { readonly kind?: unknown }).kind === "application";
}

/** A file of the project inherits its importer's generation; installed packages and Strata itself do not. */
function installHooks(): void {
  if (areHooksInstalled) return;
  areHooksInstalled = true;
  registerHooks({
    resolve: (specifier, context, next) => {
      const resolved = next(specifier, context);
      const parent = context.parentURL === undefined ? undefined : new URL(context.parentURL);
      const number = parent?.searchParams.get(GENERATION);
      const isRelative = specifier.startsWith("./") || specifier.startsWith("../");
      if (!number || !isRelative || !resolved.url.startsWith("file:") || resolved.url.includes("/node_modules/")) return resolved;
      const url = new URL(resolved.url);
      url.searchParams.set(GENERATION, number);
      return { ...resolved, url: url.href };
    },
  });
}

/** The folder to watch for edits. */
export function projectFolder(file: string): string {
  return dirname(fileURLToPath(pathToFileURL(resolve(file))));
}
