/**
 * The Logger of a process: keeps the last lines in a ring for `strata logs` and the console, tells listeners,
 * and writes each line to a sink. A sink or listener that throws never disturbs whoever logs; it is counted.
 */
import type { Clock } from "../../kernel/clock.ts";
import type { LogLevel, Logger } from "../../ports/telemetry.ts";
import { LEVEL_RANK, boundedText, formatJsonLine, formatPrettyLine, plainFields } from "./log-line.ts";
import type { LogLine } from "./log-line.ts";

export interface LogStoreOptions {
  readonly clock: Clock;
  /** Lines kept in memory; 2000 unless given. A line is at most some 20 kB, usually about 300 bytes. */
  readonly capacity?: number;
  /** Lines below are dropped; "info" unless given. */
  readonly level?: LogLevel;
  /** Takes one written line, without its line break. */
  readonly sink?: (text: string) => void;
  /** How the sink's lines are written; "json" unless given. */
  readonly format?: "json" | "pretty" | "colour";
}

export interface LogQuery {
  /** This level and above. */
  readonly level?: LogLevel;
  /** Lines after this sequence number, to follow a log. */
  readonly after?: number;
  /** Only lines whose message or fields contain this text, whatever the case. */
  readonly contains?: string;
  /** The newest so many; all kept ones unless given. */
  readonly limit?: number;
}

export interface LogStore extends Logger {
  /** Kept lines, oldest first. */
  lines(query?: LogQuery): readonly LogLine[];
  /** A logger that adds these fields to each line. */
  with(fields: Readonly<Record<string, unknown>>): Logger;
  /** Calls for each new line until the returned function is called. */
  subscribe(listener: (line: LogLine) => void): () => void;
  /** Lines seen so far, and how often the sink or a listener threw. */
  counts(): { readonly lines: number; readonly failures: number };
}

export function createLogStore(options: LogStoreOptions): LogStore {
  const { clock, capacity = 2000, level: lowest = "info", sink, format = "json" } = options;
  const ring: LogLine[] = [];
  const listeners = new Set<(line: LogLine) => void>();
  let sequence = 0;
  let failures = 0;

  const attempt = (action: () => void): void => {
    try {
      action();
    } catch {
      failures++;
    }
  };
  const log = (level: LogLevel, message: string, fields: Readonly<Record<string, unknown>> = {}): void => {
    if (LEVEL_RANK[level] < LEVEL_RANK[lowest]) return;
    const line: LogLine = { sequence: ++sequence, timeMs: clock.now(), level, message: boundedText(message), fields: plainFields(fields) };
    ring[(sequence - 1) % capacity] = line;
    if (sink) attempt(() => sink(write(line, format)));
    for (const listener of listeners) attempt(() => listener(line));
  };

  return {
    log,
    lines: (query = {}) => select(inOrder(ring, sequence % capacity), query),
    with: (bound) => ({ log: (level, message, fields) => log(level, message, { ...bound, ...fields }) }),
    subscribe: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    counts: () => ({ lines: sequence, failures }),
  };
}

/** The ring from its oldest line on. */
function inOrder(ring: readonly LogLine[], next: number): LogLine[] {
  return [...ring.slice(next), ...ring.slice(0, next)].filter((line) => line !== undefined);
}

function select(lines: readonly LogLine[], { level = "debug", after = 0, contains, limit }: LogQuery): readonly LogLine[] {
  const wanted = contains?.toLowerCase();
  const found = lines.filter((line) => line.sequence > after && LEVEL_RANK[line.level] >= LEVEL_RANK[level]
    && (wanted === undefined || formatJsonLine(line).toLowerCase().includes(wanted)));
  return limit === undefined ? found : found.slice(Math.max(0, found.length - limit));
}

function write(line: LogLine, format: "json" | "pretty" | "colour"): string {
  return format === "json" ? formatJsonLine(line) : formatPrettyLine(line, { colour: format === "colour" });
}
