/** `strata config`: the effective configuration and where each value came from. */
import { loadConfig } from "../../platform/config.ts";
import { CONFIG_OPTIONS, configSources } from "../config-options.ts";
import { defineCommand } from "../command.ts";

export const command = defineCommand({
  name: "config",
  summary: "Show the effective configuration and where each value came from",
  description: "Defaults, then strata.json, then STRATA_* variables, then flags. All problems are reported together.",
  options: CONFIG_OPTIONS,
  examples: [
    { command: "strata config", note: "every setting with its source" },
    { command: "STRATA_PORT=8080 strata config --json", note: "for scripts" },
  ],
  run: (context) => loadConfig(configSources(context)).entries,
  render: (entries, { terminal }) => {
    terminal.table([
      { header: "SETTING", value: (entry) => entry.key },
      { header: "VALUE", value: (entry) => String(entry.value) },
      { header: "FROM", value: (entry) => entry.source },
      { header: "WHAT IT IS", value: (entry) => entry.description },
    ], entries);
  },
});
