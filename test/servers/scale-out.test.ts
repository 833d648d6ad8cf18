/**
 * The same definition over servers: the scenarios of the embedded platform, unchanged, with every engine that a profile can move
 * on PostgreSQL, Valkey, S3 and NATS.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { sql } from "kysely";
import { openPostgresDatabase } from "../../src/engines/postgres/database.ts";
import { temporaryFolder } from "../conformance/temporary-folder.ts";
import { openServers } from "./all-servers.ts";

const SCENARIOS = [
  ["read-your-writes.test.ts", "every acknowledged event is in the next read"],
  ["read-your-writes.test.ts", "a repeated write is acknowledged again and counts once"],
  ["loop.test.ts", "the loop turns"],
] as const;

const opened = await openServers();
if ("obstacle" in opened) {
  test("scale-out", { skip: opened.obstacle });
} else {
  const { servers } = opened;
  after(() => servers[Symbol.asyncDispose]());
  for (const [file, name] of SCENARIOS) {
    test(`over ${servers.names.join(", ")}: ${name}`, { timeout: 150_000 }, async () => {
      await using folder = await temporaryFolder();
      const profile = join(folder.path, "profile.json");
      const addresses = await servers.newProfile();
      await writeFile(profile, JSON.stringify(addresses));
      const script = fileURLToPath(new URL(`../scenarios/${file}`, import.meta.url));
      const child = spawn(process.execPath, ["--conditions=source", "--test", "--test-name-pattern", name, "--test-reporter=tap", script], {
        stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...servers.environment, SCENARIO_PROFILE: profile, NODE_TEST_CONTEXT: undefined }, // else it would take itself for a part of this run
      });
      let printed = "";
      for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => { printed += text; });
      const [code] = await once(child, "close") as [number];
      assert.equal(code, 0, printed.slice(-6_000));
      assert.match(printed, /^# pass [1-9]/m, printed.slice(-6_000));
      await using database = await openPostgresDatabase({ url: addresses["database"]! });
      const { rows: [row] } = await sql<{ count: number }>`SELECT count(*) AS count FROM strata_migrations`.execute(database.as<object>());
      assert.ok(row!.count >= 5, "the scenario ran on the servers");
    });
  }
}
