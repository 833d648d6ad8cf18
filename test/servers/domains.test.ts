/** The tests of every domain that keeps tables, unchanged, over PostgreSQL: their migrations, their queries, their transactions. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { glob } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { openPostgresServer } from "./postgres.ts";

const SOURCES = fileURLToPath(new URL("../../src/", import.meta.url));

const opened = await openPostgresServer();
if ("obstacle" in opened) {
  test("domains over PostgreSQL", { skip: opened.obstacle });
} else {
  const { server } = opened;
  after(() => server[Symbol.asyncDispose]());

  test("the domains' own tests pass over PostgreSQL", { timeout: 240_000 }, async (context) => {
    const files: string[] = [];
    for await (const file of glob("**/*.test.ts", { cwd: SOURCES })) if (readFileSync(SOURCES + file, "utf8").includes("openDomainDatabase")) files.push(SOURCES + file);
    assert.ok(files.length >= 8, `${files.length} files`);
    const child = spawn(process.execPath, ["--conditions=source", "--test", "--test-concurrency=1", "--test-reporter=tap", ...files], {
      stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, DOMAIN_DATABASES: `postgres://strata@127.0.0.1:${server.port}`, NODE_TEST_CONTEXT: undefined }, // else it would take itself for a part of this run
    });
    let printed = "";
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => { printed += text; });
    const [code] = await once(child, "close") as [number];
    const failed = printed.split("\n").filter((line) => line.includes("not ok")).join("\n");
    assert.equal(code, 0, `${failed}\n${printed.slice(-4_000)}`);
    context.diagnostic(`${files.length} files: ${/^# pass (\d+)/m.exec(printed)?.[1]} tests`);
  });
}
