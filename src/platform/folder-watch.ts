/**
 * Notices changes of source files below a folder. Every folder is watched by itself: Node's recursive watch on Linux
 * follows files by inode, so after an editor has replaced a file (write beside, then rename) it says nothing of it any
 * more (seen with Node 24.21).
 */
import { readdirSync, watch } from "node:fs";
import type { FSWatcher } from "node:fs";
import { join } from "node:path";

export interface FolderWatchOptions {
  /** Names of files that matter. */
  readonly files: RegExp;
  /** Names of folders that are not looked into. */
  readonly ignored: ReadonlySet<string>;
  readonly onChange: () => void;
  /** The folder itself, or one below it, can no longer be watched. */
  readonly onError: (thrown: Error) => void;
}

export function watchFolder(root: string, { files, ignored, onChange, onError }: FolderWatchOptions): Disposable {
  const watchers = new Map<string, FSWatcher>();

  const forget = (folder: string): void => {
    for (const [path, watcher] of watchers) {
      if (path !== folder && !path.startsWith(join(folder, "/"))) continue;
      watcher.close();
      watchers.delete(path);
    }
  };

  /** false when it is no folder, or is gone already. */
  const follow = (folder: string): boolean => {
    const below = foldersIn(folder);
    if (below === undefined) return false;
    const watcher = watch(folder, (_, name) => { if (name !== null) onEvent(folder, name); });
    watcher.on("error", (thrown) => { forget(folder); onError(thrown); });
    watchers.set(folder, watcher);
    for (const name of below) if (!ignored.has(name)) follow(join(folder, name));
    return true;
  };

  const onEvent = (folder: string, name: string): void => {
    if (ignored.has(name)) return;
    if (files.test(name)) return onChange();
    const path = join(folder, name);
    const wasFolder = watchers.has(path);
    forget(path);
    if (follow(path) || wasFolder) onChange(); // files may have come and gone with it
  };

  if (!follow(root)) onError(new Error(`${root} is no folder`));
  return {
    [Symbol.dispose]: () => {
      for (const watcher of watchers.values()) watcher.close();
      watchers.clear();
    },
  };
}

function foldersIn(folder: string): readonly string[] | undefined {
  try {
    return readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch {
    return undefined;
  }
}
