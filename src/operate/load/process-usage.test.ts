/** What /proc says about this process and its children, and who listens where. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { openTestServer } from "./test-support/known-server.ts";
import { findListeners, listeningInodes, parseStat, readProcessUsage } from "./process-usage.ts";

const NOBODY = 2 ** 30;
const onLinux = { skip: process.platform === "linux" ? false : "/proc is Linux's" };

test("a name with spaces and parentheses does not shift the fields", () => {
  const fields = Array.from({ length: 50 }, (_, index) => index);
  const stat = parseStat(`42 (node (a) b) S ${fields.slice(1).join(" ")}`);
  assert.deepEqual(stat, { parent: 1, ticks: 11 + 12 + 13 + 14, pages: 21 });
  assert.equal(parseStat(""), undefined);
});

test("only listening sockets of the very port count", () => {
  const line = (address: string, state: string, inode: number): string => `   0: ${address} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000  1000        0 ${inode} 1 0 100`;
  const table = ["  sl  local_address rem_address st", line("0100007F:1F90", "0A", 11), line("0100007F:1F90", "01", 12), line("00000000:0016", "0A", 13), line("0100007F:01F9", "0A", 14)].join("\n");
  assert.deepEqual(listeningInodes(table, 8080), ["11"]);
});

test("the process that listens is found, and its CPU grows with its work, children included", onLinux, async () => {
  await using server = await openTestServer((_, response) => { response.end(); });
  assert.ok((await findListeners(server.port)).includes(process.pid));
  const child = spawn(process.execPath, ["-e", "process.on('message', () => { const end = Date.now() + 300; while (Date.now() < end); process.send('done'); })"], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  try {
    const before = await readProcessUsage([process.pid], NOBODY);
    child.send("work");
    await once(child, "message");
    const after = await readProcessUsage([process.pid], NOBODY);
    assert.ok(before !== undefined && after !== undefined && after.pids.includes(child.pid!));
    assert.ok(after.cpuMs - before.cpuMs >= 100, `${after.cpuMs - before.cpuMs} ms`);
    assert.ok(after.rssBytes > 10e6);
    assert.deepEqual((await readProcessUsage([process.pid]))?.pids, [process.pid], "our own children are generators, not the server's");
  } finally {
    child.kill();
  }
});

test("a process that is not there has no usage", async () => {
  assert.equal(await readProcessUsage([NOBODY]), undefined);
});
