/** `strata serve`: served models and language models of the definition, in several processes on one port, until interrupted. */
import { openServeSupervisor } from "../../platform/serve/supervisor.ts";
import { CONFIG_OPTIONS, readConfig } from "../config-options.ts";
import { defineCommand } from "../command.ts";
import { createPalette, wantsColor } from "../terminal/color.ts";
import { formatCount, formatElapsed } from "../terminal/format.ts";
import { renderLogLine } from "./log-text.ts";

interface Serving {
  readonly url: string;
  /** Open Inference gRPC, host:port. */
  readonly grpcUrl: string;
  readonly processes: readonly number[];
  readonly supervisor: number;
  readonly startedMs: number;
}

export const command = defineCommand({
  name: "serve",
  summary: "Serve models and the language gateway in several processes on one port",
  description: "Starts processes that share one port and serve what the definition serves: served models, graphs, trained models' champions and language models. Events, features, training and the console stay with `strata up`. SIGHUP replaces the processes one by one with the definition as it is now, without a failed request; SIGTERM answers what comes over open connections and ends.",
  options: {
    ...CONFIG_OPTIONS,
    processes: { type: "number", integer: true, minimum: 1, maximum: 256, description: "How many processes (default: the setting `processes`, 1)" },
  },
  positionals: { file: { description: "Definition file (default: the setting `definition`, app.ts)", optional: true } },
  examples: [
    { command: "strata serve --processes 4", note: "app.ts in four processes on port 4180" },
    { command: "strata serve shop.ts --port 0 --json", note: "for a supervisor: one line of JSON when it is ready" },
  ],
  run: async function* (context): AsyncGenerator<Serving> {
    const { options, positionals, clock, signal, terminal } = context;
    const startedMs = clock.monotonicMs();
    const config = readConfig(context, positionals.file);
    const palette = createPalette(wantsColor(context.stderr, context.environment));
    const supervisor = await openServeSupervisor({ config: { ...config, processes: options.processes ?? config.processes }, logSink: (line) => terminal.note(renderLogLine(line, palette)) });
    try {
      yield { url: supervisor.url, grpcUrl: supervisor.grpcUrl, processes: supervisor.processes().map(({ pid }) => pid), supervisor: process.pid, startedMs: Math.round(clock.monotonicMs() - startedMs) };
      await untilAborted(signal);
    } finally {
      const closingMs = clock.monotonicMs();
      await supervisor.close();
      terminal.note(`stopped in ${formatElapsed(clock.monotonicMs() - closingMs)}; everything in flight was answered`);
    }
  },
  render: ({ url, grpcUrl, processes, startedMs }, { terminal }) => terminal.success(`${formatCount(processes.length, "process", "processes")} at ${url} (gRPC ${grpcUrl}), ready in ${formatElapsed(startedMs)}`),
});

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
