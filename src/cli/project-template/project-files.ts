/** The files of a new project. Pure but for reading the template's own texts, which lie beside this file. */
import { readFileSync } from "node:fs";
import { createDeliveries } from "./deliveries.ts";

export interface ProjectFile {
  /** Relative to the project's folder. */
  readonly path: string;
  readonly text: string;
}

export interface ProjectOptions {
  /** Of the npm package. */
  readonly name: string;
  /** Of the installed Strata. */
  readonly strataVersion: string;
  /** The events end here, ms since the epoch. */
  readonly nowMs: number;
}

const EVENTS = 4_000;

/** With the type stripping of Node.js a definition runs as it is; the compiler only checks. */
const TYPESCRIPT = "^7.0.2";

export function projectFiles({ name, strataVersion, nowMs }: ProjectOptions): readonly ProjectFile[] {
  return [
    { path: "package.json", text: json(manifest(name, strataVersion)) },
    { path: "app.ts", text: textOf(APP) },
    { path: "events.ndjson", text: createDeliveries({ count: EVENTS, untilMs: nowMs }).map((delivery) => `${JSON.stringify(delivery)}\n`).join("") },
    { path: "README.md", text: textOf(README).replaceAll("{{name}}", name).replaceAll("{{events}}", EVENTS.toLocaleString("en")) },
    { path: "tsconfig.json", text: json(COMPILER) },
    { path: ".gitignore", text: "node_modules/\n.strata/\n" },
  ];
}

/** A folder's name as the name of an npm package: lower case, and nothing that a URL would have to escape. */
export function packageName(folderName: string): string {
  const name = folderName.toLowerCase().replaceAll(/[^a-z0-9-]+/g, "-").replaceAll(/^-+|-+$/g, "");
  return name === "" ? "strata-project" : name.slice(0, 100);
}

function manifest(name: string, strataVersion: string): unknown {
  return {
    name, version: "0.1.0", private: true, type: "module",
    scripts: { start: "strata up", plan: "strata plan", doctor: "strata doctor", types: "tsc --noEmit" },
    dependencies: { strata: `^${strataVersion}` },
    devDependencies: { typescript: TYPESCRIPT },
    engines: { node: ">=22.18" },
  };
}

/** What Node.js runs without compiling: erasable syntax and whole import paths. */
const COMPILER = {
  compilerOptions: {
    target: "es2024", lib: ["es2024"], module: "nodenext", moduleResolution: "nodenext", types: [],
    strict: true, noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true,
    verbatimModuleSyntax: true, erasableSyntaxOnly: true, allowImportingTsExtensions: true, skipLibCheck: true, noEmit: true,
  },
  include: ["*.ts"],
};

/** Not named ".ts": they are texts to write, no part of this program. */
const APP = new URL("./app.ts.txt", import.meta.url);
const README = new URL("./readme.md.txt", import.meta.url);

function textOf(file: URL): string {
  return readFileSync(file, "utf8");
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
