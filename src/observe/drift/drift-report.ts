/**
 * Drift of many columns at once: pure, from baseline and live profiles to a ranked report.
 * Each column gets the tests of its kind; all p-values of the report are adjusted together (Benjamini-Hochberg),
 * and windows that are too small to tell are named as such instead of judged.
 */
import type { CategoricalProfile, ColumnKind, ColumnProfile, NumericProfile } from "../sketch/column-profile.ts";
import { decileBins } from "../sketch/column-profile.ts";
import type { LiveCategoricalSnapshot, LiveNumericSnapshot, LiveSnapshot } from "../sketch/live-profile.ts";
import { adjustPValues } from "../statistics/multiple-testing.ts";
import { chiSquareEvidence, missingShareEvidence } from "./chi-square.ts";
import { kolmogorovSmirnovEvidence } from "./kolmogorov-smirnov.ts";
import { populationStabilityEvidence } from "./population-stability.ts";
import { EFFECTS, judge, percent, shortNumber } from "./verdict.ts";
import type { DriftEvidence, DriftTestName, DriftVerdict } from "./verdict.ts";

export interface DriftThresholds {
  /** Effect from which on each test calls it drift; PSI 0.2, KS 0.1, shift of shares w 0.3, missing share 0.05 unless given. */
  readonly effects?: Readonly<Partial<Record<DriftTestName, number>>>;
  /** Expected share of false alarms among the alarms; 0.05 unless given. */
  readonly falseDiscoveryRate?: number;
  /** Values a column must have on both sides to be judged; 200 unless given. */
  readonly minimumSample?: number;
  /** Share of drifted columns from which on the data set as a whole has drifted; 0.5 unless given (Evidently's rule). */
  readonly driftedColumnShare?: number;
  /** How much a column matters, e.g. its feature importance; 1 unless given. Ranks, does not judge. */
  readonly weights?: Readonly<Record<string, number>>;
}

export interface ColumnDrift {
  readonly column: string;
  readonly kind: ColumnKind;
  /** `insufficient`: too few values. `incomparable`: the live profile counts against another baseline, or is absent. */
  readonly status: "drifted" | "stable" | "insufficient" | "incomparable";
  /** The largest effect in multiples of its threshold, times the column's weight. */
  readonly severity: number;
  readonly values: { readonly reference: number; readonly live: number };
  readonly tests: readonly DriftVerdict[];
  /** One sentence for people. */
  readonly reason: string;
}

export interface DriftReport {
  /** Drifted columns first, the most severe first. */
  readonly columns: readonly ColumnDrift[];
  readonly judgedColumns: number;
  readonly driftedColumns: number;
  /** Whether enough columns drifted to call the data set drifted. */
  readonly drifted: boolean;
  readonly reason: string;
}

/** Columns of the baseline that live profiles lack are reported as incomparable; live columns without a baseline are ignored. */
export function assessDrift(
  baselines: Readonly<Record<string, ColumnProfile>>, live: Readonly<Record<string, LiveSnapshot>>, thresholds: DriftThresholds = {},
): DriftReport {
  const gathered = Object.entries(baselines).map(([column, baseline]) => gather(column, baseline, live[column], thresholds));
  const adjusted = adjustPValues(gathered.flatMap(({ evidence }) => evidence.map(({ pValue }) => pValue)));
  let next = 0;
  const columns = gathered.map((column) => conclude(column, column.evidence.map((item) => ({ ...item, pValue: adjusted[next++]! })), thresholds));
  return summarise(columns.toSorted(bySeverity), thresholds.driftedColumnShare ?? 0.5);
}

/** Drift of a model's scores: the same tests on the profile of its predictions. */
export function assessPredictionDrift(baseline: ColumnProfile, live: LiveSnapshot, thresholds: DriftThresholds = {}): ColumnDrift {
  return assessDrift({ prediction: baseline }, { prediction: live }, thresholds).columns[0]!;
}

interface GatheredColumn {
  readonly column: string;
  readonly kind: ColumnKind;
  readonly values: ColumnDrift["values"];
  readonly evidence: readonly DriftEvidence[];
  /** Why the column cannot be judged, if so. */
  readonly obstacle?: { readonly status: "insufficient" | "incomparable"; readonly reason: string };
}

function gather(column: string, baseline: ColumnProfile, live: LiveSnapshot | undefined, { minimumSample = 200 }: DriftThresholds): GatheredColumn {
  const values = { reference: baseline.count + baseline.missing, live: live === undefined ? 0 : live.count + live.missing };
  const known = { column, kind: baseline.kind, values };
  if (live === undefined) return { ...known, evidence: [], obstacle: { status: "incomparable", reason: "there is no live profile" } };
  if (live.baseline !== baseline.digest) {
    return { ...known, evidence: [], obstacle: { status: "incomparable", reason: `live values were counted against baseline ${live.baseline}, not ${baseline.digest}` } };
  }
  const fewest = Math.min(values.reference, values.live);
  if (fewest < minimumSample) {
    return { ...known, evidence: [], obstacle: { status: "insufficient", reason: `${fewest} values are too few to judge; at least ${minimumSample} are needed` } };
  }
  const present = Math.min(baseline.count, live.count) >= minimumSample;
  return { ...known, evidence: [missingShareEvidence(baseline, live), ...(present ? distributionEvidence(baseline, live) : [])] };
}

