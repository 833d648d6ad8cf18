/** A host for tests of commands: runs in-process, keeps what was written, aborts on demand. */
import { createManualClock } from "../kernel/clock.ts";
import type { Host } from "./host.ts";

export interface RecordedHost extends Host {
  /** Everything written to stdout so far. */
  output(): string;
  /** Everything written to stderr so far. */
  errors(): string;
  /** stdout as the one JSON document it must be; throws when it is not. */
  json(): unknown;
  /** What the first Ctrl-C does. */
  interrupt(): void;
}

export interface RecordedHostOptions extends Partial<Host> {
  /** Makes both streams a terminal of this many columns; they are pipes otherwise. */
  readonly columns?: number;
}

/** The clock stands still at 0 and the environment is empty unless given. */
export function createRecordedHost(options: RecordedHostOptions = {}): RecordedHost {
  const stop = new AbortController();
  const written = { stdout: "", stderr: "" };
  const record = (name: keyof typeof written): Host["stdout"] => ({
    write: (text) => void (written[name] += text),
    isTTY: options.columns !== undefined,
    columns: options.columns,
  });
  return {
    stdin: (async function* () {})(),
    stdout: record("stdout"), stderr: record("stderr"),
    environment: {}, workingDirectory: "/", clock: createManualClock(), signal: stop.signal,
    ...options,
    output: () => written.stdout,
    errors: () => written.stderr,
    json: () => JSON.parse(written.stdout),
    interrupt: () => stop.abort(),
  };
}
