/**
 * A file system in memory that knows what would survive a power loss. `crash` gives the disk as it could be found
 * afterwards: of what was written since a file's last sync any 512-byte sector may or may not be there (and the file
 * filled with zeros where only a later one is), and so may any name changed since its folder's last sync. Stricter than
 * ext4, which keeps the order of names and makes a file's name durable with the file.
 */
import { dirname } from "node:path";
import type { Files, OpenFile } from "../../src/engines/embedded/files.ts";
import { StrataError } from "../../src/kernel/errors.ts";
import type { Random } from "../../src/kernel/random.ts";

export interface MemoryFiles extends Files {
  /** The disk after a power loss now, as a new file system; this one stays as it is. */
  crash(random: Random): MemoryFiles;
  /** The disk after a process was killed now: everything written is there. */
  kill(): MemoryFiles;
  /** Contents by path, for looking at and for making damaged disks. */
  snapshot(): ReadonlyMap<string, Buffer>;
}

type Change = { readonly kind: "write"; readonly position: number; readonly data: Buffer } | { readonly kind: "truncate"; readonly sizeBytes: number };

interface Inode {
  bytes: Buffer;
  synced: Buffer;
  /** Since the last sync, in order. */
  changes: Change[];
}

type Names = Map<string, Inode>;

interface NameChange {
  readonly folder: string;
  apply(names: Names): void;
}

const SECTOR_BYTES = 512;

/** `noteChange` is called after every operation that changes the disk or makes changes durable: each is a moment to lose power. */
export function createMemoryFiles(contents: Iterable<readonly [string, Buffer]> = [], noteChange: () => void = () => undefined): MemoryFiles {
  const names: Names = new Map(Array.from(contents, ([path, bytes]) => [path, inodeOf(bytes)]));
  const durableNames: Names = new Map(names);
  let unsyncedNames: NameChange[] = [];
  const locked = new Set<string>();

  const change = (folder: string, apply: NameChange["apply"]): void => {
    apply(names);
    unsyncedNames.push({ folder, apply });
    noteChange();
  };
  const existing = (path: string): Inode => {
    const inode = names.get(path);
    if (!inode) throw Object.assign(new Error(`ENOENT: ${path}`), { code: "ENOENT" });
    return inode;
  };

  return {
    open: async (path, mode) => {
      if (mode !== "create") return fileOf(existing(path), noteChange);
      if (names.has(path)) throw Object.assign(new Error(`EEXIST: ${path}`), { code: "EEXIST" });
      const inode = inodeOf(Buffer.alloc(0));
      change(dirname(path), (into) => into.set(path, inode));
      return fileOf(inode, noteChange);
    },
    contents: async (path) => {
      const inode = names.get(path);
      return inode && Buffer.from(inode.bytes);
    },
    list: async (folder) => childrenOf(folder, names.keys()),
    makeFolder: async () => undefined,
    rename: async (from, to) => {
      const inode = existing(from);
      change(dirname(to), (into) => {
        into.delete(from);
        into.set(to, inode);
      });
    },
    remove: async (path) => {
      if (names.has(path)) change(dirname(path), (into) => into.delete(path));
    },
    syncFolder: async (folder) => {
      for (const pending of unsyncedNames) if (pending.folder === folder) pending.apply(durableNames);
      unsyncedNames = unsyncedNames.filter((pending) => pending.folder !== folder);
      noteChange();
    },
    lock: async (folder) => {
      if (locked.has(folder)) throw new StrataError("DATA_DIR_LOCKED", { folder, pid: process.pid });
      locked.add(folder);
      return { release: () => void locked.delete(folder) };
    },
    crash: (random) => {
      const found: Names = new Map(durableNames);
      for (const pending of unsyncedNames) if (random.next() < 0.5) pending.apply(found);
      return createMemoryFiles(Array.from(found, ([path, inode]) => [path, afterPowerLoss(inode, random)] as const));
    },
    kill: () => createMemoryFiles(Array.from(names, ([path, inode]) => [path, Buffer.from(inode.bytes)] as const)),
    snapshot: () => new Map(Array.from(names, ([path, inode]) => [path, Buffer.from(inode.bytes)])),
  };
}

function inodeOf(bytes: Buffer): Inode {
  return { bytes, synced: bytes, changes: [] };
}

function fileOf(inode: Inode, noteChange: () => void): OpenFile {
  const make = (change: Change): void => {
    inode.bytes = changed(inode.bytes, change);
    inode.changes.push(change);
    noteChange();
  };
  return {
    read: async (buffer, position) => inode.bytes.copy(buffer, 0, position),
    write: async (parts, position) => make({ kind: "write", position, data: Buffer.concat(parts) }),
    datasync: async () => {
      inode.synced = inode.bytes;
      inode.changes = [];
      noteChange();
    },
    truncate: async (sizeBytes) => make({ kind: "truncate", sizeBytes }),
    size: async () => inode.bytes.length,
    close: async () => undefined,
  };
}

function changed(bytes: Buffer, change: Change): Buffer {
  if (change.kind === "truncate") return Buffer.from(bytes.subarray(0, change.sizeBytes));
  const result = Buffer.alloc(Math.max(bytes.length, change.position + change.data.length));
  bytes.copy(result);
  change.data.copy(result, change.position);
  return result;
}

function afterPowerLoss(inode: Inode, random: Random): Buffer {
  const luck = random.next(); // sometimes nearly all arrived, sometimes nearly nothing
  return inode.changes.flatMap(sectors).filter(() => random.next() < luck).reduce(changed, inode.synced);
}

function sectors(change: Change): readonly Change[] {
  if (change.kind === "truncate") return [change];
  const pieces: Change[] = [];
  for (let at = 0; at < change.data.length;) {
    const next = Math.min(change.data.length, at + SECTOR_BYTES - ((change.position + at) % SECTOR_BYTES));
    pieces.push({ kind: "write", position: change.position + at, data: change.data.subarray(at, next) });
    at = next;
  }
  return pieces;
}

function childrenOf(folder: string, paths: Iterable<string>): readonly string[] {
  const inside = Array.from(paths).filter((path) => path.startsWith(`${folder}/`));
  return [...new Set(inside.map((path) => path.slice(folder.length + 1).split("/")[0]!))];
}
