/** Results for the terminal: a block per case, then bounds that were missed. */
import type { Verdict } from "./bounds.ts";
import { formatNumber, limitOf } from "./markdown.ts";
import { spreadOf } from "./result.ts";
import type { BenchResult } from "./result.ts";

export function renderSummary(results: readonly BenchResult[], verdicts: readonly Verdict[]): string {
  const lines = results.flatMap(({ title, cases, notes, problem }) => [
    "", title,
    ...cases.flatMap((entry) => [`  ${entry.name}`, ...entry.metrics.map(({ name, unit, runs }) => `    ${name.padEnd(26)} ${describeRuns(runs)} ${unit}`)]),
    ...notes.map((note) => `  ${note}`), ...(problem === undefined ? [] : [`  FAILED: ${problem}`]),
  ]);
  const ran = new Set(results.filter(({ problem }) => problem === undefined).map(({ name }) => name));
  return `${[...lines, "", ...renderVerdicts(verdicts.filter(({ bound }) => ran.has(bound.bench)))].join("\n")}\n`;
}

function describeRuns(runs: readonly number[]): string {
  const { median, low, high } = spreadOf(runs);
  return `${formatNumber(median).padStart(12)}${low === high ? "" : `  [${formatNumber(low)} … ${formatNumber(high)}]`}`;
}

function renderVerdicts(verdicts: readonly Verdict[]): readonly string[] {
  const judged = verdicts.filter(({ isKept }) => isKept !== undefined);
  const missed = judged.filter(({ isKept }) => isKept === false);
  return [
    `${judged.length - missed.length} of ${judged.length} bounds kept`,
    ...missed.map(({ bound, value }) => `  missed: ${bound.bench} / ${bound.case} / ${bound.metric} is ${formatNumber(value ?? Number.NaN)}, limit ${limitOf(bound)}: ${bound.why}`),
    ...verdicts.filter(({ isKept }) => isKept === undefined).map(({ bound }) => `  not measured: ${bound.bench} / ${bound.case} / ${bound.metric}`),
  ];
}
