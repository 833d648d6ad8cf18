/**
 * Runs the marked blocks of the guides. TypeScript blocks of one page and file name make one module, which is checked
 * by the compiler and run at its last block; shell blocks run in the project, `curl` tells its status.
 */
import { execFileSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { CodeBlock } from "./markdown.ts";
import { DOCUMENTED_URL, openWorkplace } from "./workplace.ts";
import type { Outcome, Workplace } from "./workplace.ts";

export interface BlockOutcome extends Outcome {
  /** Of a `curl` block. */
  readonly httpStatus?: string;
}

export interface Examples extends AsyncDisposable {
  /** Why the block cannot run on this machine, if so. */
  obstacleOf(block: CodeBlock): string | undefined;
  run(block: CodeBlock): Promise<BlockOutcome>;
  /** What the compiler says; "" when all is well. */
  typeProblems(): Promise<string>;
  get(path: string): Promise<string>;
  /** Asks a documented route such as "GET /v2/models/:model" with a name in each place; the code of its error, if it answers with one. */
  codeOf(route: string): Promise<string | undefined>;
}

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const DONE: Outcome = { status: 0, stdout: "", stderr: "" };

export async function openExamples(blocks: readonly CodeBlock[]): Promise<Examples> {
  const workplace = await openWorkplace();
  const modules = Map.groupBy(blocks.filter(({ language, mark }) => language === "ts" && mark.startsWith("run ")), (block) => modulePath(workplace, block));
  for (const [path, parts] of modules) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, parts.map(({ text }) => text).join("\n"));
  }
  const types = checkTypes(workplace); // while the examples run
  await workplace.start();
  return {
    obstacleOf,
    run: async (block) => {
      if (block.language === "ts") return modules.get(modulePath(workplace, block))?.at(-1) === block ? workplace.run(process.execPath, ["--conditions=source", modulePath(workplace, block)]) : DONE;
      if (block.language === "python") return workplace.run("python3", ["-c", block.text]);
      if (block.mark.startsWith("curl ")) return withHttpStatus(await workplace.run("sh", ["-c", block.text]));
      return block.mark === "stopped" ? runStopped(workplace, block) : workplace.run("sh", ["-euc", block.text]);
    },
    typeProblems: () => types,
    get: async (path) => (await fetch(workplace.addressed(DOCUMENTED_URL + path))).text(),
    codeOf: async (route) => {
      const [method = "", path = ""] = route.split(" ");
      const response = await fetch(workplace.addressed(DOCUMENTED_URL + path.replace(":stream", "deliveries").replace(/:(?:model|endpoint)/, "eta").replaceAll(/:\w+/g, "1")), { method });
      return /"code":"(\w+)"/.exec(await response.text())?.[1];
    },
    [Symbol.asyncDispose]: async () => {
      await types;
      await workplace[Symbol.asyncDispose]();
    },
  };
}

function modulePath({ folder }: Workplace, { page, mark }: CodeBlock): string {
  return join(folder, "guides", page.replace(".md", ""), mark.split(" ")[1] ?? "");
}

/** The last line is what the `curl` of the workplace adds. */
function withHttpStatus(outcome: Outcome): BlockOutcome {
  const lines = outcome.stdout.trimEnd().split("\n");
  return { ...outcome, httpStatus: lines.at(-1) ?? "", stdout: lines.slice(0, -1).join("\n") };
}

async function runStopped(workplace: Workplace, { text }: CodeBlock): Promise<Outcome> {
  await workplace.stop();
  try {
    return await workplace.run("sh", ["-euc", text]);
  } finally {
    await workplace.start();
  }
}

async function checkTypes({ folder, run }: Workplace): Promise<string> {
  const config = join(folder, "tsconfig.json");
  await writeFile(config, JSON.stringify({
    extends: join(ROOT, "tsconfig.json"), include: ["guides"], compilerOptions: { noUnusedLocals: false, typeRoots: [join(ROOT, "node_modules", "@types")] },
  }));
  const { stdout, stderr } = await run(process.execPath, [join(ROOT, "node_modules", "typescript", "bin", "tsc"), "-p", config]);
  return stdout + stderr;
}

function obstacleOf({ language, mark }: CodeBlock): string | undefined {
  if (mark.startsWith("curl ") && !isInstalled("curl", ["--version"])) return "curl is not installed";
  if (mark === "answer" && !isInstalled("curl", ["--version"])) return "there is no answer: curl is not installed";
  if (language === "python" && !isInstalled("python3", ["-c", "import requests"])) return "python3 with the package requests is not installed";
  return undefined;
}

const found = new Map<string, boolean>();

function isInstalled(program: string, words: readonly string[]): boolean {
  const known = found.get(program);
  if (known !== undefined) return known;
  let isThere = true;
  try {
    execFileSync(program, words, { stdio: "ignore" });
  } catch {
    isThere = false;
  }
  found.set(program, isThere);
  return isThere;
}
