/** What a tree of processes uses, on trees that this test starts. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { platform } from "node:os";
import { test } from "node:test";
import { freePort, startPeer } from "./peer-server.ts";
import { membersOf, usageOf } from "./process-tree.ts";

/** 400 ms of CPU, however long they take on a busy machine. */
const BUSY = "for (const begun = process.cpuUsage().user; process.cpuUsage().user < begun + 400_000;);";
const PARENT = `
  const { spawn } = require("node:child_process");
  const child = spawn(process.execPath, ["-e", ${JSON.stringify(`${BUSY} setInterval(() => {}, 1000); console.log("busy");`)}], { detached: true, stdio: ["ignore", "inherit", "inherit"], env: {} });
  ${BUSY}
  console.log("busy");
  setInterval(() => {}, 1000);
`;

test("a tree's CPU and memory include detached children that do not have the mark", { skip: platform() === "linux" ? false : "reads /proc" }, async () => {
  const mark = `PEER_TREE_TEST=${Math.random()}`;
  const child = spawn(process.execPath, ["-e", PARENT], { detached: true, stdio: ["ignore", "pipe", "inherit"], env: { PEER_TREE_TEST: mark.split("=")[1] } });
  try {
    let said = "";
    while (said.split("busy").length <= 2) said += String((await once(child.stdout, "data"))[0]);
    const members = membersOf(child.pid!, mark);
    const { cpuMs, pssBytes, rssBytes, processes } = usageOf(child.pid!, mark);
    assert.equal(members.length, 2);
    assert.equal(processes, 2);
    assert.ok(cpuMs >= 600, `${cpuMs} ms of CPU for twice 400`);
    assert.ok(pssBytes > 0 && pssBytes <= rssBytes);
  } finally {
    for (const pid of membersOf(child.pid!, mark)) process.kill(pid, "SIGKILL");
  }
});

test("a server that ends before it answers says what it said, and nothing of it stays", { skip: platform() === "linux" ? false : "reads /proc" }, async () => {
  const port = await freePort();
  const program = "require('node:child_process').spawn('sleep', ['60']); console.error('no such model'); setTimeout(() => process.exit(3), 200);";
  await assert.rejects(
    startPeer({ command: process.execPath, args: ["-e", program], cwd: "/", environment: { PEER_ORPHAN_TEST: String(port) } }, { name: "the server", port, isReady: () => Promise.resolve(false) }),
    /the server ended before it answered \(exit 3\): .*no such model/s,
  );
  assert.deepEqual(membersOf(-1, `PEER_ORPHAN_TEST=${port}`), []);
});
