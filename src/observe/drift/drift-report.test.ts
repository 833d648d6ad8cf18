import assert from "node:assert/strict";
import { test } from "node:test";
import { createRandom } from "../../kernel/random.ts";
import { profileColumn } from "../sketch/column-profile.ts";
import type { ColumnKind, ColumnProfile } from "../sketch/column-profile.ts";
import { createLiveProfile } from "../sketch/live-profile.ts";
import type { LiveSnapshot } from "../sketch/live-profile.ts";
import { assessDrift, assessPredictionDrift } from "./drift-report.ts";
import type { DriftReport } from "./drift-report.ts";

interface Column {
  readonly kind: ColumnKind;
  readonly reference: readonly unknown[];
  readonly live: readonly unknown[];
}

function profilesOf(columns: Readonly<Record<string, Column>>): [Record<string, ColumnProfile>, Record<string, LiveSnapshot>] {
  const baselines: Record<string, ColumnProfile> = {};
  const live: Record<string, LiveSnapshot> = {};
  for (const [name, column] of Object.entries(columns)) {
    baselines[name] = profileColumn(column.reference, { kind: column.kind });
    const profile = createLiveProfile(baselines[name]);
    for (const value of column.live) profile.add(value);
    live[name] = profile.snapshot();
  }
  return [baselines, live];
}

function assess(columns: Readonly<Record<string, Column>>, thresholds?: Parameters<typeof assessDrift>[2]): DriftReport {
  const [baselines, live] = profilesOf(columns);
  return assessDrift(baselines, live, thresholds);
}

const random = createRandom("drift report");
const normals = (n: number, mean = 0): number[] => Array.from({ length: n }, () => mean + random.normal());
const picks = (n: number, ...from: readonly string[]): string[] => Array.from({ length: n }, () => random.pick(from));

test("columns are ranked: drifted ones first, the worst first, with a sentence on where", () => {
  const report = assess({
    stable: { kind: "numeric", reference: normals(2000), live: normals(1000) },
    shifted: { kind: "numeric", reference: normals(2000), live: normals(1000, 0.7) },
    country: { kind: "categorical", reference: picks(2000, "DE", "FR"), live: picks(1000, "DE", "FR", "XX", "XX", "XX") },
    nulls: { kind: "numeric", reference: normals(2000), live: [...normals(900), ...Array.from({ length: 100 }, () => null)] },
  });
  assert.deepEqual(report.columns.map(({ column, status }) => [column, status]), [["country", "drifted"], ["shifted", "drifted"], ["nulls", "drifted"], ["stable", "stable"]]);
  assert.match(report.columns[0]!.reason, /^country: PSI is .* new values \("XX"\) went from 0 % to [56]\d(\.\d)? %\.$/);
  assert.match(report.columns[2]!.reason, /missing values went from 0 % to 10 %/);
  assert.deepEqual([report.judgedColumns, report.driftedColumns, report.drifted], [4, 3, true]);
  assert.match(report.reason, /^3 of 4 columns drifted .*Most severe: country: PSI/);
});

test("a column that lost all its values is drift by its missing share", () => {
  const report = assess({ gone: { kind: "numeric", reference: normals(1000), live: Array.from({ length: 500 }, () => Number.NaN) } });
  assert.deepEqual(report.columns[0]!.tests.map(({ test, drifted }) => [test, drifted]), [["missing_share", true]]);
});

test("small windows are not judged, and neither is what cannot be compared", () => {
  const [baselines, live] = profilesOf({
    few: { kind: "numeric", reference: normals(1000), live: normals(50, 5) },
    absent: { kind: "numeric", reference: normals(1000), live: [] },
    other: { kind: "numeric", reference: normals(1000), live: normals(500, 5) },
  });
  const elsewhere = profilesOf({ other: { kind: "numeric", reference: normals(900), live: normals(500) } })[1];
  const { absent: _absent, ...present } = live;
  const report = assessDrift(baselines, { ...present, ...elsewhere });
  assert.deepEqual(report.columns.map(({ column, status, tests }) => [column, status, tests.length]), [["absent", "incomparable", 0], ["few", "insufficient", 0], ["other", "incomparable", 0]]);
  assert.deepEqual([report.judgedColumns, report.drifted], [0, false]);
  assert.match(report.columns[1]!.reason, /50 values are too few to judge; at least 200 are needed/);
  assert.equal(assessDrift({}, {}).reason, "No column could be judged. There is no baseline.");
});

test("without a change, fifty columns and fifty windows give no alarm", () => {
  let alarms = 0;
  for (let window = 0; window < 10; window++) {
    const columns = Object.fromEntries(Array.from({ length: 50 }, (_, i): [string, Column] => [`c${i}`, i % 2 === 0
      ? { kind: "numeric", reference: normals(400), live: normals(200) }
      : { kind: "categorical", reference: picks(400, "a", "b", "c", "d", "e", "f", "g", "h"), live: picks(200, "a", "b", "c", "d", "e", "f", "g", "h") }]));
    alarms += assess(columns).driftedColumns;
  }
  assert.ok(alarms <= 1, `${alarms} false alarms in 500 columns`);
});

test("a category with a thousand rare values does not alarm by itself", () => {
  const ids = (n: number): string[] => Array.from({ length: n }, () => `id${random.integer(1000)}`);
  const report = assess({ id: { kind: "categorical", reference: ids(20_000), live: ids(500) } });
  assert.equal(report.columns[0]!.status, "stable", report.columns[0]!.reason);
});

test("a real change of no size is not drift, however many values show it", () => {
  const report = assess({ tiny: { kind: "numeric", reference: normals(40_000), live: normals(40_000, 0.05) } });
  const ks = report.columns[0]!.tests.find(({ test }) => test === "ks")!;
  assert.ok(ks.pValue < 1e-3);
  assert.equal(report.columns[0]!.status, "stable");
  assert.match(ks.reason, /a real change, but too small to matter/);
});

test("weights move a column in the ranking but do not judge it", () => {
  const columns = {
    big: { kind: "numeric" as const, reference: normals(1000), live: normals(500, 1.5) },
    important: { kind: "numeric" as const, reference: normals(1000), live: normals(500, 0.8) },
    stable: { kind: "numeric" as const, reference: normals(1000), live: normals(500) },
  };
  const [baselines, live] = profilesOf(columns);
  assert.deepEqual(assessDrift(baselines, live).columns.map(({ column }) => column), ["big", "important", "stable"]);
  const weighted = assessDrift(baselines, live, { weights: { important: 100, stable: 10_000 } });
  assert.deepEqual(weighted.columns.map(({ column, status }) => [column, status]), [["important", "drifted"], ["big", "drifted"], ["stable", "stable"]]);
});

test("thresholds of the effects are the caller's", () => {
  const [baselines, live] = profilesOf({ c: { kind: "numeric", reference: normals(1000), live: normals(500, 0.7) } });
  assert.equal(assessDrift(baselines, live).driftedColumns, 1);
  assert.equal(assessDrift(baselines, live, { effects: { psi: 5, ks: 0.9 } }).driftedColumns, 0);
});

test("prediction drift is the same on scores", () => {
  const [baselines, live] = profilesOf({ scores: { kind: "numeric", reference: normals(1000), live: normals(500, 1) } });
  const drift = assessPredictionDrift(baselines["scores"]!, live["scores"]!);
  assert.deepEqual([drift.column, drift.status], ["prediction", "drifted"]);
});
