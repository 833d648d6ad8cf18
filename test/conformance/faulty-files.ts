/** Another file system, made to fail where a test says: the next matching operation throws, a write after half of its work. */
import type { Files, OpenFile } from "../../src/engines/embedded/files.ts";

export type FaultyOperation = "write" | "datasync" | "truncate" | "create" | "remove" | "rename" | "syncFolder";

export interface FaultyFiles extends Files {
  /** Makes the next `times` operations of this kind fail, on paths that contain `path`. */
  fail(operation: FaultyOperation, options?: { readonly times?: number; readonly path?: string }): void;
  /** How many planned failures have not happened yet. */
  planned(): number;
}

interface Plan {
  readonly operation: FaultyOperation;
  readonly path: string;
  times: number;
}

export function createFaultyFiles(base: Files): FaultyFiles {
  const plans: Plan[] = [];
  const isDue = (operation: FaultyOperation, path: string): boolean => {
    const plan = plans.find((other) => other.operation === operation && other.times > 0 && path.includes(other.path));
    if (plan) plan.times--;
    return plan !== undefined;
  };
  const check = (operation: FaultyOperation, path: string): void => {
    if (isDue(operation, path)) throw Object.assign(new Error(`EIO: planned failure of ${operation}`), { code: "EIO" });
  };
  return {
    ...base,
    fail: (operation, { times = 1, path = "" } = {}) => void plans.push({ operation, path, times }),
    planned: () => plans.reduce((sum, plan) => sum + plan.times, 0),
    open: async (path, mode) => {
      if (mode === "create") check("create", path);
      return faultyFile(await base.open(path, mode), path, { isDue, check });
    },
    rename: async (from, to) => {
      check("rename", to);
      await base.rename(from, to);
    },
    remove: async (path) => {
      check("remove", path);
      await base.remove(path);
    },
    syncFolder: async (folder) => {
      check("syncFolder", folder);
      await base.syncFolder(folder);
    },
  };
}

interface Judge {
  readonly isDue: (operation: FaultyOperation, path: string) => boolean;
  readonly check: (operation: FaultyOperation, path: string) => void;
}

function faultyFile(file: OpenFile, path: string, { isDue, check }: Judge): OpenFile {
  return {
    ...file,
    write: async (parts, position) => {
      if (!isDue("write", path)) return file.write(parts, position);
      const whole = Buffer.concat(parts);
      await file.write([whole.subarray(0, whole.length >> 1)], position); // a full disk takes what it can
      throw Object.assign(new Error("ENOSPC: planned failure of write"), { code: "ENOSPC" });
    },
    datasync: async () => {
      check("datasync", path);
      await file.datasync();
    },
    truncate: async (sizeBytes) => {
      check("truncate", path);
      await file.truncate(sizeBytes);
    },
  };
}
