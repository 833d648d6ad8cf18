/** `strata status`: everything that runs, at a glance. */
import type { EndpointOverview, KeyOverview, LanguageModelOverview, ModelOverview, Overview, ServedModelOverview, StreamOverview, TargetOverview } from "../../platform/api.ts";
import { defineCommand } from "../command.ts";
import type { CommandContext } from "../command.ts";
import { SERVER_OPTIONS, openApiClient } from "../server-options.ts";
import { formatAge, formatBytes, formatElapsed, formatNumber, formatPercent, formatRate, formatTime } from "../terminal/format.ts";
import type { Column } from "../terminal/table.ts";
import type { Terminal } from "../terminal/terminal.ts";

export const command = defineCommand({
  name: "status",
  summary: "Show streams, models, endpoints, serving and gateway at a glance",
  description: "Reads the overview of a running server: rates, lags, versions, latencies and what is being decided.",
  options: SERVER_OPTIONS,
  examples: [
    { command: "strata status", note: "the server on this machine" },
    { command: "strata status --json | jq .models", note: "for scripts" },
  ],
  run: async (context) => {
    await using client = openApiClient(context);
    return await client.get<Overview>("/v1/overview", { signal: context.signal });
  },
  render: renderOverview,
});

export function renderOverview(overview: Overview, { terminal }: Pick<CommandContext, "terminal">): void {
  const { process } = overview;
  const load = `${formatBytes(process.rssBytes)}, ${formatPercent(process.cpuShare)} of a core, event loop p99 ${formatElapsed(process.eventLoopP99Ms)}`;
  terminal.pairs([
    ["application", `${overview.application}  (definition ${overview.definitionHash.slice(0, 12)})`],
    ["time", `${formatTime(overview.nowMs)}${overview.isSimulatedTime ? "  (simulated)" : ""}`],
    ["process", `${load}, Node ${process.node}, Strata ${overview.strataVersion}`],
  ]);
  printTable(terminal, STREAM_COLUMNS, overview.streams);
  printTable(terminal, FEATURE_COLUMNS, featureSources(overview));
  printTable(terminal, MODEL_COLUMNS, overview.models);
  printTable(terminal, ENDPOINT_COLUMNS, overview.endpoints);
  printTable(terminal, SERVED_COLUMNS, overview.serving?.models ?? []);
  printTable(terminal, LANGUAGE_COLUMNS, overview.gateway?.models ?? []);
  printTable(terminal, TARGET_COLUMNS, overview.gateway?.targets ?? []);
  printTable(terminal, KEY_COLUMNS, overview.gateway?.keys ?? []);
  for (const { model, challenger, champion, phase, reason } of overview.rollouts) {
    terminal.print();
    terminal.section(`rollout of ${model} v${challenger}${champion === undefined ? "" : ` against v${champion}`}: ${phase}`, reason);
  }
  for (const alert of overview.alerts.slice(0, ALERTS_SHOWN)) terminal.warn(`${alert.subject}: ${alert.reason} (${formatAge(alert.atMs, overview.nowMs)})`);
}

const ALERTS_SHOWN = 3;

/** Kinds of resources that the application does not have are left out. */
function printTable<Row>(terminal: Terminal, columns: readonly Column<Row>[], rows: readonly Row[]): void {
  if (rows.length === 0) return;
  terminal.print();
  terminal.table(columns, rows);
}

const STREAM_COLUMNS: readonly Column<StreamOverview>[] = [
  { title: "stream", value: ({ name }) => name },
  { title: "events", value: ({ events }) => events },
  { title: "rate", value: ({ eventsPerSecond }) => formatRate(eventsPerSecond), align: "right" },
  { title: "in lake", value: ({ lakeRows }) => lakeRows },
  { title: "size", value: ({ sizeBytes }) => formatBytes(sizeBytes), align: "right" },
  { title: "dead letters", value: ({ deadLetters }) => Object.entries(deadLetters).map(([reason, count]) => `${reason} ${formatNumber(count)}`).join(", ") || "none" },
];

interface FeatureSource {
  readonly name: string;
  readonly from: string;
  readonly entries: number;
  readonly lagEvents: number;
  readonly rebuild?: number;
}

function featureSources({ featureViews, candidates }: Overview): readonly FeatureSource[] {
  return [
    ...featureViews.map((view) => ({ ...view, entries: view.entityCount })),
    ...candidates.map((source) => ({ ...source, from: source.from.join(", "), entries: source.itemCount })),
  ];
}

const FEATURE_COLUMNS: readonly Column<FeatureSource>[] = [
  { title: "features", value: ({ name }) => name },
  { title: "from", value: ({ from }) => from },
  { title: "entities", value: ({ entries }) => entries },
  { title: "state", value: ({ rebuild, lagEvents }) => (rebuild === undefined ? stateOf(lagEvents) : `rebuilding, ${formatPercent(rebuild, 0)} done`) },
];

