/** `strata logs`: the server's recent log lines. */
import { setTimeout as sleep } from "node:timers/promises";
import type { LogLine } from "../../platform/api.ts";
import { defineCommand } from "../command.ts";
import { SERVER_OPTIONS, openApiClient } from "../server-options.ts";
import { formatTime } from "../terminal/format.ts";

const POLL_MS = 500;

export const command = defineCommand({
  name: "logs",
  summary: "Show the server's recent log lines, or follow them",
  description: "The server keeps its newest lines in memory; its whole output goes where you started it.",
  options: {
    ...SERVER_OPTIONS,
    level: { type: "enum", values: ["debug", "info", "warn", "error"], default: "info", description: "Least severe level to show" },
    limit: { type: "number", integer: true, minimum: 1, maximum: 1000, default: 100, description: "Most lines to start with" },
    follow: { type: "boolean", short: "f", description: "Keep showing new lines" },
  },
  examples: [
    { command: "strata logs --level warn", note: "what went wrong lately" },
    { command: "strata logs -f", note: "follow" },
  ],
  run: async function* (context): AsyncGenerator<LogLine> {
    const { level, limit, follow } = context.options;
    await using client = openApiClient(context);
    let after: number | undefined;
    while (!context.signal.aborted) {
      const { lines } = await client.get<{ readonly lines: readonly LogLine[] }>("/v1/logs", { query: { level, limit, after } });
      yield* lines;
      after = lines.at(-1)?.sequence ?? after;
      if (!follow) return;
      await sleep(POLL_MS, undefined, { signal: context.signal }).catch(() => undefined); // interrupted: the loop ends
    }
  },
  render: (line, { terminal }) => {
    const { palette } = terminal;
    const colour = line.level === "error" ? palette.red : line.level === "warn" ? palette.yellow : palette.dim;
    terminal.print(`${palette.dim(formatTime(line.timeMs))} ${colour(line.level.padEnd(5))} ${line.message}${line.fields && Object.keys(line.fields).length > 0 ? ` ${palette.dim(JSON.stringify(line.fields))}` : ""}`);
  },
});
