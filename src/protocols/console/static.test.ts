import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { isStrataError } from "../../kernel/errors.ts";
import type { HttpRequest, HttpResponse } from "../http.ts";
import { browserScript } from "./browser-script.ts";
import { createConsoleHandler } from "./static.ts";

const ask = (path: string, method = "GET", headers: Readonly<Record<string, string>> = {}): HttpRequest =>
  ({ method, path, headers, query: new URLSearchParams(), body: Buffer.alloc(0), signal: new AbortController().signal });

/** A small console beside a secret, as a source checkout has it. */
async function openFiles() {
  const root = await mkdtemp(join(tmpdir(), "strata-console-"));
  const [folder, preactFolder] = [join(root, "console"), join(root, "preact")];
  await mkdir(join(folder, "charts"), { recursive: true });
  await mkdir(join(preactFolder, "dist"), { recursive: true });
  await mkdir(join(preactFolder, "hooks", "dist"), { recursive: true });
  const write = (name: string, text: string): Promise<void> => writeFile(join(root, name), text);
  await write("secret.js", "SECRET");
  await write("console/index.html", "<!doctype html><script type=\"importmap\">{\"imports\":{}}</script><script type=\"module\" src=\"/console/main.js\"></script>");
  await write("console/main.ts", "import type { A } from \"./a.ts\";\nimport { line } from \"./charts/line.ts\";\nexport const width: number = line(1 as A);\n");
  await write("console/charts/line.js", "export const line = (x) => x;\n");
  await write("console/main.test.ts", "SECRET");
  await write("console/main.d.ts", "SECRET");
  await write("console/page.css", "body { margin: 0 }");
  await write("preact/dist/preact.mjs", "export const h = 1;");
  await write("preact/hooks/dist/hooks.mjs", "export const useState = 1;");
  return { folder, handle: createConsoleHandler({ folder, preactFolder }), write, [Symbol.asyncDispose]: () => rm(root, { recursive: true }) };
}

const textOf = (response: HttpResponse | undefined): string => (response?.body instanceof Uint8Array ? Buffer.from(response.body).toString("utf8") : "");

const hasCode = (code: string) => (thrown: unknown): boolean => isStrataError(thrown) && thrown.code === code;

test("the page names the hash of its own import map and nothing else inline", async () => {
  await using files = await openFiles();
  const page = await files.handle(ask("/"));
  assert.equal(page?.status, 200);
  assert.equal(page.headers?.["content-type"], "text/html; charset=utf-8");
  const policy = page.headers["content-security-policy"]!;
  assert.match(policy, /^default-src 'none'; script-src 'self' 'sha256-URrTy\+Il\/Nz0lHojVUx275hWqAWhkSF0VsHbUM4\/6Hw='; style-src 'self';/);
  assert.doesNotMatch(policy, /unsafe|\*|https?:/);
});

test("scripts come without types, and import scripts", async () => {
  await using files = await openFiles();
  const script = await files.handle(ask("/console/main.js"));
  assert.equal(script?.headers?.["content-type"], "text/javascript; charset=utf-8");
  const text = textOf(script);
  assert.match(text, /import \{ line \} from "\.\/charts\/line\.js"/);
  assert.doesNotMatch(text, /: number|as A|\.ts/);
  assert.equal(text.split("\n").length, 4, "lines stay where they were");
  assert.equal(textOf(await files.handle(ask("/console/charts/line.js"))), "export const line = (x) => x;\n");
  assert.equal(textOf(await files.handle(ask("/console/vendor/preact.js"))), "export const h = 1;");
  assert.equal(textOf(await files.handle(ask("/console/vendor/preact-hooks.js"))), "export const useState = 1;");
});

test("an unchanged file is answered with 304, a changed one anew", async () => {
  await using files = await openFiles();
  const first = await files.handle(ask("/console/page.css"));
  const etag = first!.headers!["etag"]!;
  assert.deepEqual(await files.handle(ask("/console/page.css", "GET", { "if-none-match": `"old", W/${etag}` })), { status: 304, headers: first!.headers });
  await files.write("console/page.css", "body { margin: 1px }");
  await utimes(join(files.folder, "page.css"), 1, 1);
  const second = await files.handle(ask("/console/page.css", "GET", { "if-none-match": etag }));
  assert.deepEqual([second?.status, textOf(second)], [200, "body { margin: 1px }"]);
  assert.notEqual(second?.headers?.["etag"], etag);
});

test("HEAD has the headers only; other methods are refused; other paths are not its own", async () => {
  await using files = await openFiles();
  const head = await files.handle(ask("/", "HEAD"));
  assert.equal(head?.body, undefined);
  assert.equal(head?.headers?.["content-type"], "text/html; charset=utf-8");
  await assert.rejects(files.handle(ask("/console/main.js", "POST")), hasCode("METHOD_NOT_ALLOWED"));
  for (const path of ["/v1/overview", "/metrics", "/console", "/consolex/a.js", "//console/main.js", ""]) assert.equal(await files.handle(ask(path)), undefined);
});

test("no path leads out of the folder, or to tests and declarations", async () => {
  await using files = await openFiles();
  const named = [
    "/console/../secret.js", "/console/..%2fsecret.js", "/console/%2e%2e/secret.js", "/console//secret.js", "/console/./main.js", "/console/main.test.js",
    "/console/main.d.js", "/console/main.test.ts", "/console/main.ts", "/console/charts", "/console/charts/", "/console/index.html", "/console/main.js\0.css",
    "/console/constructor", "/console/vendor/../main.js", "/console/.hidden.js", "/console/charts\\line.js", "/console/MAIN.JS",
  ];
  for (const path of named) await assert.rejects(files.handle(ask(path)), hasCode("ROUTE_NOT_FOUND"), path);
  const pieces = fc.constantFrom("..", ".", "secret", "main", ".js", ".ts", "/", "%2e", "%2f", "\\", "\0", "charts", "test");
  await fc.assert(fc.asyncProperty(fc.array(pieces, { maxLength: 8 }), async (words) => {
    const answer = await files.handle(ask(`/console/${words.join("")}`)).catch((thrown: unknown) => {
      assert.ok(hasCode("ROUTE_NOT_FOUND")(thrown), String(thrown));
      return undefined;
    });
    assert.doesNotMatch(textOf(answer), /SECRET/);
  }), { numRuns: 300 });
});

test("only imports are rewritten", () => {
  assert.equal(browserScript("export { a } from \"../a.ts\"; const name = \"./b.ts\"; await import('./c.ts');"), "export { a } from \"../a.js\"; const name = \"./b.ts\"; await import('./c.js');");
  assert.throws(() => browserScript("enum A { b }"), SyntaxError);
});
