/** `strata models`: versions, runs and evidence of the registry. */
import type { Evidence, ModelVersion, RolloutState, Run } from "../../platform/api.ts";
import { defineCommand } from "../command.ts";
import { SERVER_OPTIONS, openApiClient } from "../server-options.ts";
import { formatElapsed, formatNumber, formatTime } from "../terminal/format.ts";

interface ModelDescription {
  readonly model: string;
  readonly aliases: Readonly<Record<string, number>>;
  readonly versions: readonly ModelVersion[];
  readonly rollout: RolloutState | null;
}

const MODEL = { model: { description: "Name of the model" } } as const;

const show = defineCommand({
  name: "show",
  summary: "Show a model's versions with their metrics",
  description: "Lists every version of a model, newest first, with its metrics, its run and the aliases that point to it.",
  options: SERVER_OPTIONS,
  positionals: MODEL,
  examples: [{ command: "strata models show ranker", note: "versions of the model ranker" }],
  run: async (context) => {
    await using client = openApiClient(context);
    return client.get<ModelDescription>(`/v1/models/${encodeURIComponent(context.positionals.model)}`, { signal: context.signal });
  },
  render: (model, { terminal }) => {
    terminal.table([
      { header: "VERSION", value: ({ version }) => `v${version}` },
      { header: "ALIAS", value: ({ version }) => aliasesOf(model, version) },
      { header: "CREATED", value: ({ createdAtMs }) => formatTime(createdAtMs) },
      { header: "METRICS", value: ({ metrics }) => metricsText(metrics) },
      { header: "RUN", value: ({ run }) => run },
    ], model.versions, { empty: `No version yet. Train one with: strata train ${model.model}` });
  },
});

const runs = defineCommand({
  name: "runs",
  summary: "List training runs with parameters and metrics",
  description: "Lists training runs, newest first: why each was started, how it ended, and what it measured.",
  options: { ...SERVER_OPTIONS, limit: { type: "number", integer: true, minimum: 1, maximum: 1000, default: 20, description: "Most runs to list" } },
  positionals: { model: { description: "Only runs of this model", optional: true } },
  examples: [{ command: "strata models runs ranker", note: "runs of one model" }],
  run: async (context) => {
    await using client = openApiClient(context);
    const { model } = context.positionals;
    return client.get<{ readonly runs: readonly Run[] }>("/v1/runs", { query: { limit: context.options.limit, model }, signal: context.signal });
  },
  render: (page, { terminal }) => {
    terminal.table([
      { header: "RUN", value: (run) => run.id },
      { header: "MODEL", value: (run) => run.model },
      { header: "STATUS", value: (run) => run.status },
      { header: "STARTED", value: (run) => formatTime(run.startedAtMs) },
      { header: "TOOK", align: "right", value: (run) => (run.finishedAtMs === undefined ? "" : formatElapsed(run.finishedAtMs - run.startedAtMs)) },
      { header: "WHY", value: (run) => run.trigger.kind },
      { header: "METRICS", value: (run) => metricsText(Object.fromEntries(Object.entries(run.metrics).map(([name, point]) => [name, point.value]))) },
    ], page.runs, { empty: "No run yet. Start one with: strata train <model>" });
  },
});

const evidence = defineCommand({
  name: "evidence",
  summary: "Show and verify the hash-chained record of alias moves",
  description: "Every move of an alias left one record: version, gates, data snapshot, hashes, actor and reason. The chain is verified.",
  options: SERVER_OPTIONS,
  positionals: MODEL,
  examples: [{ command: "strata models evidence ranker", note: "who promoted what, and on which evidence" }],
  run: async (context) => {
    await using client = openApiClient(context);
    return client.get<{ readonly records: readonly Evidence[]; readonly check: { readonly ok: boolean } }>(`/v1/models/${encodeURIComponent(context.positionals.model)}/evidence`, { signal: context.signal });
  },
  exitCode: ({ check }) => (check.ok ? 0 : 1),
  render: ({ records, check }, { terminal }) => {
    terminal.table([
      { header: "#", align: "right", value: (record) => record.sequence },
      { header: "TIME", value: (record) => formatTime(record.timeMs) },
      { header: "MOVE", value: (record) => `${record.action} ${record.alias} → v${record.version}` },
      { header: "GATES", value: (record) => `${record.gates.filter((gate) => gate.passed).length}/${record.gates.length}` },
      { header: "HASH", value: (record) => record.hash.slice(0, 12) },
      { header: "REASON", value: (record) => record.reason },
    ], records, { empty: "No alias has moved yet." });
    if (check.ok) terminal.success("the chain holds");
    else terminal.warn(`the chain is broken: ${JSON.stringify(check)}`);
  },
});

export const command = defineCommand({
  name: "models",
  summary: "List models, their versions, runs and evidence",
  description: "Without a subcommand: every model of the definition with what its aliases point to.",
  options: SERVER_OPTIONS,
  examples: [
    { command: "strata models", note: "all models" },
    { command: "strata models show ranker", note: "the versions of one" },
  ],
  subcommands: [show, runs, evidence],
  run: async (context) => {
    await using client = openApiClient(context);
    return client.get<{ readonly models: readonly ModelDescription[] }>("/v1/models", { signal: context.signal });
  },
  render: ({ models }, { terminal }) => {
    terminal.table([
      { header: "MODEL", value: ({ model }) => model },
      { header: "VERSIONS", align: "right", value: ({ versions }) => formatNumber(versions.length) },
      { header: "ALIASES", value: ({ aliases }) => Object.entries(aliases).map(([alias, version]) => `${alias} v${version}`).join(", ") },
      { header: "ROLLOUT", value: ({ rollout }) => (rollout ? `v${rollout.challenger} in ${rollout.phase}` : "") },
    ], models, { empty: "The definition has no models." });
  },
});

function aliasesOf({ aliases }: ModelDescription, version: number): string {
  return Object.entries(aliases).filter(([, target]) => target === version).map(([alias]) => alias).join(", ");
}

function metricsText(metrics: Readonly<Record<string, number | null>>): string {
  return Object.entries(metrics).map(([name, value]) => `${name} ${value === null ? "–" : formatNumber(value, 4)}`).join(", ");
}
