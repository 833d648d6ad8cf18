/**
 * Runs the command line for a real process: signals become an AbortSignal, a closed pipe ends quietly, output is
 * flushed before the process leaves. The process is handed in by main.ts.
 */
import { systemClock } from "../kernel/clock.ts";
import { StrataError } from "../kernel/errors.ts";
import { runCommandLine } from "./command-line.ts";
import { EXIT } from "./command.ts";

export async function runProcess(host: NodeJS.Process): Promise<void> {
  quietExperimentalSqlite(host);
  for (const stream of [host.stdout, host.stderr]) stream.on("error", (error) => leaveOnClosedPipe(host, error));
  const code = await runCommandLine(host.argv.slice(2), {
    stdin: host.stdin, stdout: host.stdout, stderr: host.stderr, environment: host.env,
    workingDirectory: host.cwd(), clock: systemClock, signal: interruptionOf(host),
  });
  await Promise.all([flush(host.stdout), flush(host.stderr)]);
  host.exit(code);
}

/** The first SIGINT or SIGTERM asks the command to finish; the second leaves at once. */
function interruptionOf(host: NodeJS.Process): AbortSignal {
  const interruption = new AbortController();
  const interrupt = (): void => {
    if (interruption.signal.aborted) host.exit(EXIT.interrupted);
    if (host.stderr.isTTY) host.stderr.write("\nstopping; press Ctrl-C again to leave at once\n");
    interruption.abort(new StrataError("ABORTED", { what: "The command" }));
  };
  host.on("SIGINT", interrupt);
  host.on("SIGTERM", interrupt);
  return interruption.signal;
}

/** `strata logs | head` closes our output early; that is no error. */
function leaveOnClosedPipe(host: NodeJS.Process, error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
  host.exit(EXIT.ok);
}

/** Node 22 prints a warning whenever node:sqlite loads; the module is part of what Strata tests against. Others stay. */
function quietExperimentalSqlite(host: NodeJS.Process): void {
  const listeners = host.listeners("warning");
  host.removeAllListeners("warning");
  host.on("warning", (warning) => {
    if (warning.name === "ExperimentalWarning" && warning.message.includes("SQLite")) return;
    for (const listener of listeners) listener.call(host, warning);
  });
}

function flush(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write("", () => resolve()));
}
