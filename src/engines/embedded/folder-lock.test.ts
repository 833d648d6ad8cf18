import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { lockFolder } from "./folder-lock.ts";

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "strata-lock-"));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("a second opener in the same process is refused until the first lets go", () => inFolder(async (folder) => {
  const lock = await lockFolder(folder);
  await assert.rejects(lockFolder(folder), { code: "DATA_DIR_LOCKED", details: { folder, pid: process.pid } });
  lock.release();
  (await lockFolder(folder)).release();
}));

test("another process is named while it lives; its death, however sudden, frees the folder", () => inFolder(async (folder) => {
  const script = `import { lockFolder } from ${JSON.stringify(import.meta.resolve("./folder-lock.ts"))};
    globalThis.lock = await lockFolder(${JSON.stringify(folder)});
    await lockFolder(${JSON.stringify(folder)}).catch((refused) => console.log(refused.code)); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--conditions=source", "--input-type=module", "--eval", script], { stdio: ["ignore", "pipe", "inherit"] });
  assert.equal(String((await once(child.stdout, "data"))[0]), "DATA_DIR_LOCKED\n"); // its own second try did not cost it the lock
  await assert.rejects(lockFolder(folder), { code: "DATA_DIR_LOCKED", details: { folder, pid: child.pid } });
  child.kill("SIGKILL");
  await once(child, "exit");
  (await lockFolder(folder)).release();
}));

test("files left by a dead owner, whatever pid they name, do not matter", () => inFolder(async (folder) => {
  await writeFile(join(folder, "lock"), "");
  await writeFile(join(folder, "lock-owner"), `${process.ppid}\n`); // alive, and not the owner
  (await lockFolder(folder)).release();
}));
