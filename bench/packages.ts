/** The package as its users get it: packed from a clean copy of the sources, installed into an empty project. */
import { execFile } from "node:child_process";
import { copyFile, cp, lstat, mkdir, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { z } from "strata";

export interface Installed {
  /** A project of its own with the package in node_modules, the storefront's definition (app.ts) and definition-server.ts. */
  readonly project: string;
  readonly packMs: number;
  readonly tarballBytes: number;
  readonly installMs: number;
  readonly installedBytes: number;
  /** Packages in node_modules, ours included. */
  readonly packages: number;
}

export interface DevelopmentInstall {
  readonly coldMs: number;
  readonly warmMs: number;
  readonly sizeBytes: number;
}

export interface Packages {
  /** `npm ci` in a clean copy, first with an empty npm cache, then with the one that filled. Downloads everything. */
  installDevelopment(): Promise<DevelopmentInstall>;
  /** Packs and installs for production with whatever npm has cached; done once. */
  installed(): Promise<Installed>;
}

const repository = join(import.meta.dirname, "..");
const LEFT_OUT = new Set(["node_modules", "dist", ".git", ".strata", "results"]);

export function createPackages(root: string, say: (text: string) => void): Packages {
  const copy = join(root, "clean-copy");
  const cache = join(root, "npm-cache");
  let copied: Promise<void> | undefined;
  let installing: Promise<Installed> | undefined;
  let isCacheFilled = false;
  const cleanCopy = (): Promise<void> => (copied ??= cp(repository, copy, { recursive: true, filter: (path) => !LEFT_OUT.has(basename(path)) }));

  const installDevelopment = async (): Promise<DevelopmentInstall> => {
    await cleanCopy();
    await rm(join(copy, "node_modules"), { recursive: true, force: true });
    say("npm ci with an empty cache");
    const coldMs = await timeNpm(copy, "ci", "--cache", cache);
    await rm(join(copy, "node_modules"), { recursive: true });
    say("npm ci with a filled cache");
    const warmMs = await timeNpm(copy, "ci", "--cache", cache);
    isCacheFilled = true;
    return { coldMs, warmMs, sizeBytes: await sizeOf(join(copy, "node_modules")) };
  };

  const install = async (): Promise<Installed> => {
    await cleanCopy();
    if (!isCacheFilled) await symlink(join(repository, "node_modules"), join(copy, "node_modules"));
    say("npm pack, which builds");
    const packStartedMs = performance.now();
    const packed = await npm(copy, "pack", "--json", "--pack-destination", root);
    const packMs = performance.now() - packStartedMs;
    const [{ filename, size }] = z.tuple([z.object({ filename: z.string(), size: z.number() })]).parse(JSON.parse(packed.slice(packed.search(/^\[/m)))); // the build may speak first
    const project = join(root, "project");
    await mkdir(project);
    await writeFile(join(project, "package.json"), JSON.stringify({ name: "project", private: true, type: "module" }));
    say("npm install of the tarball");
    const installMs = await timeNpm(project, "install", "--omit=dev", ...(isCacheFilled ? ["--cache", cache] : []), join(root, filename));
    await copyFile(join(repository, "examples/storefront/app.ts"), join(project, "app.ts"));
    for (const script of ["definition-server.ts", "server-commands.ts"]) await copyFile(join(import.meta.dirname, "servers", script), join(project, script));
    const modules = join(project, "node_modules");
    return { project, packMs, tarballBytes: size, installMs, installedBytes: await sizeOf(modules), packages: await packagesIn(modules) };
  };
  return { installDevelopment, installed: () => (installing ??= install()) };
}

/** This Node first, so that npm runs with it too; nothing of an outer `npm run` leaks in. */
const environment = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_(package|lifecycle|config_local_prefix)|^(INIT_CWD|NODE_OPTIONS)$/.test(name))),
  PATH: `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`, NO_COLOR: "1",
};

function npm(folder: string, ...words: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile("npm", [...words, "--no-audit", "--no-fund"], { cwd: folder, env: environment, maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`npm ${words.join(" ")} failed: ${stderr || stdout || error.message}`, { cause: error }));
    });
  });
}

async function timeNpm(folder: string, ...words: readonly string[]): Promise<number> {
  const startedMs = performance.now();
  await npm(folder, ...words);
  return performance.now() - startedMs;
}

/** Sum of the sizes of all files, links not followed. */
async function sizeOf(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  let bytes = 0;
  for (const entry of entries) if (entry.isFile()) bytes += (await lstat(join(entry.parentPath, entry.name))).size;
  return bytes;
}

/** Folders of node_modules, one deeper in scopes. */
async function packagesIn(modules: string): Promise<number> {
  const names = (await readdir(modules)).filter((name) => !name.startsWith("."));
  const inScopes = await Promise.all(names.filter((name) => name.startsWith("@")).map((scope) => readdir(join(modules, scope))));
  return names.filter((name) => !name.startsWith("@")).length + inScopes.flat().length;
}
