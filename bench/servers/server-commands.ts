/**
 * The child's side of a server under test: says where it listens, tells what it has used, and obeys named commands of
 * the bench that started it. Ends with its parent.
 */
import { writeFile } from "node:fs/promises";
import { Session } from "node:inspector/promises";
import type { ServerUsage } from "./server-process.ts";

export interface CommandServer {
  readonly url: string;
  readonly commands: Readonly<Record<string, (argument: unknown) => unknown>>;
  readonly close: () => unknown;
}

interface Command {
  readonly number: number;
  readonly command: string;
  readonly argument?: unknown;
}

export function serveCommands({ url, commands, close }: CommandServer): void {
  const all: CommandServer["commands"] = { ...commands, ...profiling(), usage: () => usage() };
  process.on("message", ({ number, command, argument }: Command) => { // openServerProcess sends nothing else
    const run = async (): Promise<unknown> => all[command]?.(argument);
    run().then((result) => process.send?.({ number, result }), (thrown: unknown) => process.send?.({ number, problem: textOf(thrown) }));
  });
  process.once("disconnect", () => { void end(close); });
  process.send?.({ url });
}

async function end(close: () => unknown): Promise<void> {
  await close();
  process.exit(0);
}

function usage(): ServerUsage {
  const { user, system } = process.cpuUsage();
  const main = process.threadCpuUsage();
  return { cpuMs: (user + system) / 1000, mainThreadCpuMs: (main.user + main.system) / 1000, rssBytes: process.memoryUsage.rss(), peakRssBytes: process.resourceUsage().maxRSS * 1024 };
}

/** CPU profiles of just the load that is measured, not of the start before it. */
function profiling(): CommandServer["commands"] {
  const session = new Session();
  return {
    "start profile": async () => {
      session.connect();
      await session.post("Profiler.enable");
      await session.post("Profiler.start");
    },
    "stop profile": async (path) => {
      const { profile } = await session.post("Profiler.stop");
      session.disconnect();
      await writeFile(String(path), JSON.stringify(profile));
    },
  };
}

function textOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.stack ?? thrown.message : String(thrown);
}
