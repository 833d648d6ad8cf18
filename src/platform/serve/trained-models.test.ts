import assert from "node:assert/strict";
import { test } from "node:test";
import { createRandom, createReplayClock } from "strata/testing";
import maintenance from "../../../test/scenarios/maintenance-app.ts";
import { createMaintenanceWorld } from "../../../test/scenarios/maintenance-world.ts";
import { openTestPlatform, temporaryFolder, until } from "../../../test/scenarios/platform-kit.ts";
import { systemClock } from "../../kernel/clock.ts";
import { silentLogger, silentMeter } from "../../ports/telemetry.ts";
import { openTrainedModels } from "./trained-models.ts";

test("champions are read beside the process that owns the data folder, and followed when they move", async () => {
  await using folder = await temporaryFolder();
  const clock = createReplayClock(Date.UTC(2026, 0, 1));
  await using platform = await openTestPlatform(maintenance, { dataDir: folder.path, clock });
  const open = () => openTrainedModels({ application: () => maintenance, dataDir: folder.path, clock: systemClock, meter: silentMeter, logger: silentLogger });
  await using before = await open();
  assert.equal(before.champion("wear"), undefined);
  const world = createMaintenanceWorld(createRandom("trained"), clock);
  await world.history(platform, 2_000);
  await platform.train("wear");
  assert.equal(await until("the first champion", () => before.champion("wear")), 1);
  const serving = await before.pool.get("wear", 1);
  assert.ok(serving.loaded.inputs.length > 0);
  await using after = await open();
  assert.equal(after.champion("wear"), 1);
});
