/**
 * What a user of the package gets: packs it, installs the tarball in an empty folder from the registry alone, and
 * runs the program and the imports there, with plain Node and without the sources.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));
const compiler = join(root, "node_modules", ".bin", "tsc");

/** The Node that runs this test comes first, so that npm, npx and the program use it too; nothing of an outer npm run leaks in. */
const environment = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_(package|lifecycle|config_local_prefix)|^(INIT_CWD|NODE_OPTIONS|NODE_TEST_CONTEXT)$/.test(name))),
  PATH: `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`,
  NO_COLOR: "1",
};

interface Outcome { readonly stdout: string; readonly stderr: string }

/** Rejects with the whole output when the program fails. */
function run(folder: string, program: string, ...words: readonly string[]): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    execFile(program, words, { cwd: folder, env: environment, maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
      if (error === null) resolve({ stdout, stderr });
      else reject(new Error(`${program} ${words.join(" ")} failed in ${folder}\n${stdout}\n${stderr}`, { cause: error }));
    });
  });
}

interface PackedFile { readonly path: string; readonly mode: number }
interface Packed { readonly filename: string; readonly files: readonly PackedFile[] }

describe("the packed package", { timeout: 180_000 }, () => {
  let folder = "";
  let packed: Packed;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "strata-package-"));
    const { stdout } = await run(root, "npm", "pack", "--json", "--pack-destination", folder);
    // The build that packing starts may speak before the document.
    packed = (JSON.parse(stdout.slice(stdout.search(/^\[/m))) as readonly Packed[])[0]!;
    await writeFile(join(folder, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }));
    await run(folder, "npm", "install", "--omit=dev", "--prefer-offline", "--no-audit", "--no-fund", join(folder, packed.filename));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  test("has the program, the licence and no sources or tests", () => {
    const paths = packed.files.map((file) => file.path);
    for (const path of ["LICENSE", "package.json", "dist/src/index.js", "dist/src/index.d.ts", "dist/src/testing.js", "dist/src/cli/main.js"]) {
      assert.ok(paths.includes(path), `${path} is packed`);
    }
    assert.deepEqual(paths.filter((path) => /\.test\.|(?<!\.d)\.tsx?$|^(src|node_modules|bench)\//.test(path)), []);
    assert.equal((packed.files.find((file) => file.path === "dist/src/cli/main.js")?.mode ?? 0) & 0o111, 0o111, "the program is executable");
  });

  test("the program runs", async () => {
    const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string };
    assert.equal((await run(folder, "npx", "strata", "--version")).stdout, `${version}\n`);
    const help = await run(folder, join(folder, "node_modules", ".bin", "strata"), "--help"); // npx may add remarks of its own to stderr
    assert.match(help.stdout, new RegExp(`^strata ${version.replaceAll(".", "\\.")} .*\n\nUsage\n`));
    assert.equal(help.stderr, "");
  });

  test("the public names are imported by plain Node", async () => {
    const script = "const names = [await import('strata'), await import('strata/testing')].map(Object.keys); console.log(JSON.stringify(names));";
    const { stdout, stderr } = await run(folder, process.execPath, "--input-type=module", "--eval", script);
    const [names, testing] = JSON.parse(stdout) as readonly (readonly string[])[];
    assert.ok(names!.includes("StrataError"), `strata exports ${names!.join(", ")}`);
    assert.ok(testing!.length > 0, "strata/testing exports something");
    assert.equal(stderr, "");
  });

  test("the installed program runs the whole loop: workers, lake, console and example included", async () => {
    const { stdout } = await run(folder, join(folder, "node_modules", ".bin", "strata"), "demo", "--once", "--visits", "60", "--json");
    const { ok, problems, summary } = JSON.parse(stdout) as { readonly ok: boolean; readonly problems: readonly string[]; readonly summary: Readonly<Record<string, string>> };
    assert.deepEqual([ok, problems], [true, []]);
    assert.match(summary["live now"]!, /^ranker version 1/);
    assert.match(summary["online = offline"]!, /: 0 mismatches$/);
  });

  test("the types arrive", async () => {
    // Compiles only when the types are found: were they missing, the wrong name would be no error.
    await writeFile(join(folder, "use.ts"), [
      "import { StrataError } from \"strata\";", "// @ts-expect-error there is no such name", "import { nonsense } from \"strata\";",
      "export const code: string = new StrataError(\"CLOSED\").code;", "export { nonsense };", "export * as testing from \"strata/testing\";",
    ].join("\n"));
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify({
      compilerOptions: { module: "nodenext", target: "es2024", strict: true, noEmit: true, skipLibCheck: true, types: ["node"], typeRoots: [join(root, "node_modules", "@types")] },
      files: ["use.ts"],
    }));
    await run(folder, compiler, "-p", folder);
  });
});
