/**
 * Strata as a contender: a user's project with the package packed and installed, or linked to the sources here. Starts
 * the same program either way: `strata up`, or `strata serve` when several processes are wanted.
 */
import { copyFile, mkdir, symlink, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { createPackages } from "../packages.ts";
import { run } from "./peer-cache.ts";
import type { PeerCache } from "./peer-cache.ts";
import type { PeerCommand } from "./peer-server.ts";

export type StrataMode = "installed" | "source";

export interface StrataDefinition {
  readonly folder: string;
  readonly file: string;
}

export interface StrataStart {
  readonly port: number;
  readonly processes: number;
  readonly environment?: Readonly<Record<string, string>>;
  /** Folder for a CPU profile, written when the process ends. */
  readonly profile?: string | undefined;
}

export interface StrataProject {
  readonly remarks: string;
  /** Whether one command starts several serving processes. */
  readonly canServe: boolean;
  /** Copies a definition into a folder of its own inside the project. */
  add(name: string, definition: string): Promise<StrataDefinition>;
  command(definition: StrataDefinition, start: StrataStart): PeerCommand;
  /** Runs a command of the program and answers what it printed. */
  execute(args: readonly string[], cwd: string): Promise<string>;
}

const repository = join(import.meta.dirname, "..", "..");
const opened = new Map<string, Promise<StrataProject>>();

/** Opened once per run, however many contenders use it. */
export function openStrataProject(cache: PeerCache, mode: StrataMode, say: (text: string) => void): Promise<StrataProject> {
  const known = opened.get(cache.root) ?? open(cache, mode, say);
  opened.set(cache.root, known);
  return known;
}

async function open(cache: PeerCache, mode: StrataMode, say: (text: string) => void): Promise<StrataProject> {
  const root = await cache.fresh("strata");
  let problem = "";
  if (mode === "installed") {
    try {
      const { project } = await createPackages(root, say).installed();
      for (const name of ["onnxruntime-node", "onnxruntime-common"]) await symlink(join(repository, "node_modules", name), join(project, "node_modules", name)).catch(() => undefined);
      return await describe(project, [join(project, "node_modules", "strata", "dist", "src", "cli", "main.js")], "packed and installed");
    } catch (thrown) {
      problem = `, because packing failed: ${(thrown instanceof Error ? thrown.message : String(thrown)).trim().split("\n").filter((line) => !line.startsWith("npm ")).slice(-2).join(" ").slice(0, 300)}`;
      say(`Strata runs from its sources${problem}`);
    }
  }
  const project = join(root, "linked-project");
  await mkdir(join(project, "node_modules"), { recursive: true });
  await writeFile(join(project, "package.json"), JSON.stringify({ name: "project", private: true, type: "module" }));
  await symlink(repository, join(project, "node_modules", "strata"));
  return describe(project, ["--conditions=source", join(repository, "src", "cli", "main.ts")], `from its sources${problem}`);
}

async function describe(project: string, program: readonly string[], how: string): Promise<StrataProject> {
  const [version, help] = [await run(process.execPath, [...program, "--version"], project), await run(process.execPath, [...program, "--help"], project)];
  const canServe = /^\s+serve\s/m.test(help);
  return {
    canServe,
    remarks: `Strata ${version.trim()} ${how}, Node ${process.versions.node}`,
    add: async (name, definition) => {
      const folder = join(project, name);
      await mkdir(folder, { recursive: true });
      await copyFile(definition, join(folder, basename(definition)));
      return { folder, file: basename(definition) };
    },
    command: ({ folder, file }, { port, processes, environment = {}, profile }) => {
      const words = processes > 1 ? ["serve", file, "--processes", String(processes)] : ["up", file, "--no-watch"];
      return {
        command: process.execPath, cwd: folder, environment: { STRATA_LOG_LEVEL: "warn", ...environment },
        args: [...(profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profile}`]), ...program, ...words, "--port", String(port), "--data-dir", join(folder, ".strata")],
      };
    },
    execute: (args, cwd) => run(process.execPath, [...program, ...args], cwd),
  };
}
