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

interface EvidenceList {
  readonly records: readonly Evidence[];
  /** Whether the chain holds and agrees with the registry. */
  readonly check: { readonly ok: boolean; readonly head?: string; readonly brokenAt?: number; readonly reason?: string };
}

const MODEL = { model: { description: "Name of the model" } } as const;
const pathOf = (model: string): string => `/v1/models/${encodeURIComponent(model)}`;

const show = defineCommand({
  name: "show",
  summary: "Show a model's versions with their metrics",
  description: "Lists every version of a model, newest first, with its metrics, its run and the aliases that point to it.",
  options: SERVER_OPTIONS,
  positionals: MODEL,
  examples: [{ command: "strata models show ranker", note: "versions of the model ranker" }],
  run: async (context) => {
    await using client = openApiClient(context);
    return await client.get<ModelDescription>(pathOf(context.positionals.model), { signal: context.signal });
  },
  render: (model, { terminal }) => {
    terminal.table<ModelVersion>([
      { title: "version", value: ({ version }) => `v${version}` },
      { title: "alias", value: ({ version }) => aliasesOf(model, version) },
      { title: "created", value: ({ createdAtMs }) => formatTime(createdAtMs) },
      { title: "metrics", value: ({ metrics }) => metricsText(metrics) },
      { title: "run", value: ({ run }) => run },
    ], model.versions.toSorted((a, b) => b.version - a.version), { empty: `no version yet; \`strata train ${model.model}\` makes one` });
    if (model.rollout !== null) terminal.note(`v${model.rollout.challenger} is on trial (${model.rollout.phase}); \`strata rollout\` shows how it goes`);
  },
});

const runs = defineCommand({
  name: "runs",
  summary: "List training runs with their reasons and metrics",
  description: "Lists training runs, newest first: why each was started, how it ended, and what it measured.",
  options: { ...SERVER_OPTIONS, limit: { type: "number", integer: true, minimum: 1, maximum: 1000, default: 20, description: "Most runs to list" } },
  positionals: { model: { description: "Only runs of this model", optional: true } },
  examples: [{ command: "strata models runs ranker", note: "runs of one model" }],
  run: async (context) => {
    await using client = openApiClient(context);
    const { model } = context.positionals;
    return await client.get<{ readonly runs: readonly Run[] }>("/v1/runs", { query: { limit: context.options.limit, model }, signal: context.signal });
  },
  render: (page, { terminal }) => {
    terminal.table<Run>([
      { title: "run", value: (run) => run.id },
      { title: "model", value: (run) => run.model },
      { title: "status", value: (run) => run.status },
      { title: "started", value: (run) => formatTime(run.startedAtMs) },
      { title: "took", value: (run) => (run.finishedAtMs === undefined ? undefined : formatElapsed(run.finishedAtMs - run.startedAtMs)), align: "right" },
      { title: "why", value: (run) => run.trigger.kind },
      { title: "result", value: (run) => run.error ?? metricsText(Object.fromEntries(Object.entries(run.metrics).map(([name, point]) => [name, point.value]))) },
    ], page.runs, { empty: "no run yet; `strata train <model>` starts one" });
  },
});

const evidence = defineCommand({
  name: "evidence",
  summary: "Show and verify the hash-chained record of alias moves",
  description: "Every move of an alias left one record: version, gates, data snapshot, hashes, actor and reason. The chain is verified against the registry. Exit status 1 when it does not hold.",
  options: SERVER_OPTIONS,
  positionals: MODEL,
  examples: [{ command: "strata models evidence ranker", note: "who promoted what, and on which evidence" }],
  run: async (context) => {
    await using client = openApiClient(context);
    return await client.get<EvidenceList>(`${pathOf(context.positionals.model)}/evidence`, { signal: context.signal });
  },
  exitCode: ({ check }) => (check.ok ? 0 : 1),
  render: ({ records, check }, { terminal }) => {
    terminal.table<Evidence>([
      { title: "#", value: (record) => record.sequence },
      { title: "time", value: (record) => formatTime(record.timeMs) },
      { title: "move", value: (record) => `${record.alias} → v${record.version}${record.action === "move" ? "" : ` (${record.action})`}` },
      { title: "gates", value: (record) => `${record.gates.filter((gate) => gate.passed).length}/${record.gates.length}` },
      { title: "hash", value: (record) => record.hash.slice(0, 12) },
      { title: "by", value: (record) => record.actor },
      { title: "reason", value: (record) => record.reason },
    ], records, { empty: "no alias has moved yet" });
    if (check.ok) terminal.success("the chain holds");
    else terminal.warn(`the chain does not hold: ${check.reason ?? `it breaks at record ${check.brokenAt}`}`);
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
    return await client.get<{ readonly models: readonly ModelDescription[] }>("/v1/models", { signal: context.signal });
  },
  render: ({ models }, { terminal }) => {
    terminal.table<ModelDescription>([
      { title: "model", value: ({ model }) => model },
      { title: "versions", value: ({ versions }) => versions.length },
      { title: "aliases", value: ({ aliases }) => Object.entries(aliases).map(([alias, version]) => `${alias} v${version}`).join(", ") || "none yet" },
      { title: "rollout", value: ({ rollout }) => (rollout === null ? undefined : `v${rollout.challenger} in ${rollout.phase}`) },
    ], models, { empty: "the definition has no models" });
  },
});

function aliasesOf({ aliases }: ModelDescription, version: number): string | undefined {
  return Object.entries(aliases).filter(([, target]) => target === version).map(([alias]) => alias).join(", ") || undefined;
}

function metricsText(metrics: Readonly<Record<string, number | null>>): string {
  return Object.entries(metrics).map(([name, value]) => `${name} ${value === null ? "–" : formatNumber(value, 4)}`).join(", ");
}
