/** `strata doctor`: is everything here that Strata needs, and is what it stored whole? */
import { resolve } from "node:path";
import process from "node:process";
import type { Clock } from "../../../kernel/clock.ts";
import type { Config } from "../../../platform/config.ts";
import { createApiClient } from "../../api-client.ts";
import { CONFIG_OPTIONS, configSources, profilePlace } from "../../config-options.ts";
import { defineCommand } from "../../command.ts";
import type { CommandContext } from "../../command.ts";
import type { Host } from "../../host.ts";
import type { Terminal } from "../../terminal/terminal.ts";
import type { Palette } from "../../terminal/color.ts";
import { formatCount } from "../../terminal/format.ts";
import type { Check } from "./check.ts";
import { checkDataFolder, checkDiskSpace, checkStoredData } from "./disk-checks.ts";
import { checkConfig, checkDefinition, checkNode, checkOnnxRuntime } from "./project-checks.ts";
import { checkProfile } from "./profile-checks.ts";
import { checkEvidence, checkServer } from "./server-checks.ts";

/** Enough for a server that is busy, short enough to wait for when there is none. */
const ANSWER_MS = 5_000;

export interface Diagnosis {
  readonly healthy: boolean;
  readonly checks: readonly Check[];
}

export const command = defineCommand({
  name: "doctor",
  summary: "Check the project, the data folder and the server",
  description: "Checks the Node.js version, the configuration, the definition, the data folder and how fast it makes writes durable, free space, the servers of the profile with their versions and durability settings, the port or the server, the integrity of what is stored, and the chains of evidence. Exit status 1 when something failed.",
  options: { ...CONFIG_OPTIONS, url: { type: "string", placeholder: "address", description: "Address of the server (default $STRATA_URL, else from host and port)" } },
  positionals: { file: { description: "Definition file (default: the setting `definition`, app.ts)", optional: true } },
  examples: [
    { command: "strata doctor", note: "before the first start, or when something is odd" },
    { command: "strata doctor --profile production", note: "with the servers of a profile" },
    { command: "strata doctor --json", note: "for a health check in CI" },
  ],
  run: async (context): Promise<Diagnosis> => {
    const { check, config } = checkConfig(configSources(context, context.positionals.file));
    const checks = [
      checkNode(process.versions.node), check, checkOnnxRuntime(),
      ...(config === undefined ? [] : await checkSurroundings(config, context)),
    ];
    return { healthy: checks.every(({ status }) => status !== "failed"), checks };
  },
  exitCode: ({ healthy }) => (healthy ? 0 : 1),
  render: renderDiagnosis,
});

type Surroundings = Pick<CommandContext, keyof Host | "terminal"> & { readonly options: { readonly url: string | undefined } };

async function checkSurroundings(config: Config, { workingDirectory, environment, clock, signal, options, terminal }: Surroundings): Promise<readonly Check[]> {
  const dataDir = resolve(workingDirectory, config.dataDir);
  await using client = createApiClient({ url: options.url ?? environment["STRATA_URL"] ?? addressOf(config), timeoutMs: ANSWER_MS, token: environment["STRATA_TOKEN"] });
  const { check, isRunning } = await checkServer(client, config, signal);
  using progress = reportLate(terminal, clock);
  return [
    await checkDefinition(resolve(workingDirectory, config.definition), workingDirectory),
    await checkDataFolder(dataDir, clock),
    await checkDiskSpace(dataDir),
    await checkStoredData(dataDir, progress.update),
    ...await checkProfile(profilePlace(config.profile, (path) => resolve(workingDirectory, path)), environment),
    check,
    isRunning ? await checkEvidence(client, signal) : { name: "evidence", status: "skipped", detail: "no server runs that could verify it" },
  ];
}

/** Verifying is mostly over before anyone wonders; only a long one is shown. */
function reportLate(terminal: Terminal, clock: Clock): Disposable & { readonly update: (done: number, total: number) => void } {
  const startedMs = clock.monotonicMs();
  const bar = terminal.progress({ label: "verifying logs" });
  return {
    update: (done, total) => { if (clock.monotonicMs() - startedMs > SHOWN_AFTER_MS) bar.update(done, total); },
    [Symbol.dispose]: () => bar[Symbol.dispose](),
  };
}

const SHOWN_AFTER_MS = 1_000;

/** An address that means "all of this machine's" is reached at the loopback. */
function addressOf({ host, port }: Pick<Config, "host" | "port">): string {
  const reachable = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
  return `http://${reachable.includes(":") ? `[${reachable}]` : reachable}:${port}`;
}

export function renderDiagnosis({ checks, healthy }: Diagnosis, { terminal }: Pick<CommandContext, "terminal">): void {
  const { palette } = terminal;
  const nameWidth = Math.max(...checks.map(({ name }) => name.length));
  for (const { name, status, detail, next } of checks) {
    terminal.print(`${markOf(status, palette)} ${name.padEnd(nameWidth)}  ${status === "skipped" ? palette.dim(detail) : detail}`);
    if (next !== undefined) terminal.print(`${" ".repeat(nameWidth + 4)}${palette.cyan("next:")} ${next}`);
  }
  const count = (status: Check["status"]): number => checks.filter((check) => check.status === status).length;
  terminal.print();
  if (!healthy) terminal.print(palette.red(`${formatCount(count("failed"), "check")} failed.`));
  else terminal.print(count("warning") > 0 ? palette.yellow(`Ready, with ${formatCount(count("warning"), "remark")}.`) : palette.green("Ready."));
}

function markOf(status: Check["status"], palette: Palette): string {
  return { ok: palette.green("✓"), warning: palette.yellow("!"), failed: palette.red("✗"), skipped: palette.dim("–") }[status];
}
