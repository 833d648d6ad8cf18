/** `strata worker`: one of several processes that share the partitions of the definition's streams, until interrupted. */
import { openWorkerProcess } from "../../platform/worker-process.ts";
import { CONFIG_OPTIONS, readConfig } from "../config-options.ts";
import { defineCommand } from "../command.ts";
import { createPalette, wantsColor } from "../terminal/color.ts";
import { formatElapsed } from "../terminal/format.ts";
import { renderLogLine } from "./log-text.ts";

interface Working {
  readonly url: string;
  readonly worker: string;
  readonly group: string;
  readonly startedMs: number;
}

export const command = defineCommand({
  name: "worker",
  summary: "Share the partitions of keyed streams with other workers",
  description: "Takes events of streams that have a key, computes the feature views of the partitions it holds and answers feature reads for all of them. Start as many as the load needs, with one profile: they divide the partitions among themselves, and take over when one leaves or dies. SIGTERM stores what was applied and gives the partitions up at once.",
  options: {
    ...CONFIG_OPTIONS,
    group: { type: "string", placeholder: "name", description: "Workers of one group share the partitions (default: the application's name)" },
    name: { type: "string", placeholder: "name", description: "The worker's name in leases and logs (default: drawn)" },
    lease: { type: "number", minimum: 0.5, maximum: 300, description: "Seconds of silence after which a worker counts as dead (default 5)" },
  },
  positionals: { file: { description: "Definition file (default: the setting `definition`, app.ts)", optional: true } },
  examples: [
    { command: "strata worker --profile production", note: "one more worker over the servers of strata.profile.json" },
    { command: "strata worker clicks.ts --port 0 --json", note: "for a supervisor: one line of JSON when it is ready" },
  ],
  run: async function* (context): AsyncGenerator<Working> {
    const { options, positionals, clock, signal, terminal } = context;
    const startedMs = clock.monotonicMs();
    const palette = createPalette(wantsColor(context.stderr, context.environment));
    const worker = await openWorkerProcess({
      config: readConfig(context, positionals.file), group: options.group, name: options.name,
      leaseMs: options.lease === undefined ? undefined : options.lease * 1_000, logSink: (line) => terminal.note(renderLogLine(line, palette)),
    });
    try {
      yield { url: worker.url, worker: worker.name, group: worker.group, startedMs: Math.round(clock.monotonicMs() - startedMs) };
      await untilAborted(signal);
    } finally {
      const closingMs = clock.monotonicMs();
      await worker.close();
      terminal.note(`stopped in ${formatElapsed(clock.monotonicMs() - closingMs)}; what was applied is stored, the partitions are free`);
    }
  },
  render: ({ url, worker, group, startedMs }, { terminal }) => terminal.success(`${worker} of group ${group} at ${url}, ready in ${formatElapsed(startedMs)}`),
});

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
