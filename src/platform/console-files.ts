/** Where the console's files are: beside src/ in the repository, beside it in dist/ of the package. */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createConsoleHandler } from "../protocols/console/static.ts";
import type { HttpRequest, HttpResponse } from "../protocols/http.ts";

export function openConsole(): (request: HttpRequest) => Promise<HttpResponse | undefined> {
  const preact = fileURLToPath(import.meta.resolve("preact")); // …/preact/dist/preact.*
  return createConsoleHandler({ folder: fileURLToPath(new URL("../../console/", import.meta.url)), preactFolder: join(dirname(dirname(preact))) });
}
