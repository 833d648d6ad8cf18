/** `strata status`: everything that runs, at a glance. */
import type { Overview } from "../../platform/api.ts";
import { defineCommand } from "../command.ts";
import type { CommandContext } from "../command.ts";
import { SERVER_OPTIONS, openApiClient } from "../server-options.ts";
import { formatBytes, formatNumber, formatPercent, formatRate, formatTime } from "../terminal/format.ts";

export const command = defineCommand({
  name: "status",
  summary: "Show streams, features, models, endpoints and rollouts of a running server",
  description: "Reads the overview of a running server: rates, lags, versions, latencies and what is being decided.",
  options: SERVER_OPTIONS,
  examples: [
    { command: "strata status", note: "the server on this machine" },
    { command: "strata status --json | jq .models", note: "for scripts" },
  ],
  run: async (context) => {
    await using client = openApiClient(context);
    return client.get<Overview>("/v1/overview", { signal: context.signal });
  },
  render,
});

function render(overview: Overview, { terminal }: Pick<CommandContext, "terminal">): void {
  const { process } = overview;
  terminal.pairs([
    ["application", `${overview.application}  (definition ${overview.definitionHash.slice(0, 12)})`],
    ["time", `${formatTime(overview.nowMs)}${overview.isSimulatedTime ? "  (simulated)" : ""}`],
    ["process", `${formatBytes(process.rssBytes)}, ${formatPercent(process.cpuShare)} of a core, event loop p99 ${formatNumber(process.eventLoopP99Ms)} ms, Node ${process.node}`],
  ]);
  terminal.print();
  terminal.table([
    { header: "STREAM", value: (stream) => stream.name },
    { header: "EVENTS", align: "right", value: (stream) => formatNumber(stream.events) },
    { header: "RATE", align: "right", value: (stream) => formatRate(stream.eventsPerSecond) },
    { header: "IN LAKE", align: "right", value: (stream) => formatNumber(stream.lakeRows) },
    { header: "SIZE", align: "right", value: (stream) => formatBytes(stream.sizeBytes) },
    { header: "DEAD LETTERS", value: (stream) => Object.entries(stream.deadLetters).map(([reason, count]) => `${reason} ${formatNumber(count)}`).join(", ") },
  ], overview.streams);
  terminal.print();
  terminal.table([
    { header: "FEATURES", value: (view) => view.name },
    { header: "FROM", value: (view) => view.from },
    { header: "ENTITIES", align: "right", value: (view) => formatNumber(view.entityCount) },
    { header: "LAG", align: "right", value: (view) => `${formatNumber(view.lagEvents)} events` },
    { header: "STATE", value: (view) => (view.rebuild === undefined ? "fresh" : `rebuilding ${formatPercent(view.rebuild)}`) },
  ], overview.featureViews);
  terminal.print();
  terminal.table([
    { header: "MODEL", value: (model) => model.name },
    { header: "CHAMPION", value: (model) => (model.aliases.champion === undefined ? "none: train it" : `v${model.aliases.champion}`) },
    { header: "CHALLENGER", value: (model) => (model.aliases.challenger === undefined ? "" : `v${model.aliases.challenger}`) },
    { header: "TRAINING", value: (model) => (model.training ? `${model.training.stage} ${formatPercent(model.training.share)}` : "") },
  ], overview.models);
  terminal.print();
  terminal.table([
    { header: "ENDPOINT", value: (endpoint) => endpoint.name },
    { header: "REQUESTS", align: "right", value: (endpoint) => formatNumber(endpoint.requests) },
    { header: "RATE", align: "right", value: (endpoint) => formatRate(endpoint.requestsPerSecond) },
    { header: "P50", align: "right", value: (endpoint) => `${formatNumber(endpoint.latencyMs.p50)} ms` },
    { header: "P99", align: "right", value: (endpoint) => `${formatNumber(endpoint.latencyMs.p99)} ms` },
    { header: "TRAFFIC", value: (endpoint) => endpoint.traffic.map((part) => `${part.variant} v${part.version} ${formatPercent(part.share)}`).join(", ") },
  ], overview.endpoints);
  for (const rollout of overview.rollouts) terminal.section(`Rollout of ${rollout.model} v${rollout.challenger}: ${rollout.phase}`, rollout.reason);
  for (const alert of overview.alerts.slice(0, 3)) terminal.warn(`${formatTime(alert.atMs)} ${alert.subject}: ${alert.reason}`);
}
