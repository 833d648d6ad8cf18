/** Holds every import line of the repository against the layer table, and the checker against planted violations. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { checkArchitecture, DOMAINS, MAXIMUM_LINES, type SourceFile, type Violation } from "./architecture-rules.ts";

/** Files that may be longer than 400 lines, each with the reason it reads better whole. */
const LONG_FILES: Readonly<Record<string, string>> = {};

const ROOTS = ["src", "console", "examples", "bench", "test", "scripts"];
const root = fileURLToPath(new URL("../", import.meta.url));

function sourcesOf(folder: string): readonly SourceFile[] {
  return readdirSync(root + folder, { withFileTypes: true }).flatMap((entry): readonly SourceFile[] => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return entry.name.startsWith(".") || entry.name === "node_modules" || entry.name === "dist" ? [] : sourcesOf(path);
    return /\.tsx?$/.test(entry.name) ? [{ path, text: readFileSync(root + path, "utf8") }] : [];
  });
}

test("the repository keeps to its architecture", () => {
  const manifest = JSON.parse(readFileSync(`${root}package.json`, "utf8")) as Record<string, Record<string, string> | undefined>;
  const names = (field: string): readonly string[] => Object.keys(manifest[field] ?? {});
  const violations = checkArchitecture(ROOTS.flatMap(sourcesOf), {
    dependencies: [...names("dependencies"), ...names("peerDependencies")],
    developmentDependencies: names("devDependencies"),
    longFiles: LONG_FILES,
  });
  assert.deepEqual(violations.map(({ rule, place, reason }) => `${rule}: ${place} ${reason}`), []);
});

/** The rules that files break; "import" lines are given as path → lines of text. */
function broken(files: Readonly<Record<string, string>>, longFiles: Readonly<Record<string, string>> = {}): readonly Violation[] {
  const sources = Object.entries(files).map(([path, text]) => ({ path, text }));
  return checkArchitecture(sources, { dependencies: ["zod", "@duckdb/node-api"], developmentDependencies: ["fast-check"], longFiles });
}

function rules(path: string, text: string): readonly string[] {
  return broken({ [path]: text }).map((violation) => violation.rule);
}

/** [file, what it imports, whether the layer table allows it]. */
const LAYER_CASES: readonly (readonly [string, string, boolean])[] = [
  ["src/kernel/a.ts", "./b.ts", true],
  ["src/kernel/a.ts", "../define/a.ts", false],
  ["src/kernel/a.ts", "../ports/sql.ts", false],
  ["src/define/a.ts", "../kernel/errors.ts", true],
  ["src/define/a.ts", "../ports/sql.ts", false],
  ["src/ports/a.ts", "../define/a.ts", true],
  ["src/ports/a.ts", "../engines/sqlite/a.ts", false],
  ["src/engines/sqlite/a.ts", "./wal/b.ts", true],
  ["src/engines/sqlite/a.ts", "../../ports/sql.ts", true],
  ["src/engines/sqlite/a.ts", "../embedded/a.ts", false],
  ["src/engines/sqlite/a.ts", "../../define/a.ts", false],
  ["src/engines/sqlite/a.ts", "../../data/index.ts", false],
  ["src/data/a.ts", "../observe/index.ts", true],
  ["src/data/features/a.ts", "../../compute/index.ts", true],
  ["src/data/a.ts", "../observe/drift.ts", false],
  ["src/data/a.ts", "../modelops/index.ts", false],
  ["src/data/a.ts", "../engines/sqlite/a.ts", false],
  ["src/data/a.ts", "../platform/a.ts", false],
  ["src/data/features/a.ts", "../index.ts", true],
  ["src/protocols/kserve/a.ts", "../../serving/index.ts", true],
  ["src/protocols/kserve/a.ts", "../http/a.ts", true],
  ["src/protocols/kserve/a.ts", "../../serving/batch.ts", false],
  ["src/protocols/kserve/a.ts", "../../ports/model-runtime.ts", false],
  ["src/platform/a.ts", "../engines/sqlite/a.ts", true],
  ["src/platform/a.ts", "../protocols/kserve/a.ts", true],
  ["src/platform/a.ts", "../cli/main.ts", false],
  ["src/platform/a.ts", "../../examples/shop/app.ts", false],
  ["src/cli/commands/up.ts", "../../platform/a.ts", true],
  ["src/cli/commands/up.ts", "../command.ts", true],
  ["src/cli/commands/up.ts", "../../data/index.ts", false],
  ["src/index.ts", "./define/a.ts", true],
  ["src/testing.ts", "../test/conformance/event-log.ts", true],
  ["src/index.ts", "../bench/a.ts", false],
  ["src/data/a.ts", "strata", false],
  ["console/view.ts", "./other.ts", true],
  ["console/view.ts", "../src/kernel/errors.ts", false],
  ["examples/shop/app.ts", "strata", true],
  ["examples/shop/app.test.ts", "strata/testing", true],
  ["examples/shop/app.ts", "../../src/index.ts", true],
  ["examples/shop/app.ts", "../../src/define/a.ts", false],
  ["examples/shop/app.test.ts", "../../src/define/a.ts", false],
  ["bench/run.ts", "./load.ts", true],
  ["bench/run.ts", "../examples/shop/app.ts", true],
  ["bench/run.ts", "../src/data/index.ts", false],
  ["test/scenarios/shop.test.ts", "../../examples/shop/app.ts", true],
  ["test/scenarios/shop.test.ts", "../../src/data/index.ts", false],
  ["test/conformance/a.test.ts", "../../src/engines/sqlite/a.ts", true],
  ["src/data/a.test.ts", "../engines/sqlite/a.ts", true],
  ["scripts/build.ts", "../src/kernel/errors.ts", false],
  ["src/leftovers/a.ts", "../kernel/errors.ts", false],
];

