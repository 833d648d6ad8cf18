/** `strata config`: the effective configuration and where each value came from. */
import { resolve } from "node:path";
import { loadConfig } from "../../platform/config.ts";
import { loadProfile, profileEntries } from "../../platform/profile.ts";
import { CONFIG_OPTIONS, configSources, profilePlace } from "../config-options.ts";
import { defineCommand } from "../command.ts";

interface Entry {
  readonly key: string;
  readonly value: unknown;
  readonly source: string;
  readonly description: string;
}

export const command = defineCommand({
  name: "config",
  summary: "Show the effective configuration and where each value came from",
  description: "Defaults, then strata.json, then STRATA_* variables, then flags. All problems are reported together. Below them: where each engine lives, by the profile; passwords are masked.",
  options: CONFIG_OPTIONS,
  examples: [
    { command: "strata config", note: "every setting with its source" },
    { command: "strata config --profile production", note: "with the engines of a profile" },
    { command: "STRATA_PORT=8080 strata config --json", note: "for scripts" },
  ],
  run: (context): readonly Entry[] => {
    const { config, entries } = loadConfig(configSources(context));
    const place = profilePlace(config.profile, (path) => resolve(context.workingDirectory, path));
    return [...entries, ...profileEntries(loadProfile(place, context.environment))];
  },
  render: (entries, { terminal }) => {
    terminal.table<Entry>([
      { title: "setting", value: ({ key }) => key },
      { title: "value", value: ({ value }) => String(value), align: "left" },
      { title: "from", value: ({ source }) => source },
      { title: "what it is", value: ({ description }) => description },
    ], entries);
  },
});
