/**
 * Replacing a file so that after a crash or power loss it holds either the old bytes or the new ones, whole:
 * write a temporary file beside it, sync it, rename it over the target, sync the folder.
 */
import { randomUUID } from "node:crypto";
import { dirname } from "node:path";
import type { Files } from "./files.ts";

/** Ends the name of every temporary file; a leftover of a crash is safe to remove. */
export const TEMPORARY_SUFFIX = ".temporary";

/** Writes `parts` beside `path` and syncs them; returns the temporary file's path, ready to be renamed. */
export async function writeBeside(files: Files, path: string, parts: readonly Uint8Array[]): Promise<string> {
  const temporary = `${path}.${randomUUID()}${TEMPORARY_SUFFIX}`;
  try {
    const file = await files.open(temporary, "create");
    try {
      await file.write(parts, 0);
      await file.datasync();
    } finally {
      await file.close();
    }
    return temporary;
  } catch (thrown) {
    await files.remove(temporary).catch(() => undefined); // the first failure is the one worth reporting
    throw thrown;
  }
}

/** Resolves when the new bytes would survive power loss; when it rejects, `path` is as it was or whole and new. */
export async function replaceFile(files: Files, path: string, parts: readonly Uint8Array[]): Promise<void> {
  const temporary = await writeBeside(files, path, parts);
  await files.rename(temporary, path);
  await files.syncFolder(dirname(path));
}

/** Removes what crashed writers left in a folder. Call it before the folder's first writer starts. */
export async function removeLeftovers(files: Files, folder: string): Promise<void> {
  for (const name of await files.list(folder)) {
    if (name.endsWith(TEMPORARY_SUFFIX)) await files.remove(`${folder}/${name}`);
  }
}
