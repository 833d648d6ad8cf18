/** A folder outside the repository in which `import "strata"` finds this package, gone after the test. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export interface TemporaryProject extends AsyncDisposable {
  readonly folder: string;
}

export async function openTemporaryProject(files: Readonly<Record<string, string>> = {}): Promise<TemporaryProject> {
  const folder = await mkdtemp(join(tmpdir(), "strata-project-"));
  await mkdir(join(folder, "node_modules"));
  await symlink(fileURLToPath(new URL("../", import.meta.url)), join(folder, "node_modules", "strata"), "dir");
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}
