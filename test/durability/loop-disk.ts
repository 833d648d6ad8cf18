/**
 * A disk that can lose its power: an ext4 file system in a file, mounted through a loop device. Copying the file while
 * it is mounted takes what had reached the block device, and nothing of what the kernel still held in memory.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Why this machine cannot run such tests, or undefined when it can. */
export async function whyNoLoopDisk(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return "mounting a loop device needs root";
  if (!existsSync("/dev/loop-control")) return "this machine has no loop devices (/dev/loop-control)";
  for (const tool of ["mkfs.ext4", "mount", "umount", "losetup"]) {
    if (!(await hasTool(tool))) return `the program ${tool} is not installed`;
  }
  return undefined;
}

async function hasTool(tool: string): Promise<boolean> {
  return run("sh", ["-c", `PATH="$PATH:/usr/sbin:/sbin" command -v ${tool}`]).then(() => true, () => false);
}

async function sh(script: string, ...parameters: readonly string[]): Promise<void> {
  await run("sh", ["-ec", `PATH="$PATH:/usr/sbin:/sbin"; ${script}`, "sh", ...parameters]);
}

/** Makes a file that holds an empty ext4 file system; copies of it are fresh disks. */
export async function makeImage(image: string, sizeBytes: number): Promise<void> {
  // Without lazy initialisation: a kernel thread would go on writing to the disk after the mount.
  await sh('truncate -s "$2" "$1"; mkfs.ext4 -q -F -E lazy_itable_init=0,lazy_journal_init=0 "$1"', image, String(sizeBytes));
}

/** Copies an image, mounted or not; holes stay holes. */
export async function copyImage(from: string, to: string): Promise<void> {
  await sh('cp --sparse=always "$1" "$2"', from, to);
}

export interface MountedDisk extends AsyncDisposable {
  readonly path: string;
}

/** Mounts an image (replaying its journal, as after a power loss) until disposed. */
export async function mountImage(image: string): Promise<MountedDisk> {
  const path = `${image}.mounted`;
  await mkdir(path);
  await sh('mount -o loop "$1" "$2"', image, path);
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      await sh('umount "$1" || { sleep 1; umount "$1"; }', path);
      await rm(path, { recursive: true });
    },
  };
}

/** Runs `load` on a fresh disk until it is killed, loses the power at that moment, and lets `check` look at what is left. */
export async function losePower<Result>(folder: string, template: string, work: PowerLoss<Result>): Promise<Result> {
  const [image, left] = [join(folder, "running.img"), join(folder, "left.img")];
  await copyImage(template, image);
  try {
    {
      await using disk = await mountImage(image);
      await work.load(disk.path);
      await copyImage(image, left);
    }
    await using disk = await mountImage(left);
    return await work.check(disk.path);
  } finally {
    await rm(image, { force: true });
    await rm(left, { force: true });
  }
}

export interface PowerLoss<Result> {
  /** Must return right after the killed process is gone. */
  readonly load: (mounted: string) => Promise<void>;
  readonly check: (mounted: string) => Promise<Result>;
}
