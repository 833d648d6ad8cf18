/**
 * What the command line needs from the outside: streams, environment, time and the signal to stop.
 * main.ts builds one from the process; tests hand in a recorded one, so every command runs in-process.
 */
import type { Clock } from "../kernel/clock.ts";
import type { Environment } from "./terminal/color.ts";
import type { OutputStream } from "./terminal/terminal.ts";

export interface Host {
  /** For commands that read a file given as "-". */
  readonly stdin: AsyncIterable<string | Uint8Array>;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly environment: Environment;
  /** Relative paths of arguments start here. */
  readonly workingDirectory: string;
  readonly clock: Clock;
  /** Fires on the first SIGINT or SIGTERM: finish what is in flight and return. */
  readonly signal: AbortSignal;
}
