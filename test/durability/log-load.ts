/**
 * A load on the embedded event log, run as a process: `node log-load.ts <folder> <round> <producers> <pauseMs> [unsynced]`.
 * Each append is an item of 1 to 20 records; a consumer follows and commits. Acknowledgements go to stdout as they come.
 */
import { writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { openEmbeddedEventLog } from "../../src/engines/embedded/event-log.ts";
import { nodeFiles } from "../../src/engines/embedded/files.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { recordsOfItem } from "./log-items.ts";
import { unsyncedFiles } from "./unsynced-files.ts";

const [folder = "", round = "", producers = "", pauseMs = "", mode] = process.argv.slice(2);
const log = await openEmbeddedEventLog({ folder, clock: systemClock, segmentBytes: 1024 * 1024, files: mode === "unsynced" ? unsyncedFiles : nodeFiles });
writeSync(1, "ready\n");

async function produce(producer: number): Promise<never> {
  for (let item = 0; ; item++) {
    await log.append("clicks", recordsOfItem(Number(round), producer, item));
    writeSync(1, `a ${producer} ${item}\n`);
    if (Number(pauseMs) > 0) await sleep(Number(pauseMs));
  }
}

async function consume(): Promise<void> {
  const { nextOffset } = log.statistics("clicks");
  for await (const batch of log.read("clicks", { from: { offset: nextOffset }, follow: true })) {
    const offset = batch.baseOffset + batch.records.length;
    await log.commit("clicks", "consumer", offset);
    writeSync(1, `c ${offset}\n`);
    await sleep(5);
  }
}

await Promise.all([consume(), ...Array.from({ length: Number(producers) }, (_, producer) => produce(producer))]);
