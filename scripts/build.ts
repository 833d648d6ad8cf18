/**
 * Builds dist/: compiles, copies what is not code, makes the program executable, and checks that everything a file
 * imports or loads by URL is there. Works in a staging folder and swaps at the end, so that a failed build leaves
 * the old dist/ as it was.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, extname, join, relative, resolve, sep } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { codeOnly, importLines, lineAt } from "./import-lines.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const SOURCES = ["src", "console", "examples"];
/** What is served, shown or read at run time beside the code. */
const ASSETS = new Set([".html", ".css", ".svg", ".png", ".ico", ".woff2", ".webmanifest", ".json", ".ndjson", ".csv", ".txt", ".md", ".wasm", ".sql", ".onnx"]);
const PROGRAM = "src/cli/main.js";

function build(): void {
  const staging = join(ROOT, "node_modules", ".cache", `strata-build-${process.pid}`);
  rmSync(staging, { recursive: true, force: true });
  try {
    compile(staging);
    for (const folder of SOURCES) copyAssets(folder, staging);
    pointDeclarationsAtJavaScript(staging);
    chmodSync(join(staging, PROGRAM), 0o755);
    const missing = filesBelow(staging).filter((path) => path.endsWith(".js") || path.endsWith(".d.ts")).flatMap((path) => missingTargets(path, staging));
    if (missing.length > 0) throw new Error(`these files of the build point at nothing:\n${missing.join("\n")}`);
    rmSync(join(ROOT, "dist"), { recursive: true, force: true });
    renameSync(staging, join(ROOT, "dist"));
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

function compile(staging: string): void {
  const compiler = join(ROOT, "node_modules", ".bin", process.platform === "win32" ? "tsc.cmd" : "tsc");
  const outcome = spawnSync(compiler, ["-p", "tsconfig.build.json", "--outDir", staging], { cwd: ROOT, stdio: ["ignore", 2, 2], shell: process.platform === "win32" });
  if (outcome.error !== undefined) throw outcome.error;
  if (outcome.status !== 0) throw new Error("the compiler found errors (above)");
}

function copyAssets(folder: string, staging: string): void {
  for (const path of filesBelow(join(ROOT, folder)).filter((file) => ASSETS.has(extname(file)))) {
    const target = join(staging, relative(ROOT, path));
    mkdirSync(dirname(target), { recursive: true });
    cpSync(path, target);
  }
}

/** The compiler rewrites ".ts" to ".js" in code but not in declarations; older compilers of our users need it there too. */
function pointDeclarationsAtJavaScript(staging: string): void {
  for (const path of filesBelow(staging).filter((file) => file.endsWith(".d.ts"))) {
    let text = readFileSync(path, "utf8");
    for (const { specifier, position } of importLines(text).toReversed()) {
      if (!/^\..*(?<!\.d)\.ts$/.test(specifier)) continue;
      const end = position + specifier.length;
      text = `${text.slice(0, end - 2)}js${text.slice(end)}`;
    }
    writeFileSync(path, text);
  }
}

/** Relative imports, and `new URL("./x", import.meta.url)`, that lead to no file. */
function missingTargets(path: string, staging: string): readonly string[] {
  const text = readFileSync(path, "utf8");
  const imports = importLines(text).filter(({ specifier }) => specifier.startsWith("."));
  const home = join(ROOT, "dist", relative(staging, dirname(path)));
  return [...imports, ...urlsOf(text)]
    .filter(({ specifier }) => !isThere(resolve(home, specifier), path.endsWith(".d.ts"), staging))
    .map(({ specifier, line }) => `  ${relative(staging, path)}:${line} → ${specifier}`);
}

/** `target` is where it will be after the swap: within dist/, or beside it (package.json). */
function isThere(target: string, isDeclaration: boolean, staging: string): boolean {
  const fromDist = relative(join(ROOT, "dist"), isDeclaration ? target.replace(/\.js$/, ".d.ts") : target);
  return existsSync(fromDist.startsWith("..") ? target : join(staging, fromDist));
}

/** Files and folders of ours that code loads by a literal URL. Beside TypeScript sources, they must not end in ".ts". */
function urlsOf(text: string): readonly { readonly specifier: string; readonly line: number }[] {
  const code = codeOnly(text);
  return Array.from(code.matchAll(/\bnew URL\(\s*(["'])(\s*)\1\s*,\s*import\.meta\.url\s*\)/g), (match) => {
    const start = match.index + match[0].indexOf(match[1]!) + 1;
    return { specifier: text.slice(start, start + match[2]!.length), line: lineAt(text, start) };
  });
}

function filesBelow(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !relative(folder, path).split(sep).some((name) => name === "node_modules" || name.startsWith(".")));
}

try {
  build();
} catch (thrown) {
  process.stderr.write(`build failed: ${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
  process.exitCode = 1;
}