function stateOf(lagEvents: number): string {
  return lagEvents === 0 ? "up to date" : `${formatNumber(lagEvents)} events behind`;
}

const MODEL_COLUMNS: readonly Column<ModelOverview>[] = [
  { title: "model", value: ({ name }) => name },
  { title: "champion", value: ({ aliases }) => (aliases.champion === undefined ? "none yet" : `v${aliases.champion}`) },
  { title: "challenger", value: ({ aliases }) => (aliases.challenger === undefined ? undefined : `v${aliases.challenger}`) },
  { title: "versions", value: ({ versions }) => versions.length },
  { title: "training", value: ({ training }) => training && `${training.stage}, ${formatPercent(training.share, 0)} done` },
];

const ENDPOINT_COLUMNS: readonly Column<EndpointOverview>[] = [
  { title: "endpoint", value: ({ name }) => name },
  { title: "requests", value: ({ requests }) => requests },
  { title: "rate", value: ({ requestsPerSecond }) => formatRate(requestsPerSecond), align: "right" },
  { title: "p50", value: ({ latencyMs }) => formatElapsed(latencyMs.p50), align: "right" },
  { title: "p99", value: ({ latencyMs }) => formatElapsed(latencyMs.p99), align: "right" },
  { title: "fallback", value: ({ fallbackShare }) => formatPercent(fallbackShare), align: "right" },
  { title: "traffic", value: ({ traffic }) => traffic.map(({ variant, version, share }) => (version > 0 ? `${variant} v${version} ${formatPercent(share)}` : `${variant} ${formatPercent(share)}`)).join(", ") || "none yet" },
];

const SERVED_COLUMNS: readonly Column<ServedModelOverview>[] = [
  { title: "served", value: ({ name }) => name },
  { title: "kind", value: ({ kind }) => kind },
  { title: "versions", value: ({ versions }) => versions.map(({ version, state }) => (state === "READY" ? `v${version}` : `v${version} ${state.toLowerCase()}`)).join(", ") },
  { title: "requests", value: ({ requests }) => requests },
  { title: "rate", value: ({ requestsPerSecond }) => formatRate(requestsPerSecond), align: "right" },
  { title: "failed", value: ({ failures }) => failures },
  { title: "traffic", value: ({ traffic }) => traffic?.arms.map(({ variant, version, share }) => `${variant} v${version} ${formatPercent(share)}`).join(", ") },
];

const LANGUAGE_COLUMNS: readonly Column<LanguageModelOverview>[] = [
  { title: "language model", value: ({ name }) => name },
  { title: "calls", value: ({ calls }) => calls },
  { title: "rate", value: ({ callsPerSecond }) => formatRate(callsPerSecond), align: "right" },
  { title: "tokens out", value: ({ outputTokensPerSecond }) => formatRate(outputTokensPerSecond), align: "right" },
  { title: "first token p50", value: ({ firstTokenP50Ms }) => (firstTokenP50Ms === null ? undefined : formatElapsed(firstTokenP50Ms)), align: "right" },
  { title: "cost today", value: ({ costTodayUsd }) => (costTodayUsd === undefined ? undefined : dollars(costTodayUsd)), align: "right" },
];

const TARGET_COLUMNS: readonly Column<TargetOverview>[] = [
  { title: "upstream", value: ({ upstream }) => upstream },
  { title: "for", value: ({ languageModel, model }) => `${languageModel} (${model})` },
  { title: "state", value: ({ state, reason }) => (reason === "" ? state : `${state}: ${reason}`) },
  { title: "in flight", value: ({ inFlight }) => inFlight },
  { title: "mean", value: ({ meanMs }) => formatElapsed(meanMs), align: "right" },
  { title: "failed", value: ({ failures }) => failures },
];

const KEY_COLUMNS: readonly Column<KeyOverview>[] = [
  { title: "key", value: ({ name }) => name },
  { title: "tenant", value: ({ tenant }) => tenant },
  { title: "spent", value: ({ spentUsd, budgetUsd }) => (budgetUsd === undefined ? dollars(spentUsd) : `${dollars(spentUsd)} of ${dollars(budgetUsd)}`), align: "right" },
  { title: "reserved", value: ({ reservedUsd }) => (reservedUsd === 0 ? undefined : dollars(reservedUsd)), align: "right" },
  { title: "state", value: ({ state }) => state },
];

/** Calls cost fractions of a cent. */
function dollars(usd: number): string {
  return `$${usd >= 1 ? usd.toFixed(2) : usd.toPrecision(2)}`;
}
