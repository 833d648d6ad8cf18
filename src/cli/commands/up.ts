/** `strata up`: run the whole platform in this process until it is told to stop. */
import { openPlatform } from "../../platform/platform.ts";
import { createApiClient } from "../api-client.ts";
import { CONFIG_OPTIONS, readConfig } from "../config-options.ts";
import { defineCommand } from "../command.ts";
import { readRunningDefinition } from "../running-definition.ts";
import { createPalette, wantsColor } from "../terminal/color.ts";
import { formatCount, formatElapsed } from "../terminal/format.ts";
import { renderError } from "../terminal/error-text.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { renderLogLine } from "./log-text.ts";
import { describeRunning, renderWelcome, type Running } from "./welcome.ts";

type PlatformOptions = Parameters<typeof openPlatform>[0];
type ReloadOutcome = Parameters<NonNullable<PlatformOptions["onReload"]>>[0];

export const command = defineCommand({
  name: "up",
  summary: "Run everything in this process: API, features, training, serving",
  description: "Loads the definition, opens the data folder and serves on one port until Ctrl-C. Edits of the definition are applied as they are saved; one with problems changes nothing. Log lines go to stderr.",
  options: {
    ...CONFIG_OPTIONS,
    watch: { type: "boolean", default: true, description: "Apply edits of the definition as they are saved" },
  },
  positionals: { file: { description: "Definition file (default: the setting `definition`, app.ts)", optional: true } },
  examples: [
    { command: "strata up", note: "app.ts in this folder, on port 4180" },
    { command: "strata up shop.ts --port 0 --data-dir /tmp/shop", note: "another file, a free port, another data folder" },
    { command: "strata up --no-watch --json", note: "for a supervisor: one line of JSON when it is ready" },
  ],
  run: async function* (context): AsyncGenerator<Running> {
    const { options, positionals, clock, signal, terminal } = context;
    const startedMs = clock.monotonicMs();
    const config = readConfig(context, positionals.file);
    const palette = createPalette(wantsColor(context.stderr, context.environment));
    const platform = await openPlatform({
      definition: config.definition, config, watch: options.watch,
      logSink: (line) => terminal.note(renderLogLine(line, palette)),
      onReload: (outcome) => noteReload(terminal, outcome),
    });
    try {
      await using client = createApiClient({ url: platform.url });
      const definition = await readRunningDefinition(client, signal);
      yield describeRunning({ url: platform.url, definition, startedMs: Math.round(clock.monotonicMs() - startedMs), dataDir: config.dataDir, nowMs: clock.now() });
      await untilAborted(signal);
    } finally {
      const closingMs = clock.monotonicMs();
      await platform.close();
      terminal.note(`stopped in ${formatElapsed(clock.monotonicMs() - closingMs)}; everything acknowledged is on disk`);
    }
  },
  render: (running, { terminal }) => terminal.print(renderWelcome(running, terminal)),
});

function noteReload(terminal: Terminal, outcome: ReloadOutcome): void {
  if ("error" in outcome) terminal.warn(`the edited definition was not applied; the running one stays\n${renderError(outcome.error)}`);
  else terminal.success(`applied ${formatCount(outcome.changes.length, "change")}: ${outcome.changes.map(({ action, kind, name }) => `${action} ${kind}.${name}`).join(", ")}`);
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
