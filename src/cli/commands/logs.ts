/** `strata logs`: the server's recent log lines. */
import type { LogLine } from "../../platform/api.ts";
import { defineCommand } from "../command.ts";
import { SERVER_OPTIONS, openApiClient } from "../server-options.ts";
import { renderLogLine } from "./log-text.ts";

const POLL_MS = 500;
/** The most the server gives at once: between two polls it must not write more. */
const LINES_PER_POLL = 1000;

export const command = defineCommand({
  name: "logs",
  summary: "Show the server's recent log lines, or follow them",
  description: "The server keeps its newest lines in memory; its whole output goes where you started it.",
  options: {
    ...SERVER_OPTIONS,
    level: { type: "enum", values: ["debug", "info", "warn", "error"], default: "info", description: "Least severe level to show" },
    limit: { type: "number", integer: true, minimum: 1, maximum: LINES_PER_POLL, default: 100, description: "Most lines to start with" },
    follow: { type: "boolean", short: "f", description: "Keep showing new lines" },
  },
  examples: [
    { command: "strata logs --level warn", note: "what went wrong lately" },
    { command: "strata logs -f", note: "follow" },
  ],
  run: async function* ({ options, clock, signal, environment }): AsyncGenerator<LogLine> {
    const { level, limit, follow } = options;
    await using client = openApiClient({ options, environment });
    let after: number | undefined;
    try {
      do {
        const query = { level, after, limit: after === undefined ? limit : LINES_PER_POLL };
        const { lines } = await client.get<{ readonly lines: readonly LogLine[] }>("/v1/logs", { query, signal });
        yield* lines;
        after = lines.at(-1)?.sequence ?? after ?? 0;
        if (follow) await clock.sleep(POLL_MS, signal);
      } while (follow);
    } catch (thrown) {
      if (!follow || !signal.aborted) throw thrown; // to follow is to be interrupted some time
    }
  },
  render: (line, { terminal }) => terminal.print(renderLogLine(line, terminal.palette)),
});
