/**
 * The web console's files over HTTP: "/" is the page, "/console/…" its scripts and styles. In a build the compiled
 * scripts are served as they are; from source, types are stripped when a file changes, so that no bundler is needed.
 * Nothing outside the two folders it is given can be read, and the page may load nothing from elsewhere.
 */
import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { StrataError } from "../../kernel/errors.ts";
import type { HttpRequest, HttpResponse } from "../http.ts";
import { browserScript } from "./browser-script.ts";

export interface ConsoleFiles {
  /** Holds index.html, styles, and scripts as .js or .ts. */
  readonly folder: URL | string;
  /** The installed package "preact". */
  readonly preactFolder: URL | string;
}

export type ConsoleHandler = (request: HttpRequest) => Promise<HttpResponse | undefined>;

interface Asset {
  readonly changed: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8", js: "text/javascript; charset=utf-8", css: "text/css; charset=utf-8", svg: "image/svg+xml",
};
/** Segments hold no dot, so neither "..", nor hidden files, nor tests and declarations ("x.test.ts", "x.d.ts") can be asked for. */
const OWN_FILE = /^\/console\/((?:[a-z0-9-]+\/)*[a-z0-9-]+)\.(js|css|svg)$/;
const VENDOR: Readonly<Record<string, string>> = { "/console/vendor/preact.js": "dist/preact.mjs", "/console/vendor/preact-hooks.js": "hooks/dist/hooks.mjs" };

/**
 * Answers GET and HEAD below "/console/" and of "/"; undefined for every other path.
 * Raises ROUTE_NOT_FOUND and METHOD_NOT_ALLOWED for its own paths.
 */
export function createConsoleHandler({ folder, preactFolder }: ConsoleFiles): ConsoleHandler {
  const [home, preact] = [pathOf(folder), pathOf(preactFolder)];
  const cache = new Map<string, Asset>();

  return async (request) => {
    const { method, path } = request;
    if (path !== "/" && !path.startsWith("/console/")) return undefined;
    if (method !== "GET" && method !== "HEAD") throw new StrataError("METHOD_NOT_ALLOWED", { method, path, allowed: "GET, HEAD" });
    const asset = await findAsset(placesOf(path, { home, preact }), cache);
    if (asset === undefined) throw new StrataError("ROUTE_NOT_FOUND", { method, path });
    return answer(request, asset);
  };
}

const pathOf = (folder: URL | string): string => (typeof folder === "string" ? folder : fileURLToPath(folder));

/** Where the file of a path may lie, best first. */
function placesOf(path: string, { home, preact }: { readonly home: string; readonly preact: string }): readonly string[] {
  if (path === "/") return [join(home, "index.html")];
  const vendor = Object.hasOwn(VENDOR, path) ? VENDOR[path] : undefined;
  if (vendor !== undefined) return [join(preact, vendor)];
  const [, name, kind] = OWN_FILE.exec(path) ?? [];
  if (name === undefined || kind === undefined) return [];
  return kind === "js" ? [join(home, `${name}.js`), join(home, `${name}.ts`)] : [join(home, `${name}.${kind}`)];
}

async function findAsset(places: readonly string[], cache: Map<string, Asset>): Promise<Asset | undefined> {
  for (const place of places) {
    const found = await stat(place).catch(() => undefined);
    if (found === undefined || !found.isFile()) continue;
    const changed = `${found.mtimeMs}|${found.size}`;
    const cached = cache.get(place);
    if (cached?.changed === changed) return cached;
    const asset = await loadAsset(place, changed);
    cache.set(place, asset);
    return asset;
  }
  return undefined;
}

async function loadAsset(place: string, changed: string): Promise<Asset> {
  const bytes = await readFile(place);
  const isTypeScript = place.endsWith(".ts");
  const body = isTypeScript ? Buffer.from(browserScript(bytes.toString("utf8"))) : bytes;
  const extension = isTypeScript || place.endsWith(".mjs") ? "js" : place.slice(place.lastIndexOf(".") + 1);
  const headers = {
    "content-type": TYPES[extension] ?? "application/octet-stream",
    "cache-control": "no-cache", // always ask; a 304 costs little, and an upgraded server must not meet old scripts
    etag: `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    ...(extension === "html" ? { "content-security-policy": contentSecurityPolicy(body.toString("utf8")) } : {}),
  };
  return { changed, headers, body };
}

function answer({ method, headers }: HttpRequest, asset: Asset): HttpResponse {
  const known = (headers["if-none-match"] ?? "").split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  if (known.includes(asset.headers["etag"]!)) return { status: 304, headers: asset.headers };
  return { status: 200, headers: asset.headers, ...(method === "HEAD" ? {} : { body: asset.body }) };
}

/** This origin only; of inline scripts, exactly those that the page holds (its import map), by hash. */
function contentSecurityPolicy(html: string): string {
  const inline = Array.from(html.matchAll(/<script\b(?![^>]*\bsrc=)[^>]*>([\s\S]*?)<\/script>/g), (match) => `'sha256-${createHash("sha256").update(match[1]!).digest("base64")}'`);
  return [
    "default-src 'none'", `script-src ${["'self'", ...inline].join(" ")}`, "style-src 'self'", "img-src 'self'", "connect-src 'self'",
    "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
  ].join("; ");
}
