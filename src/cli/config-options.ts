/** Options of the commands that run Strata in this process; everything else is set in strata.json or by STRATA_* variables. */
import { resolve } from "node:path";
import { loadConfig, type Config, type ConfigSources } from "../platform/config.ts";
import type { Host } from "./host.ts";
import type { OptionTable, OptionValues } from "./option.ts";

export const CONFIG_OPTIONS = {
  config: { type: "string", placeholder: "file", description: "JSON file with settings (default strata.json, if there)" },
  profile: { type: "string", placeholder: "name", description: "Engines on servers: a name in strata.profile.json, or a JSON file (default: embedded)" },
  dataDir: { type: "string", placeholder: "folder", description: "Folder for all data (default .strata)" },
  port: { type: "number", integer: true, minimum: 0, maximum: 65_535, description: "TCP port; 0 picks a free one (default 4180)" },
  host: { type: "string", placeholder: "address", description: "Address to listen on (default 127.0.0.1)" },
} as const satisfies OptionTable;

type Context = Pick<Host, "environment" | "workingDirectory"> & { readonly options: Partial<OptionValues<typeof CONFIG_OPTIONS>> };

/** Variables that belong to the command line itself, not to the configuration. */
const CLIENT_VARIABLES = new Set(["STRATA_URL", "STRATA_TOKEN"]);

/** Where `loadConfig` looks, from the command's flags and surroundings. */
export function configSources({ options, environment, workingDirectory }: Context, definition?: string): ConfigSources {
  const { config, profile, dataDir, port, host } = options;
  return {
    file: resolve(workingDirectory, config ?? "strata.json"), isFileRequired: config !== undefined,
    environment: Object.fromEntries(Object.entries(environment).filter(([name]) => !CLIENT_VARIABLES.has(name))),
    flags: { profile, dataDir, port, host, definition },
  };
}

/** The configuration with its paths made absolute from the working directory. CONFIG_INVALID. */
export function readConfig(context: Context, definition?: string): Config {
  const { config } = loadConfig(configSources(context, definition));
  const from = (path: string): string => resolve(context.workingDirectory, path);
  return { ...config, profile: profilePlace(config.profile, from), definition: from(config.definition), dataDir: from(config.dataDir), ledgerFile: config.ledgerFile === "" ? "" : from(config.ledgerFile) };
}

/** Where several profiles lie by name. */
const PROFILE_FILE = "strata.profile.json";

/** A file is itself; a name is one of the profiles in strata.profile.json. */
export function profilePlace(profile: string, from: (path: string) => string): string {
  if (profile === "") return "";
  return profile.endsWith(".json") ? from(profile) : `${from(PROFILE_FILE)}#${profile}`;
}
