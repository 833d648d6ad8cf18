/** `strata plan`: what applying the local definition would change. */
import { describeApplication, diffDefinitions } from "../../platform/definition.ts";
import { CONFIG_OPTIONS, readConfig } from "../config-options.ts";
import { defineCommand } from "../command.ts";
import { SERVER_OPTIONS, openApiClient } from "../server-options.ts";
import { loadLocalDefinition, planWithServer, renderPlan, unlessUnreachable, type DefinitionPlan } from "./definition-plan.ts";

/** Like diff and terraform: 2 says "there are differences". */
const CHANGES_FOUND = 2;

interface PlanResult extends DefinitionPlan {
  readonly exitCode: number;
}

export const command = defineCommand({
  name: "plan",
  summary: "Show what applying the definition would change on the server",
  description: "Loads the definition file and compares it with what the server runs: every resource that would be created, updated or deleted, each changed value, and what applying it does. Nothing is changed. When no server answers, everything counts as new.",
  options: {
    ...SERVER_OPTIONS, config: CONFIG_OPTIONS.config,
    detailedExitCode: { type: "boolean", description: "Exit status 2 when there are changes, 0 when there are none" },
  },
  positionals: { file: { description: "Definition file (default: the setting `definition`, app.ts)", optional: true } },
  examples: [
    { command: "strata plan", note: "app.ts against the server on this machine" },
    { command: "strata plan app.ts --url https://strata.example --detailed-exit-code", note: "in CI: status 2 when there is something to apply" },
  ],
  run: async (context): Promise<PlanResult> => {
    const { options, positionals, workingDirectory, signal } = context;
    const local = await loadLocalDefinition(readConfig(context, positionals.file).definition, workingDirectory);
    await using client = openApiClient(context);
    const plan = await unlessUnreachable<DefinitionPlan>(planWithServer(local, client, signal), (unreachable) => ({
      application: local.application.name, hash: local.hash, file: local.file, server: null, unreachable,
      changes: diffDefinitions(undefined, describeApplication(local.application)),
    }));
    return { ...plan, exitCode: options.detailedExitCode && plan.changes.length > 0 ? CHANGES_FOUND : 0 };
  },
  exitCode: ({ exitCode }) => exitCode,
  render: (plan, { terminal }) => {
    terminal.print(renderPlan(plan, terminal.palette));
    if (plan.unreachable !== undefined) terminal.warn(`${plan.unreachable}; compared with nothing`);
    else if (plan.changes.length > 0) terminal.note("next: `strata apply` applies this");
  },
});