test("the layer table allows and refuses", () => {
  for (const [path, specifier, allowed] of LAYER_CASES) {
    assert.deepEqual(rules(path, `import { x } from "${specifier}";`), allowed ? [] : ["layers"], `${path} imports ${specifier}`);
  }
});

test("domains import leftwards only, each pair of them", () => {
  for (const [index, domain] of DOMAINS.entries()) {
    for (const [other, target] of DOMAINS.entries()) {
      if (index === other) continue;
      assert.deepEqual(rules(`src/${domain}/a.ts`, `import { x } from "../${target}/index.ts";`), other < index ? [] : ["layers"], `${domain} imports ${target}`);
    }
  }
});

test("every kind of import line counts, also one that vanishes at run time", () => {
  for (const line of [
    "import type { A } from '../data/a.ts';", "export * from \"../data/a.ts\";", "export type { A } from \"../data/a.ts\";", "import \"../data/a.ts\";",
    "const a = await import(\"../data/a.ts\");", "type A = import(\"../data/a.ts\").A;", "import a, {\n  b,\n} from \"../data/a.ts\";",
  ]) assert.deepEqual(rules("src/kernel/a.ts", line), ["layers"], line);
  assert.deepEqual(rules("console/view.ts", "import type { A } from \"../src/protocols/admin/a.ts\";"), [], "the console may know types");
});

test("comments and strings are not code", () => {
  const text = ["// import \"../data/a.ts\"", "/* Math.random() */", "const a = 'import \"../data/a.ts\"';", "const b = `process.env ${1} Date.now()`;"].join("\n");
  assert.deepEqual(rules("src/kernel/a.ts", text), []);
});

test("a violation names file, line, layer and target", () => {
  assert.deepEqual(broken({ "src/engines/nats/log.ts": "\nimport { a } from \"../../data/index.ts\";" }), [
    { rule: "layers", place: "src/engines/nats/log.ts:2", reason: "engine nats may import kernel, ports and its own folder, not src/data/index.ts" },
  ]);
});

test("run-time cycles are found and told as a round trip; types may point both ways", () => {
  const importing = (name: string, keyword = "import"): string => `${keyword} { x } from "./${name}.ts";`;
  const found = broken({ "src/data/a.ts": importing("b"), "src/data/b.ts": importing("c"), "src/data/c.ts": importing("a"), "src/data/d.ts": importing("a") });
  assert.deepEqual(found, [{ rule: "cycle", place: "src/data/a.ts", reason: "imports itself: src/data/a.ts → src/data/b.ts → src/data/c.ts → src/data/a.ts" }]);
  assert.deepEqual(broken({ "src/data/a.ts": importing("b"), "src/data/b.ts": importing("a", "import type") }), []);
  assert.equal(broken({ "src/data/a.ts": importing("b"), "src/data/b.ts": "const lazy = () => import(\"./a.ts\");" })[0]?.rule, "cycle");
  assert.equal(broken({ "src/data/a.ts": importing("a") })[0]?.rule, "cycle");
});

