/** Online = offline over every aggregation and window kind; the bench does it with more than 100,000 answers. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openSpillFolder } from "strata/testing";
import { replayWindows } from "./window-replay.ts";

for (const isSpilling of [false, true]) {
  test(`logged answers of every aggregation over every window are computed again without one difference${isSpilling ? ", also with rows in a spill file" : ""}`, { timeout: 60_000 }, async () => {
    await using folder = { path: await mkdtemp(join(tmpdir(), "strata-replay-")), [Symbol.asyncDispose]: () => rm(folder.path, { recursive: true, force: true }) };
    const spills = openSpillFolder(folder.path);
    const report = replayWindows({
      answers: isSpilling ? 4_000 : 18_000, events: isSpilling ? 6_000 : 24_000, devices: 150, seed: 7,
      ...(isSpilling ? { spill: { residentBytes: 200_000, open: () => spills.open("view") } } : {}),
    });
    assert.equal(report.mismatches, 0, report.examples.join("\n"));
    assert.equal(report.orderMismatches, 0, "the shuffled stream gives what the sorted one gives");
    assert.ok(report.cells > 100_000 && report.present > report.cells / 2, `${report.present} of ${report.cells} cells have a value`);
    assert.ok(report.outOfOrder > report.answers / 5, `${report.outOfOrder} events arrived late`);
    assert.equal(report.spilledEntities > 0, isSpilling);
  });
}
