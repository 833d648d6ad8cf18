/**
 * Installs peers with their ordinary package managers into a folder of their own outside the project, once: Python
 * packages into a virtual environment each, npm packages into a project each. What cannot be installed says why.
 */
import { execFile } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

export interface PythonEnvironment {
  /** The environment's bin folder. */
  readonly bin: string;
  readonly folder: string;
  /** Version by package name, lower case. */
  readonly versions: ReadonlyMap<string, string>;
}

export interface NpmPackage {
  readonly package: string;
  readonly version: string;
  readonly overrides?: Readonly<Record<string, string>>;
}

export interface NpmProject {
  readonly folder: string;
  readonly version: string;
}

/** Long: some peers are half a gigabyte. */
const INSTALL_LIMIT_MS = 900_000;

export interface PeerCache {
  readonly root: string;
  python(name: string, requirements: readonly string[]): Promise<PythonEnvironment>;
  /** `overrides`: versions of the package's own dependencies, where the newest ones break it. */
  npm(name: string, wanted: NpmPackage): Promise<NpmProject>;
  /** An empty folder. */
  fresh(name: string): Promise<string>;
}

export function createPeerCache(root: string, say: (text: string) => void): PeerCache {
  const isInstalled = async (folder: string, wanted: string): Promise<boolean> => (await readFile(join(folder, "installed.txt"), "utf8").catch(() => "")) === wanted;
  const install = async (folder: string, wanted: string, act: () => Promise<void>): Promise<void> => {
    if (await isInstalled(folder, wanted)) return;
    say(`installing ${wanted.replaceAll("\n", ", ")} into ${folder}`);
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    await act();
    await writeFile(join(folder, "installed.txt"), wanted); // last: an interrupted installation starts again
  };
  return {
    root,
    python: async (name, requirements) => {
      const folder = join(root, `python-${name}`);
      const bin = join(folder, "environment", "bin");
      await install(folder, requirements.join("\n"), async () => {
        await run("python3", ["-m", "venv", join(folder, "environment")], folder);
        await run(join(bin, "pip"), ["install", "--quiet", "--disable-pip-version-check", ...requirements], folder);
      });
      const listed = JSON.parse(await run(join(bin, "pip"), ["list", "--format=json", "--disable-pip-version-check"], folder)) as { readonly name: string; readonly version: string }[];
      return { bin, folder, versions: new Map(listed.map((entry) => [entry.name.toLowerCase(), entry.version])) };
    },
    npm: async (name, { package: packageName, version, overrides = {} }) => {
      const folder = join(root, `npm-${name}`);
      await install(folder, [`${packageName}@${version}`, ...Object.entries(overrides).map((pair) => pair.join("@"))].join("\n"), async () => {
        await writeFile(join(folder, "package.json"), JSON.stringify({ name: "peer", private: true, overrides }));
        await run("npm", ["install", "--no-audit", "--no-fund", `${packageName}@${version}`], folder);
      });
      return { folder, version };
    },
    fresh: async (name) => {
      const folder = join(root, name);
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { recursive: true });
      return folder;
    },
  };
}

/** This Node first, so that npm runs with it too. */
const environment = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`, NO_COLOR: "1" };

export function run(command: string, args: readonly string[], cwd: string): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { cwd, env: environment, maxBuffer: 64 << 20, timeout: INSTALL_LIMIT_MS }, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout);
      const said = (stderr || stdout).trim().split("\n").slice(-3).join(" ") || error.message;
      reject(new Error(`${command} ${args.join(" ")}: ${error.killed === true ? `not done after ${INSTALL_LIMIT_MS / 1000} s` : said}`, { cause: error }));
    });
  });
}
