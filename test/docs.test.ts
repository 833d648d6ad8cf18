/**
 * The guides hold what they say: every code block runs, in the order of the pages, against a server started as they
 * tell; tables equal the code; links, routes, commands, variables and error codes exist.
 * `UPDATE_GUIDES=1 node --conditions=source --test test/docs.test.ts` writes the tables anew.
 */
import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { defineApplication, defineStream, z } from "strata";
import { loadConfig, openPlatform } from "strata/testing";
import { COMMANDS } from "../src/cli/command-table.ts";
import { ERRORS } from "../src/kernel/errors.ts";
import { configSchema, variableOf } from "../src/platform/config.ts";
import { differenceOf } from "./docs/answers.ts";
import { openExamples } from "./docs/examples.ts";
import type { Examples } from "./docs/examples.ts";
import { anchorsOf, codeBlocks, codeOf, linksOf, tableOf } from "./docs/markdown.ts";
import type { CodeBlock } from "./docs/markdown.ts";
import { configTable, errorTable, metricTable } from "./docs/tables.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const pathOf = (page: string): string => join(ROOT, "docs", "guides", page);
const read = (page: string): string => readFileSync(pathOf(page), "utf8");
/** In the order of the index, which is the order in which the examples build on each other. */
const PAGES = Array.from(read("README.md").matchAll(/^\| \[[^\]]+\]\(([a-z-]+\.md)\)/gm), ([, page = ""]) => page);
const TEXTS = new Map(["README.md", ...PAGES].map((page) => [page, read(page)]));
const BLOCKS = [...TEXTS].flatMap(([page, text]) => codeBlocks(page, text));

describe("the guides' examples", { timeout: 180_000 }, () => {
  let examples: Examples;
  let answer = "";
  before(async () => { examples = await openExamples(BLOCKS); });
  after(() => examples[Symbol.asyncDispose]());

  for (const block of BLOCKS.filter(({ mark }) => /^(?:run|curl|stopped|answer)\b/.test(mark))) {
    test(`${block.page}:${block.line} ${block.mark} ${block.language}`, async (context) => {
      const obstacle = examples.obstacleOf(block);
      if (obstacle !== undefined) return context.skip(obstacle);
      if (block.mark === "answer") return assert.equal(differenceOf(JSON.parse(block.text), JSON.parse(answer)), undefined, answer);
      const outcome = await examples.run(block);
      assert.equal(outcome.status, 0, outcome.stdout + outcome.stderr);
      if (outcome.httpStatus !== undefined) assert.equal(outcome.httpStatus, block.mark.split(" ")[1], outcome.stdout);
      answer = outcome.stdout;
    });
  }

  test("the TypeScript blocks have the types they should", async () => {
    const problems = await examples.typeProblems();
    assert.ok(problems === "", problems);
  });

  test("the documented routes are the server's", async () => {
    const { routes } = JSON.parse(await examples.get("/v1")) as { readonly routes: readonly { readonly method: string; readonly pattern: string }[] };
    const documented = routesOf(TEXTS.get("http-api.md")!);
    const listed = routes.map(({ method, pattern }) => `${method} ${pattern}`);
    assert.deepEqual(listed.filter((route) => !documented.includes(route)), [], "routes without documentation");
    for (const route of documented.filter((one) => !listed.includes(one))) {
      assert.notEqual(await examples.codeOf(route), "ROUTE_NOT_FOUND", `${route} is documented, but the server does not have it`);
    }
  });
});

describe("the guides' tables", () => {
  const holds = (page: string, name: string, expected: string): void => {
    const text = read(page);
    const actual = tableOf(name, text);
    if (actual !== undefined && actual !== expected && process.env["UPDATE_GUIDES"] === "1") {
      writeFileSync(pathOf(page), text.replace(`<!-- table: ${name} -->\n${actual}`, () => `<!-- table: ${name} -->\n${expected}`));
      return;
    }
    assert.equal(actual, expected, `${page}: the table "${name}" differs from the code; see the head of this test for how to write it anew`);
  };

  test("errors", () => holds("errors.md", "errors", errorTable()));
  test("settings", () => holds("operations.md", "settings", configTable()));
  test("metrics", async (context) => {
    const dataDir = await mkdtemp(join(tmpdir(), "strata-metrics-"));
    context.after(() => rm(dataDir, { recursive: true }));
    const definition = defineApplication("metrics", [defineStream("events", { schema: z.object({ id: z.string() }) })]);
    await using platform = await openPlatform({ definition, config: loadConfig({ environment: {}, flags: { dataDir, port: 0 } }).config });
    holds("operations.md", "metrics", metricTable(platform.telemetry.snapshot().instruments));
  });
});

