/** `strata monitor`: drift, performance and the decisions they led to. */
import type { Overview } from "../../platform/api.ts";
import { defineCommand } from "../command.ts";
import { SERVER_OPTIONS, openApiClient } from "../server-options.ts";
import { sparkline } from "../terminal/chart.ts";
import { formatNumber, formatPercent, formatTime } from "../terminal/format.ts";

type Monitored = Pick<Overview, "drift" | "performance" | "alerts" | "decisions">;

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
  render: ({ drift, performance, decisions }, { terminal }) => {
    for (const model of drift) {
      const latest = model.windows.at(-1);
      terminal.print(`${model.model} v${model.version}: drift over ${model.windows.length} windows${latest ? `, the latest at ${formatTime(latest.atMs)} with ${formatNumber(latest.rows)} rows` : ""}`);
      terminal.table([
        { header: "FEATURE", value: (feature) => feature.name },
        { header: "PSI", align: "right", value: (feature) => formatNumber(feature.psi, 3) },
        { header: "KS", align: "right", value: (feature) => (feature.ks === null ? "–" : formatNumber(feature.ks, 3)) },
        { header: "STATE", value: (feature) => (feature.drifted ? "drifted" : "stable") },
        { header: "PSI OVER TIME", value: (feature) => sparkline(model.windows.map((window) => window.features.find((other) => other.name === feature.name)?.psi ?? 0)) },
      ], (latest?.features ?? []).slice(0, 15), { empty: "No window is complete yet: drift is judged on windows of sampled rows." });
      terminal.print();
    }
    for (const endpoint of performance) {
      terminal.table([
        { header: endpoint.endpoint.toUpperCase(), value: (window) => formatTime(window.atMs) },
        { header: "ANSWERED BY", value: (window) => `${window.variant} v${window.version}` },
        { header: "ANSWERS", align: "right", value: (window) => formatNumber(window.answers) },
        { header: "MEAN REWARD", align: "right", value: (window) => formatNumber(window.meanReward, 4) },
        { header: "COMPLETE", align: "right", value: (window) => formatPercent(window.completeShare) },
      ], endpoint.windows.slice(-12), { empty: "No outcome has been joined yet." });
      terminal.print();
    }
    terminal.table([
      { header: "TIME", value: (decision) => formatTime(decision.atMs) },
      { header: "KIND", value: (decision) => decision.kind },
      { header: "VERDICT", value: (decision) => decision.verdict },
      { header: "REASON", value: (decision) => decision.reason },
    ], decisions.slice(0, 12), { empty: "Nothing has been decided yet." });
  },
});
