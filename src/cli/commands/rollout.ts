/** `strata rollout`: challengers on trial, and ways to end one. */
import type { RolloutState } from "../../platform/api.ts";
import { defineCommand } from "../command.ts";
import type { OptionTable } from "../option.ts";
import { SERVER_OPTIONS, openApiClient } from "../server-options.ts";
import { formatPercent, formatTime } from "../terminal/format.ts";
import type { Palette } from "../terminal/color.ts";

interface MovedAliases {
  readonly model: string;
  readonly aliases: Readonly<Record<string, number>>;
}

const MODEL = { model: { description: "Name of the model" } } as const;
const REASON = { reason: { type: "string", required: true, placeholder: "text", description: "Why; kept with the decision" } } as const satisfies OptionTable;
const pathOf = (model: string): string => `/v1/models/${encodeURIComponent(model)}`;

const rollback = defineCommand({
  name: "rollback",
  summary: "Return to the previous champion at once",
  description: "Champion and previous change places in one transaction; a trial in progress is cancelled. The move is recorded with your reason.",
  options: { ...SERVER_OPTIONS, ...REASON },
  positionals: MODEL,
  examples: [{ command: "strata rollout rollback ranker --reason \"complaints about v3\"", note: "undo the last promotion" }],
  run: async (context) => {
    await using client = openApiClient(context);
    return await client.post<MovedAliases>(`${pathOf(context.positionals.model)}/rollback`, { reason: context.options.reason }, { signal: context.signal });
  },
  render: ({ model, aliases }, { terminal }) => terminal.success(`${model} is back at its previous champion${aliases["champion"] === undefined ? "" : `, v${aliases["champion"]}`}`),
});

const cancel = defineCommand({
  name: "cancel",
  summary: "End the trial of a challenger; the champion stays",
  description: "Cancels the rollout in progress. The challenger's version stays in the registry.",
  options: { ...SERVER_OPTIONS, ...REASON },
  positionals: MODEL,
  examples: [{ command: "strata rollout cancel ranker --reason \"wrong data\"", note: "stop the canary" }],
  run: async (context) => {
    await using client = openApiClient(context);
    return await client.post<MovedAliases>(`${pathOf(context.positionals.model)}/rollout/cancel`, { reason: context.options.reason }, { signal: context.signal });
  },
  render: ({ model }, { terminal }) => terminal.success(`the rollout of ${model} is cancelled`),
});

export const command = defineCommand({
  name: "rollout",
  summary: "Show rollouts and their decisions; cancel one or roll back",
  description: "Lists rollouts, newest first, with every decision taken and its reason.",
  options: { ...SERVER_OPTIONS, model: { type: "string", description: "Only rollouts of this model" }, limit: { type: "number", integer: true, minimum: 1, maximum: 1000, default: 5, description: "Most rollouts to list" } },
  examples: [
    { command: "strata rollout", note: "the latest rollouts" },
    { command: "strata rollout rollback ranker --reason \"complaints\"", note: "undo the last promotion" },
  ],
  subcommands: [rollback, cancel],
  run: async (context) => {
    await using client = openApiClient(context);
    return await client.get<{ readonly rollouts: readonly RolloutState[] }>("/v1/rollouts", { query: { model: context.options.model, limit: context.options.limit }, signal: context.signal });
  },
  render: ({ rollouts }, { terminal }) => {
    if (rollouts.length === 0) terminal.print("no rollout yet; one starts when a trained version passes its gates beside a champion");
    for (const [index, rollout] of rollouts.entries()) {
      if (index > 0) terminal.print();
      const lines = rollout.decisions.map(({ timeMs, action, phase, share, reason }) =>
        `${terminal.palette.dim(formatTime(timeMs))}  ${action}${phase === "canary" ? ` at ${formatPercent(share)} of traffic` : ""}  ${reason}`);
      terminal.section(`${rollout.model} v${rollout.challenger} against v${rollout.champion} at ${rollout.endpoint}: ${paintPhase(terminal.palette, rollout.phase)}`, lines.join("\n"));
    }
  },
});

function paintPhase(palette: Palette, phase: RolloutState["phase"]): string {
  if (phase === "promoted") return palette.green(phase);
  return phase === "rejected" || phase === "cancelled" ? palette.red(phase) : palette.yellow(phase);
}
