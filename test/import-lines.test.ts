import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { codeOnly, importLines } from "../scripts/import-lines.ts";

const found = (text: string): readonly string[] =>
  importLines(text).map(({ kind, typeOnly, specifier, line }) => `${line} ${kind}${typeOnly ? " type" : ""} ${specifier}`);

test("all kinds of import lines are read", () => {
  assert.deepEqual(found([
    "#!/usr/bin/env node",
    "import a from \"./a.ts\"; import type { B } from './b.ts';",
    "import { type C, d } from \"./c.ts\";",
    "import \"./side.ts\";",
    "export * from \"./e.ts\"; export * as f from \"./f.ts\"; export type { G } from \"./g.ts\";",
    "import type from \"./h.ts\"; import g, * as ns from",
    "  \"./i.ts\";",
    "const j = await import(\"./j.ts\"), k = () => import( `./k.ts` );",
    "type L = import(\"./l.ts\").L; let m: typeof import(\"./m.ts\");",
    "import{n}from\"./n.ts\";import*as o from\"./o.ts\";export{p}from\"./p.ts\";",
    "import data from \"./q.json\" with { type: \"json\" };",
  ].join("\n")), [
    "2 import ./a.ts", "2 import type ./b.ts", "3 import ./c.ts", "4 import ./side.ts", "5 export ./e.ts", "5 export ./f.ts", "5 export type ./g.ts",
    "6 import ./h.ts", "7 import ./i.ts", "8 dynamic ./j.ts", "8 dynamic ./k.ts", "9 dynamic type ./l.ts", "9 dynamic type ./m.ts",
    "10 import ./n.ts", "10 import ./o.ts", "10 export ./p.ts", "11 import ./q.json",
  ]);
});

test("what only looks like an import line is none", () => {
  assert.deepEqual(found([
    "// import \"a\"", "/* import \"b\"", " import \"c\" */", "const d = \"import 'd'\", e = 'import \"e\"';", "const f = `import \"f\" ${1 + 1} import \"g\"`;",
    "const h = /import \"h\"/, i = /[/\"]import \"i\"/g;", "loader.import(\"j\"); const k = { from: \"k\" }; export const from = \"l\";",
    "await import(`./${name}.ts`); import.meta.url; return /import \"m\"/.test(n);",
  ].join("\n")), []);
});

test("code within a template is code", () => {
  assert.deepEqual(found("`a ${await import(\"./x.ts\")} import \"no\" ${`${import(\"./y.ts\")}`} b`; import \"./z.ts\";"), ["1 dynamic ./x.ts", "1 dynamic ./y.ts", "1 import ./z.ts"]);
  assert.deepEqual(found("`${{ a: { b: 1 } }.a.b} import \"no\"`; import \"./z.ts\";"), ["1 import ./z.ts"]);
});

test("a division is not the beginning of a regular expression", () => {
  assert.deepEqual(found("const a = b / c; import \"./x.ts\"; const d = e[0] / f(1) / 2; import \"./y.ts\";"), ["1 import ./x.ts", "1 import ./y.ts"]);
});

test("blanking keeps length and lines, whatever the text", () => {
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom("`", "$", "{", "}", "\"", "'", "/", "*", "\\", "\n", "a", " ", "[", "]", "👍") }), (text) => {
    const code = codeOnly(text);
    assert.equal(code.length, text.length);
    assert.deepEqual(code.split("\n").map((line) => line.length), text.split("\n").map((line) => line.length));
  }), { numRuns: 2_000 });
});

test("no string, template or comment hides the import line after it or adds one", () => {
  const wrapped = fc.tuple(fc.string(), fc.constantFrom("string", "template", "line", "block")).map(([text, kind]) => {
    if (kind === "string") return `const a = ${JSON.stringify(`import "${text}"`)};`;
    if (kind === "template") return `const a = \`import "x" ${text.replaceAll(/[`\\$]/g, "")}\`;`;
    return kind === "line" ? `// import "x" ${text.replaceAll("\n", "")}` : `/* import "x" ${text.replaceAll("*/", "")} */`;
  });
  fc.assert(fc.property(wrapped, (text) => {
    assert.deepEqual(importLines(`${text}\nimport "./after.ts";`).map((line) => line.specifier), ["./after.ts"]);
  }));
});
