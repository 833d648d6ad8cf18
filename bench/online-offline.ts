/**
 * Online = offline: answers of the online state, with every aggregation and every kind of window over a stream that
 * arrives out of order, computed again by the point-in-time join; exit status 1 when a cell differs.
 *
 *   node --conditions=source bench/online-offline.ts [--answers 120000] [--events 200000] [--devices 2000] [--spill 0]
 *
 * `--spill <bytes>` bounds the rows that each view keeps in memory.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openSpillFolder } from "strata/testing";
import { replayWindows } from "./window-replay.ts";

const { values: flags } = parseArgs({ options: {
  answers: { type: "string", default: "120000" }, events: { type: "string", default: "200000" }, devices: { type: "string", default: "2000" }, seed: { type: "string", default: "1" }, spill: { type: "string", default: "0" },
} });
const residentBytes = Number(flags.spill);
const folder = mkdtempSync(join(tmpdir(), "strata-online-offline-"));
try {
  const spills = openSpillFolder(folder);
  const report = replayWindows({
    answers: Number(flags.answers), events: Number(flags.events), devices: Number(flags.devices), seed: Number(flags.seed),
    ...(residentBytes > 0 ? { spill: { residentBytes, open: () => spills.open("view") } } : {}),
  });
  for (const example of report.examples) console.error(example);
  console.log(JSON.stringify({
    answers: report.answers, cells: report.cells, present: report.present, mismatches: report.mismatches, orderMismatches: report.orderMismatches, orderCells: report.orderCells, outOfOrder: report.outOfOrder, spilledEntities: report.spilledEntities,
    applyMs: Math.round(report.applyMs), readMicroseconds: Math.round((report.onlineMs * 1_000) / report.answers), offlineMs: Math.round(report.offlineMs), peakMemoryMiB: Math.round(process.resourceUsage().maxRSS / 1024),
  }));
  if (report.mismatches + report.orderMismatches > 0) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
