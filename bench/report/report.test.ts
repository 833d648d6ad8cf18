/** Sheets, bounds and pages: pure functions on plain results. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BENCHES } from "../catalogue.ts";
import { PEER_BENCHES } from "../peers/peer-results.ts";
import { recordLine } from "../script-bench.ts";
import { judgeBounds, recordMeasurements } from "./bounds.ts";
import type { Bound } from "./bounds.ts";
import { readBounds } from "./files.ts";
import { formatNumber, renderResults } from "./markdown.ts";
import { createSheet, spreadOf } from "./result.ts";
import type { BenchResult } from "./result.ts";
import { renderSummary } from "./summary.ts";

const sheet = createSheet();
for (const value of [30, 10, 20]) sheet.add("batches", "events/s", "", value);
sheet.add("batches", "failed", "", 0);
const result: BenchResult = {
  name: "ingest", title: "Ingestion", configuration: ["One server."], cases: sheet.cases(), notes: [], command: "npm run bench", date: "2026-01-01T00:00:00.000Z", seconds: 1,
  machine: { processor: "P", cores: 2, memoryGib: 4, system: "Linux 6", node: "24.0.0", loadBefore: 0, loadAfter: 1 },
};
const bound: Bound = { bench: "ingest", case: "batches", metric: "events/s", unit: "", min: 20, why: "because", measured: null };

test("runs of a metric stay together, and the spread is theirs", () => {
  assert.deepEqual(result.cases, [{ name: "batches", metrics: [{ name: "events/s", unit: "", runs: [30, 10, 20] }, { name: "failed", unit: "", runs: [0] }] }]);
  assert.deepEqual(sheet.runs("batches", "events/s"), [30, 10, 20]);
  fc.assert(fc.property(fc.array(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), { minLength: 1, maxLength: 9 }), (runs) => {
    const { low, median, high } = spreadOf(runs);
    assert.ok(low <= median && median <= high);
    assert.ok(runs.filter((value) => value <= median).length * 2 >= runs.length && runs.filter((value) => value >= median).length * 2 >= runs.length);
  }));
});

test("the median is judged by the limits", () => {
  const kept = (limits: Partial<Bound>) => judgeBounds([{ ...bound, ...limits }], [result])[0]?.isKept;
  assert.deepEqual([kept({ min: 20 }), kept({ min: 21 }), kept({ min: 1, max: 20 }), kept({ min: 1, max: 19 })], [true, false, true, false]);
  assert.equal(kept({ case: "another" }), undefined);
  assert.equal(judgeBounds([bound], [])[0]?.isKept, undefined);
});

test("measurements are recorded beside the limits and nothing else changes", () => {
  const [recorded, untouched] = recordMeasurements([bound, { ...bound, metric: "other" }], [result]);
  assert.deepEqual(recorded, { ...bound, measured: { median: 20, low: 10, high: 30, runs: 3, date: result.date, command: result.command, machine: "P, 2 cores, Node 24.0.0" } });
  assert.deepEqual(untouched, { ...bound, metric: "other" });
});

test("the page has medians, spreads, verdicts and problems", () => {
  const page = renderResults([{ ...result, problem: "it broke\nat x" }], judgeBounds([{ ...bound, min: 25 }], [result]));
  assert.match(page, /\| batches \| 20 \[10 … 30\] \| 0 \|/);
  assert.match(page, /\*\*Did not finish: it broke\*\*/);
  assert.match(page, /\| ingest \| batches \| events\/s \| ≥ 25 \| 20 \| \*\*missed\*\* \|/);
});

test("the summary tells missed bounds, and those that the bench no longer measures", () => {
  const text = renderSummary([result], judgeBounds([{ ...bound, min: 25 }, { ...bound, case: "gone" }], [result]));
  assert.match(text, /missed: ingest \/ batches \/ events\/s is 20, limit ≥ 25: because/);
  assert.match(text, /not measured: ingest \/ gone \/ events\/s/);
});

test("numbers have as many digits as they deserve", () => {
  assert.deepEqual([123_456, 1234.5, 12.345, 0.001234, 0, -5.5].map(formatNumber), ["123,500", "1,235", "12.3", "0.00123", "0", "-5.5"]);
});

test("lines of other benches become cases and metrics", () => {
  const lines = createSheet();
  recordLine(lines, "title", "{\"view\":\"ten\",\"peakMemoryMiB\":12,\"eventsPerSecond\":5,\"skew\":\"1\",\"flag\":true}");
  recordLine(lines, "title", "{\"p50Ms\":0.5}");
  assert.deepEqual(lines.cases(), [
    { name: "ten", metrics: [{ name: "peak memory", unit: "MiB", runs: [12] }, { name: "events per second", unit: "", runs: [5] }, { name: "skew", unit: "", runs: [1] }] },
    { name: "title", metrics: [{ name: "p50", unit: "ms", runs: [0.5] }] },
  ]);
});

test("bounds.json is well formed and names benches that exist, each metric once", async () => {
  const bounds = await readBounds();
  const names = new Set<string>([...BENCHES.map(({ name }) => name), ...PEER_BENCHES]);
  for (const { bench } of bounds) assert.ok(names.has(bench), bench);
  const places = bounds.map((entry) => `${entry.bench}/${entry.case}/${entry.metric}`);
  assert.equal(new Set(places).size, places.length);
});
