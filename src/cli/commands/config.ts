/** `strata config`: the effective configuration and where each value came from. */
import { loadConfig, type ConfigEntry } from "../../platform/config.ts";
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
    terminal.table<ConfigEntry>([
      { title: "setting", value: ({ key }) => key },
      { title: "value", value: ({ value }) => String(value), align: "left" },
      { title: "from", value: ({ source }) => source },
      { title: "what it is", value: ({ description }) => description },
    ], entries);
  },
});
