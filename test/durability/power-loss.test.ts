/**
 * Power loss under load, 12 rounds (STRATA_POWER_LOSS_ROUNDS) for the event log and for the SQLite database: every
 * acknowledged item is there. A third test shows that the method notices an engine that does not sync.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { openEmbeddedEventLog } from "../../src/engines/embedded/event-log.ts";
import { openSqliteDatabase } from "../../src/engines/sqlite/database.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { createRandom } from "../../src/kernel/random.ts";
import { temporaryFolder } from "../conformance/temporary-folder.ts";
import { runUntilKilled } from "./kill.ts";
import { checkItems } from "./log-items.ts";
import { LOG_LOAD } from "./log-rounds.ts";
import { losePower, makeImage, whyNoLoopDisk } from "./loop-disk.ts";
import { countItems, countLost, parseAcknowledged, type Acknowledged } from "./sequences.ts";
import { checkRows } from "./sql-items.ts";

const rounds = Number(process.env["STRATA_POWER_LOSS_ROUNDS"] ?? 12);
const reason = await whyNoLoopDisk();
const skip = reason === undefined ? false : `power loss cannot be simulated here: ${reason}`;

const SQL_LOAD = fileURLToPath(new URL("sql-load.ts", import.meta.url));
const DISK_BYTES = 192 * 1024 * 1024;

interface Engine {
  readonly script: string;
  /** The script's parameters for data in this folder. */
  readonly parameters: (folder: string) => readonly string[];
  /** Opens what is left; returns how many items of each producer there are. */
  readonly check: (folder: string, acknowledged: Acknowledged) => Promise<ReadonlyMap<number, number>>;
}

const eventLog: Engine = {
  script: LOG_LOAD,
  parameters: (folder) => [join(folder, "log"), "0", "8", "0"],
  check: async (folder, acknowledged) => {
    await using log = await openEmbeddedEventLog({ folder: join(folder, "log"), clock: systemClock });
    assert.ok(log.checkpoint("clicks", "consumer") >= acknowledged.checkpoint, "a committed checkpoint is kept");
    assert.ok((await log.verify("clicks")).every((damage) => damage.kind === "torn-tail"), "nothing is taken for damage");
    return await checkItems(log, 0, 0);
  },
};
const unsyncedEventLog: Engine = {
  script: LOG_LOAD,
  parameters: (folder) => [...eventLog.parameters(folder), "unsynced"],
  check: async (folder) => {
    await using log = await openEmbeddedEventLog({ folder: join(folder, "log"), clock: systemClock });
    return await checkItems(log, 0, 0);
  },
};
const sqlite: Engine = {
  script: SQL_LOAD,
  parameters: (folder) => [join(folder, "database", "metadata.sqlite"), "4"],
  check: async (folder) => {
    await using database = await openSqliteDatabase({ file: join(folder, "database", "metadata.sqlite") });
    return await checkRows(database);
  },
};

interface Total {
  acknowledged: number;
  lost: number;
  roundsWithLoss: number;
}

async function loseOften(t: TestContext, engine: Engine, options: { readonly rounds: number; readonly seed: string }): Promise<Total> {
  await using folder = await temporaryFolder();
  const template = join(folder.path, "template.img");
  await makeImage(template, DISK_BYTES);
  const random = createRandom(options.seed);
  const total = { acknowledged: 0, lost: 0, roundsWithLoss: 0 };
  for (let round = 0; round < options.rounds; round++) {
    let acknowledged: Acknowledged = parseAcknowledged([]);
    const lost = await losePower(folder.path, template, {
      load: async (mounted) => {
        acknowledged = parseAcknowledged(await runUntilKilled(engine.script, engine.parameters(mounted), { after: "ready", ms: 50 + random.integer(1_300) }));
      },
      check: async (mounted) => countLost(acknowledged, await engine.check(mounted, acknowledged)),
    });
    total.acknowledged += countItems(acknowledged);
    total.lost += lost;
    total.roundsWithLoss += lost > 0 ? 1 : 0;
  }
  t.diagnostic(`${options.rounds} rounds: ${total.acknowledged} items acknowledged, ${total.lost} lost in ${total.roundsWithLoss} rounds`);
  return total;
}

test("the event log loses nothing it acknowledged when the power goes", { skip }, async (t) => {
  const { acknowledged, lost } = await loseOften(t, eventLog, { rounds, seed: "event log" });
  assert.equal(lost, 0);
  assert.ok(acknowledged > rounds * 20, "the load did work");
});

test("the SQLite database loses nothing it committed when the power goes", { skip }, async (t) => {
  const { acknowledged, lost } = await loseOften(t, sqlite, { rounds, seed: "sqlite" });
  assert.equal(lost, 0);
  assert.ok(acknowledged > rounds * 20, "the load did work");
});

test("the method works: an event log that does not sync loses what it acknowledged", { skip }, async (t) => {
  const { lost } = await loseOften(t, unsyncedEventLog, { rounds: 3, seed: "unsynced" });
  assert.ok(lost > 0);
});