test("kernel and define reach nothing outside the process", () => {
  for (const name of ["node:fs", "node:fs/promises", "fs", "node:http", "node:net", "node:child_process"]) {
    assert.deepEqual(rules("src/kernel/a.ts", `import x from "${name}";`), ["builtins"], name);
    assert.deepEqual(rules("src/define/a.ts", `import type x from "${name}";`), ["builtins"], name);
    assert.deepEqual(rules("src/data/a.ts", `import x from "${name}";`), []);
  }
  assert.deepEqual(rules("src/kernel/a.ts", "import { createHash } from \"node:crypto\";"), []);
});

test("packages are declared where their users are, and drivers stay in engines", () => {
  assert.deepEqual(rules("src/data/a.ts", "import { z } from \"zod/v4\";"), []);
  assert.deepEqual(rules("src/data/a.ts", "import x from \"left-pad\";"), ["packages"]);
  assert.deepEqual(rules("src/data/a.ts", "import fc from \"fast-check\";"), ["packages"], "a user of the package does not have it");
  assert.deepEqual(rules("src/data/a.test.ts", "import fc from \"fast-check\";"), []);
  assert.deepEqual(rules("src/engines/duckdb/a.ts", "import x from \"@duckdb/node-api\";"), []);
  assert.deepEqual(rules("src/data/a.ts", "import x from \"@duckdb/node-api\";"), ["packages"]);
  assert.deepEqual(rules("src/data/a.ts", "import x from \"node:sqlite\";"), ["packages"]);
});

test("the environment is read by platform and handed in", () => {
  for (const text of ["process.env.HOME;", "process\n  .env;", "process[\"env\"];", "const { env } = process;", "import { env } from \"node:process\";", "process?.env;"]) {
    assert.deepEqual(rules("src/data/a.ts", text), ["environment"], text);
    assert.deepEqual(rules("src/cli/commands/up.ts", text), ["environment"], text);
    for (const path of ["src/platform/config.ts", "src/cli/main.ts", "scripts/build.ts", "bench/run.ts", "src/data/a.test.ts"]) assert.deepEqual(rules(path, text), [], path);
  }
  assert.deepEqual(rules("src/data/a.ts", "processor.env; host.env; const { env } = options;"), []);
});

test("time and chance come in through the door", () => {
  for (const text of ["Date.now();", "const clock = Date.now;", "Math.random();", "Math\n.random();", "new Date();", "new Date( );"]) {
    for (const path of ["src/kernel/ids.ts", "src/data/a.ts", "src/engines/sqlite/a.ts", "console/view.ts", "examples/shop/app.ts"]) {
      assert.deepEqual(rules(path, text), ["ambient"], `${path} ${text}`);
    }
    for (const path of ["src/kernel/clock.ts", "src/platform/a.ts", "src/cli/a.ts", "bench/a.ts", "test/a.test.ts", "examples/shop/main.ts", "console/main.ts"]) {
      assert.deepEqual(rules(path, text), [], `${path} ${text}`);
    }
  }
  assert.deepEqual(rules("src/data/a.ts", "new Date(timeMs); clock.now(); random.next();"), []);
});

test("folders and files say what is inside", () => {
  for (const path of ["src/data/utils/a.ts", "src/data/helpers.ts", "console/lib/a.ts", "bench/common/a.ts", "test/misc.test.ts", "src/core/a.ts"]) {
    assert.deepEqual(rules(path, ""), ["folders"], path);
  }
  assert.deepEqual(rules("src/data/library.ts", ""), []);
});

test("files stay readable, and exceptions stay true", () => {
  const long = "//\n".repeat(MAXIMUM_LINES + 1);
  assert.deepEqual(rules("src/data/a.ts", long), ["length"]);
  assert.deepEqual(rules("src/data/a.ts", "//\n".repeat(MAXIMUM_LINES)), []);
  assert.deepEqual(broken({ "src/data/a.ts": long }, { "src/data/a.ts": "one table" }), []);
  assert.deepEqual(broken({ "src/data/a.ts": "" }, { "src/data/a.ts": "was long once" }).map((violation) => violation.rule), ["length"]);
});
