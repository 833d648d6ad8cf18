/**
 * `strata migrate` on the command line: a data folder with a trained model moves to servers and back. Each
 * time both sides are compared, the same definition runs on the copy, and its evidence holds.
 */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { sql } from "kysely";
import { openPostgresDatabase } from "../../src/engines/postgres/database.ts";
import { createReplayClock } from "../../src/kernel/clock.ts";
import { createRandom } from "../../src/kernel/random.ts";
import { loadConfig } from "../../src/platform/config.ts";
import { openPlatform, type Platform } from "../../src/platform/platform.ts";
import type { MigrationReport } from "../../src/platform/migration/migrate.ts";
import { temporaryFolder } from "../conformance/temporary-folder.ts";
import { runStrata } from "../fake-strata-server.ts";
import application, { inspections, readings } from "../scenarios/maintenance-app.ts";
import { createMaintenanceWorld } from "../scenarios/maintenance-world.ts";
import { openServers } from "./all-servers.ts";

const opened = await openServers();
if ("obstacle" in opened) {
  test("migration", { skip: opened.obstacle });
} else {
  const { servers } = opened;
  after(() => servers[Symbol.asyncDispose]());
  for (const [name, value] of Object.entries(servers.environment)) process.env[name] = value; // the platform reads credentials there

  const migrate = async (folder: string, words: readonly string[]) => {
    const { code, host } = await runStrata(["migrate", "--json", ...words], undefined, { workingDirectory: folder, environment: servers.environment });
    const report = host.output() === "" ? undefined : JSON.parse(host.output()) as MigrationReport;
    return { code, report, wrong: `${host.errors()} ${JSON.stringify(report?.comparisons?.filter(({ equal }) => !equal))}` };
  };
  const clock = createReplayClock(Date.UTC(2026, 0, 5));
  const openAt = (dataDir: string, profile = ""): Promise<Platform> => {
    const { config } = loadConfig({ environment: {}, flags: { dataDir, profile, port: 0, listeners: 1, logLevel: "error", checkpointSeconds: 3_600, trainingThreads: 1 } });
    return openPlatform({ definition: application, config, clock, runsControlLoop: false, watch: false });
  };
  const KEYS = Array.from({ length: 200 }, (_, i) => [`m${i * 487}`]);
  /** What a user would notice if the copy were another one. */
  const lookAt = async (platform: Platform) => {
    await platform.features.fresh([readings.name]);
    const evidence = await platform.registry.verifyEvidence("wear");
    const audit = await platform.audit({ limit: 1_000 });
    return {
      features: platform.features.read({ view: "heat", keys: KEYS, atMs: clock.now() }),
      aliases: await platform.registry.aliases("wear"), evidence: evidence.ok && evidence.records, differences: audit.mismatches,
      runs: (await platform.experiments.listRuns({ limit: 10 })).runs.length, answered: audit.answers,
    };
  };

  test("a data folder moves to servers and back: everything equal, running on either side, and a difference is an exit status of 1", { timeout: 170_000 }, async () => {
    await using folder = await temporaryFolder();
    const profile = await servers.newProfile();
    const place = join(folder.path, "servers.json");
    await writeFile(join(folder.path, "strata.profile.json"), JSON.stringify({ production: profile }));
    await writeFile(place, JSON.stringify(profile));
    const dataDir = join(folder.path, "data");

    const first = await openAt(dataDir);
    const world = createMaintenanceWorld(createRandom("migration"), clock);
    await world.history(first, 1_200);
    await first.train("wear", { reason: "to be migrated" });
    await world.live(first, 200);
    const refused = await migrate(folder.path, ["--to", "production", "--data-dir", "data"]);
    assert.equal(refused.code, 1, "while Strata runs on the folder");
    const before = await lookAt(first);
    assert.deepEqual([before.aliases, before.runs], [{ champion: 1 }, 1]);
    await first.close();

    const there = await migrate(folder.path, ["--to", "production", "--data-dir", "data"]);
    assert.equal(there.code, 0, there.wrong);
    const kinds = Map.groupBy(there.report!.comparisons, ({ kind }) => kind);
    assert.ok(kinds.get("log")!.some(({ name, source }) => name === inspections.name && source.count === 1_400));
    assert.deepEqual([kinds.get("ledger")?.length, kinds.get("blobs")?.length], [5, 1]);
    assert.ok(kinds.get("table")!.some(({ name, source }) => name === "registry_version" && source.count === 1));
    assert.ok((kinds.get("state")?.length ?? 0) > 0);

    const again = await migrate(folder.path, ["--to", "production", "--data-dir", "data"]);
    assert.deepEqual(again.report?.comparisons, there.report?.comparisons, "a second run finds everything in place");

    const onServers = await openAt(dataDir, place);
    assert.deepEqual(await lookAt(onServers), before);
    await world.live(onServers, 50);
    const moved = await lookAt(onServers);
    await onServers.close();

    const back = await migrate(folder.path, ["--profile", "production", "--to", "embedded", "--data-dir", "data"]);
    assert.equal(back.code, 0, back.wrong);
    assert.ok(back.report!.comparisons.some(({ name, source, kind }) => kind === "log" && name === readings.name && source.count === 1_450));
    const home = await openAt(dataDir);
    assert.deepEqual(await lookAt(home), moved);
    await home.close();

    const database = profile["database"]!;
    await using postgres = await openPostgresDatabase({ url: database });
    await sql.raw("CREATE FUNCTION spoil() RETURNS trigger AS $$ BEGIN NEW.subject := 'another'; RETURN NEW; END $$ LANGUAGE plpgsql").execute(postgres.as<object>());
    await sql.raw("DELETE FROM decision").execute(postgres.as<object>());
    await sql.raw("CREATE TRIGGER spoil BEFORE INSERT ON decision FOR EACH ROW EXECUTE FUNCTION spoil()").execute(postgres.as<object>());
    const spoiled = await migrate(folder.path, ["--to", "production", "--data-dir", "data"]);
    assert.equal(spoiled.code, 1);
    assert.ok(moved.answered > before.answered);
  });
}