describe("the guides' words", () => {
  test("every block runs or says why not", () => {
    const silent = BLOCKS.filter(({ language, mark }) => !["json", "text"].includes(language) && !/^(?:run|curl|stopped|not run:)/.test(mark));
    assert.deepEqual(silent.map(placeOf), []);
    assert.deepEqual(BLOCKS.filter(({ language, mark }) => language === "json" && mark !== "answer").map(placeOf), [], "JSON that is compared with nothing");
  });

  test("the index names every page", () => {
    assert.deepEqual(globSync("*.md", { cwd: join(ROOT, "docs", "guides") }).toSorted(), [...TEXTS.keys()].toSorted());
  });

  test("error codes stand with their HTTP status", () => {
    const pairs = [...TEXTS.values()].flatMap((text) => Array.from(text.matchAll(/`([A-Z_]+)` \(?(\d{3})\b/g), ([, code = "", status]) => ({ code, status: Number(status) })));
    assert.ok(pairs.length > 50, `${pairs.length} pairs`);
    assert.deepEqual(pairs.filter(({ code, status }) => ERRORS[code as keyof typeof ERRORS]?.status !== status), []); // unknown codes have no status
  });

  test("commands, variables and error codes exist", () => {
    const code = [...TEXTS].flatMap(([page, text]) => codeOf(text).map((span) => ({ page, span })));
    const commands = new Set([...COMMANDS.map(({ name }) => name), "<command>"]);
    const variables = new Set([...Object.keys(configSchema.shape).map(variableOf), "STRATA_URL", "STRATA_TOKEN"]);
    const unknown = code.flatMap(({ page, span }) => [
      ...wordsIn(span, /(?:^|npx |\n)strata ([a-z<][a-z>-]*)/g).filter((name) => !commands.has(name)),
      ...wordsIn(span, /\b(STRATA_[A-Z_]+)\b/g).filter((name) => !variables.has(name)),
      ...wordsIn(span, /^([A-Z]+(?:_[A-Z]+)+)$/g).filter((name) => !Object.hasOwn(ERRORS, name) && !variables.has(name)),
    ].map((name) => `${page}: ${name}`));
    assert.deepEqual(unknown, []);
  });
});

test("a documented answer that differs is found", () => {
  const documented = { id: "01M8…", version: 1, outputs: ["…"], "…": "…" };
  assert.equal(differenceOf(documented, { id: "01M8X", version: 1, outputs: [3.5, 4], more: true }), undefined);
  assert.match(differenceOf(documented, { id: "02", version: 1, outputs: [] })!, /answer\.id is "02"/);
  assert.match(differenceOf(documented, { id: "01M8X", version: "1", outputs: [] })!, /answer\.version is "1"/);
  assert.match(differenceOf({ rows: [1, 2] }, { rows: [1, 2, 3] })!, /answer\.rows has 3 elements/);
  assert.match(differenceOf({ a: 1 }, { a: 1, b: 2 })!, /member "b" that is not documented/);
  assert.match(differenceOf({ a: "…" }, {})!, /no member "a"/);
});

test("relative links of every Markdown file lead somewhere", () => {
  const files = globSync("**/*.md", { cwd: ROOT, exclude: (name) => ["node_modules", "dist", ".git", ".strata"].includes(name) });
  const broken = files.flatMap((file) => linksOf(readFileSync(join(ROOT, file), "utf8")).flatMap(({ line, target }) => (leadsSomewhere(file, target) ? [] : [`${file}:${line} → ${target}`])));
  assert.ok(files.length > PAGES.length);
  assert.deepEqual(broken, []);
});

function leadsSomewhere(file: string, target: string): boolean {
  if (/^(?:https?|mailto):/.test(target)) return true;
  const [path = "", anchor] = target.split("#");
  const place = path === "" ? join(ROOT, file) : resolve(ROOT, dirname(file), decodeURIComponent(path));
  if (!existsSync(place)) return false;
  return anchor === undefined || (statSync(place).isFile() && anchorsOf(readFileSync(place, "utf8")).has(anchor));
}

function routesOf(markdown: string): readonly string[] {
  return Array.from(markdown.matchAll(/^\| `((?:GET|POST|DELETE) \/[^`]*)` \|/gm), ([, route = ""]) => route);
}

function wordsIn(text: string, pattern: RegExp): readonly string[] {
  return Array.from(text.matchAll(pattern), ([, word = ""]) => word);
}

function placeOf({ page, line }: CodeBlock): string {
  return `${page}:${line}`;
}
