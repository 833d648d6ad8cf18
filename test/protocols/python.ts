/** A Python with packages for a test: a virtual environment in the temporary folder, made once per list of packages. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

export interface Python {
  readonly path: string;
  /** Runs a script; rejects when it fails or takes too long. */
  run(words: readonly string[], options?: { readonly cwd?: string; readonly timeoutMs?: number }): Promise<{ readonly stdout: string; readonly stderr: string }>;
}

/** Undefined, with the reason, where there is no Python or no package index. */
export async function openPython(packages: readonly string[]): Promise<{ readonly python: Python } | { readonly obstacle: string }> {
  const folder = join(tmpdir(), `strata-python-${createHash("sha256").update(packages.join("\n")).digest("hex").slice(0, 12)}`);
  if (!existsSync(join(folder, "complete"))) {
    try {
      await install(folder, packages);
    } catch (thrown) {
      return { obstacle: `Python with ${packages.join(", ")} could not be installed: ${String(thrown).slice(0, 500)}` };
    }
  }
  const path = join(folder, "bin", "python");
  return { python: { path, run: (words, { cwd = folder, timeoutMs = 120_000 } = {}) => run(path, [...words], { cwd, timeout: timeoutMs, maxBuffer: 64 * 1024 * 1024 }) } };
}

async function install(folder: string, packages: readonly string[]): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await run("python3", ["-m", "venv", folder], { timeout: 120_000 });
  await run(join(folder, "bin", "python"), ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...packages], { timeout: 600_000 });
  const marker = join(folder, "complete");
  await writeFile(`${marker}.new`, packages.join("\n"));
  await rename(`${marker}.new`, marker); // only a whole environment has it
}
