/** `strata apply`: make the server run the local definition. */
import type { ResourceChange } from "../../platform/definition.ts";
import { CONFIG_OPTIONS, readConfig } from "../config-options.ts";
import { defineCommand } from "../command.ts";
import { SERVER_OPTIONS, openApiClient } from "../server-options.ts";
import { formatCount } from "../terminal/format.ts";
import { canAsk, confirm } from "./confirmation.ts";
import { loadLocalDefinition, planWithServer, renderPlan, type DefinitionPlan } from "./definition-plan.ts";

interface ApplyResult {
  readonly plan: DefinitionPlan;
  /** false when there was nothing to do, or the answer was no. */
  readonly applied: boolean;
  readonly declined: boolean;
  readonly changes: readonly ResourceChange[];
}

export const command = defineCommand({
  name: "apply",
  summary: "Make the server run the definition",
  description: "Shows the plan, asks, and has the server load its definition file again. The server refuses when its file is not the one that was planned, so what is applied is exactly what was shown. Exit status 1 when the answer is no.",
  options: {
    ...SERVER_OPTIONS, config: CONFIG_OPTIONS.config,
    yes: { type: "boolean", short: "y", description: "Do not ask" },
  },
  positionals: { file: { description: "Definition file (default: the setting `definition`, app.ts)", optional: true } },
  examples: [
    { command: "strata apply", note: "show the plan, ask, apply" },
    { command: "strata apply --yes --url https://strata.example", note: "in a deployment script" },
  ],
  run: async (context): Promise<ApplyResult> => {
    const { options, positionals, workingDirectory, stdin, signal, terminal, usageError } = context;
    const local = await loadLocalDefinition(readConfig(context, positionals.file).definition, workingDirectory);
    await using client = openApiClient(context);
    const plan = await planWithServer(local, client, signal);
    if (plan.changes.length === 0) return { plan, applied: false, declined: false, changes: [] };
    terminal.print(renderPlan(plan, terminal.palette));
    terminal.print();
    if (!options.yes) {
      if (!canAsk(stdin)) throw usageError("There is no terminal to ask at; give --yes to apply without asking.");
      if (!await confirm(`Apply this to ${client.url}?`, context)) return { plan, applied: false, declined: true, changes: [] };
    }
    const { changes } = await terminal.step({ running: "applying", done: () => `applied to ${client.url}` },
      () => client.post<{ readonly changes: readonly ResourceChange[] }>("/v1/apply", { hash: local.hash }, { signal }));
    return { plan, applied: true, declined: false, changes };
  },
  exitCode: ({ declined }) => (declined ? 1 : 0),
  render: ({ plan, applied, declined, changes }, { terminal }) => {
    if (declined) terminal.print("Nothing was applied.");
    else if (!applied) terminal.print(renderPlan(plan, terminal.palette));
    else terminal.print(`${plan.application} ${plan.hash.slice(0, 12)} runs, with ${formatCount(changes.length, "change")}.`);
  },
});
