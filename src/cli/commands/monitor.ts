/** `strata monitor`: drift, performance and the decisions they led to. */
import type { DecisionOverview, Overview, PerformanceOverview } from "../../platform/api.ts";
import { defineCommand } from "../command.ts";
import type { CommandContext } from "../command.ts";
import { SERVER_OPTIONS, openApiClient } from "../server-options.ts";
import { sparkline } from "../terminal/chart.ts";
import { formatCount, formatNumber, formatPercent, formatTime } from "../terminal/format.ts";
import type { Terminal } from "../terminal/terminal.ts";

export type Monitored = Pick<Overview, "drift" | "performance" | "alerts" | "decisions">;
type DriftOverview = Overview["drift"][number];
type DriftedFeature = DriftOverview["windows"][number]["features"][number];
type PerformanceWindow = PerformanceOverview["windows"][number];

export const command = defineCommand({
  name: "monitor",
  summary: "Show drift per feature, performance over time, alerts and decisions",
  description: "Live rows are compared with the champion's training rows window by window; rewards are joined by decision id. Every decision has its reason.",
  options: SERVER_OPTIONS,
  examples: [
    { command: "strata monitor", note: "drift, performance and the latest decisions" },
    { command: "strata monitor --json | jq .drift", note: "for scripts" },
  ],
  run: async (context): Promise<Monitored> => {
    await using client = openApiClient(context);
    const { drift, performance, alerts, decisions } = await client.get<Overview>("/v1/overview", { signal: context.signal });
    return { drift, performance, alerts, decisions };
  },
  render: renderMonitored,
});

const FEATURES_SHOWN = 15;
const WINDOWS_SHOWN = 12;
const DECISIONS_SHOWN = 12;
const ALERTS_SHOWN = 5;

export function renderMonitored({ drift, performance, alerts, decisions }: Monitored, { terminal }: Pick<CommandContext, "terminal">): void {
  for (const model of drift) printDrift(terminal, model);
  for (const endpoint of performance) printPerformance(terminal, endpoint);
  terminal.table<DecisionOverview>([
    { title: "time", value: ({ atMs }) => formatTime(atMs) },
    { title: "kind", value: ({ kind }) => kind },
    { title: "subject", value: ({ subject }) => subject },
    { title: "verdict", value: ({ verdict }) => verdict },
    { title: "reason", value: ({ reason }) => reason },
  ], decisions.slice(0, DECISIONS_SHOWN), { empty: "nothing has been decided yet" });
  for (const { subject, reason } of alerts.slice(0, ALERTS_SHOWN)) terminal.warn(`${subject}: ${reason}`);
}

function printDrift(terminal: Terminal, { model, version, windows }: DriftOverview): void {
  const latest = windows.at(-1);
  const drifted = latest?.features.filter((feature) => feature.drifted).length ?? 0;
  const title = terminal.palette.bold(`drift of ${model} v${version}`);
  if (latest === undefined) {
    terminal.print(`${title}  no window is complete yet; drift is judged on windows of sampled rows`);
    terminal.print();
    return;
  }
  terminal.print(`${title}  ${formatCount(drifted, "feature")} drifted in the latest of ${formatCount(windows.length, "window")} (${formatTime(latest.atMs)}, ${formatCount(latest.rows, "row")})`);
  terminal.table<DriftedFeature>([
    { title: "feature", value: ({ name }) => name },
    { title: "PSI", value: ({ psi }) => formatNumber(psi, 3), align: "right" },
    { title: "KS", value: ({ ks }) => (ks === null ? undefined : formatNumber(ks, 3)), align: "right" },
    { title: "", value: (feature) => (feature.drifted ? terminal.palette.red("drifted") : "stable") },
    { title: "PSI over time", value: ({ name }) => trendOf(windows, name) },
  ], latest.features.toSorted((a, b) => b.psi - a.psi).slice(0, FEATURES_SHOWN));
  terminal.print();
}

/** On one scale from nothing to strong drift, so that a stable feature looks stable. */
function trendOf(windows: DriftOverview["windows"], feature: string): string {
  const values = windows.map((window) => window.features.find(({ name }) => name === feature)?.psi ?? Number.NaN);
  return sparkline(values, { width: 20, minimum: 0, maximum: Math.max(STRONG_DRIFT, ...values.filter(Number.isFinite)) });
}

/** A population stability index from here on is commonly read as a changed population (Siddiqi 2006). */
const STRONG_DRIFT = 0.25;

function printPerformance(terminal: Terminal, { endpoint, windows }: PerformanceOverview): void {
  terminal.print(terminal.palette.bold(`rewards at ${endpoint}`));
  terminal.table<PerformanceWindow>([
    { title: "from", value: ({ atMs }) => formatTime(atMs) },
    { title: "answered by", value: ({ variant, version }) => `${variant} v${version}` },
    { title: "answers", value: ({ answers }) => answers },
    { title: "mean reward", value: ({ meanReward }) => meanReward },
    { title: "complete", value: ({ completeShare }) => formatPercent(completeShare), align: "right" },
  ], windows.slice(-WINDOWS_SHOWN), { empty: "no outcome has been joined yet" });
  terminal.print();
}