function distributionEvidence(baseline: ColumnProfile, live: LiveSnapshot): DriftEvidence[] {
  if (baseline.kind === "numeric" && live.kind === "numeric") return numericEvidence(baseline, live);
  return baseline.kind === "categorical" && live.kind === "categorical" ? categoricalEvidence(baseline, live) : [];
}

function numericEvidence(baseline: NumericProfile, live: LiveNumericSnapshot): DriftEvidence[] {
  return [
    populationStabilityEvidence(decileBins(baseline, baseline.cells), decileBins(baseline, live.cells), binNames(baseline.deciles)),
    kolmogorovSmirnovEvidence(baseline.cells, live.cells, baseline.edges),
  ];
}

function binNames(deciles: readonly number[]): string[] {
  const edges = deciles.map(shortNumber);
  if (edges.length === 0) return ["all values"];
  return [`values up to ${edges[0]}`, ...edges.slice(1).map((edge, i) => `values from ${edges[i]} to ${edge}`), `values above ${edges.at(-1)}`];
}

/** A category is compared on its own when at least so many live values are expected in it (Cochran's rule). */
const MINIMUM_EXPECTED = 5;

function categoricalEvidence(baseline: CategoricalProfile, live: LiveCategoricalSnapshot): DriftEvidence[] {
  const bins = categoryBins(baseline, live);
  return [populationStabilityEvidence(bins.reference, bins.live, bins.names), chiSquareEvidence(bins.reference, bins.live)];
}

interface CategoryBins {
  readonly names: readonly string[];
  readonly reference: readonly number[];
  readonly live: readonly number[];
}

/** Rare categories are pooled; values the baseline never saw stay apart when it listed all it saw. */
function categoryBins(baseline: CategoricalProfile, live: LiveCategoricalSnapshot): CategoryBins {
  const frequent: { readonly name: string; readonly before: number; readonly now: number }[] = [];
  let rare = baseline.other;
  let liveRare = baseline.other > 0 ? live.other : 0;
  for (const [place, [value, count]] of baseline.values.entries()) {
    const now = live.counts[place]!;
    if ((count / baseline.count) * live.count >= MINIMUM_EXPECTED) {
      frequent.push({ name: `"${value}"`, before: count, now });
    } else {
      rare += count;
      liveRare += now;
    }
  }
  const pooled = rare + liveRare > 0 ? [{ name: "rare values", before: rare, now: liveRare }] : [];
  const unseen = baseline.other === 0 && live.other > 0 ? [{ name: newValuesName(live), before: 0, now: live.other }] : [];
  const bins = [...frequent, ...pooled, ...unseen];
  return { names: bins.map(({ name }) => name), reference: bins.map(({ before }) => before), live: bins.map(({ now }) => now) };
}

function newValuesName(live: LiveCategoricalSnapshot): string {
  const most = live.newValues.toSorted(([, a], [, b]) => b - a).slice(0, 3).map(([value]) => `"${value}"`);
  return `new values (${most.join(", ")})`;
}

function conclude(gathered: GatheredColumn, evidence: readonly DriftEvidence[], thresholds: DriftThresholds): ColumnDrift {
  const { column, kind, values, obstacle } = gathered;
  if (obstacle) return { column, kind, values, status: obstacle.status, severity: 0, tests: [], reason: `${column}: ${obstacle.reason}.` };
  const tests = evidence.map((item) =>
    judge(item, { threshold: thresholds.effects?.[item.test] ?? EFFECTS[item.test].threshold, alpha: thresholds.falseDiscoveryRate ?? 0.05 }));
  const worst = tests.toSorted((a, b) => Number(b.drifted) - Number(a.drifted) || relativeEffect(b) - relativeEffect(a))[0]!;
  const severity = relativeEffect(worst) * (thresholds.weights?.[column] ?? 1);
  return { column, kind, values, status: worst.drifted ? "drifted" : "stable", severity, tests, reason: `${column}: ${worst.reason}` };
}

function relativeEffect(verdict: DriftVerdict): number {
  return verdict.effect / Math.max(verdict.threshold, Number.EPSILON);
}

function bySeverity(a: ColumnDrift, b: ColumnDrift): number {
  const rank = { drifted: 0, stable: 1, insufficient: 2, incomparable: 2 } as const;
  return rank[a.status] - rank[b.status] || b.severity - a.severity || (a.column < b.column ? -1 : 1);
}

function summarise(columns: readonly ColumnDrift[], share: number): DriftReport {
  const driftedColumns = columns.filter(({ status }) => status === "drifted").length;
  const judgedColumns = columns.filter(({ status }) => status === "drifted" || status === "stable").length;
  const drifted = driftedColumns > 0 && driftedColumns >= share * judgedColumns;
  return { columns, judgedColumns, driftedColumns, drifted, reason: summary(columns, { judgedColumns, driftedColumns, share }) };
}

function summary(columns: readonly ColumnDrift[], counts: { readonly judgedColumns: number; readonly driftedColumns: number; readonly share: number }): string {
  const { judgedColumns, driftedColumns, share } = counts;
  if (judgedColumns === 0) return `No column could be judged. ${columns[0]?.reason ?? "There is no baseline."}`;
  if (driftedColumns === 0) return `None of ${judgedColumns} columns drifted.`;
  return `${driftedColumns} of ${judgedColumns} columns drifted (the data set counts as drifted from ${percent(share)}). Most severe: ${columns[0]!.reason}`;
}
