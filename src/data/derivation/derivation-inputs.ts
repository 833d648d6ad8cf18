/**
 * The sources of one derivation as one sequence of events. Of several streams the batch that was appended first comes
 * first; which one that was is decided here and written to the journal, because a later look at the clock cannot tell.
 */
import type { EventLog } from "../../ports/event-log.ts";
import type { Logger } from "../../ports/telemetry.ts";
import type { EventDecoder } from "../streams/event-decoder.ts";
import type { SourceEvent } from "./operator.ts";
import { createSourceReader, type SourceReader } from "./source-reader.ts";

export type Run = readonly [stream: string, toOffset: number];

export interface Gathered {
  readonly events: readonly SourceEvent[];
  readonly runs: readonly Run[];
}

export interface DerivationInputs extends AsyncDisposable {
  /** Next offset to take, per source. */
  positions(): Readonly<Record<string, number>>;
  /** When the newest taken event was appended, per source. */
  appendedAtMs(): ReadonlyMap<string, number>;
  /** Durable events not taken. */
  waiting(): number;
  /** What is at hand, at most about `limit` events; waits for nothing that is not durable. */
  gather(limit: number): Promise<Gathered>;
  /** The events of a recorded run, in pieces of at most a batch. */
  follow(run: Run): AsyncIterable<readonly SourceEvent[]>;
  /** Resolves when any source has something new; never rejects before it is read. */
  news(): Promise<unknown>;
}

export interface InputOptions {
  readonly log: EventLog;
  readonly decoder: EventDecoder;
  readonly logger: Logger;
  readonly derived: string;
  readonly sources: readonly string[];
  readonly positions: Readonly<Record<string, number>>;
  readonly signal: AbortSignal;
}

export function openInputs(options: InputOptions): DerivationInputs {
  const readers = new Map(options.sources.map((stream) => [stream, createSourceReader({ ...options, stream, fromOffset: startOf(options, stream) })]));
  const all = [...readers.values()];

  /** The reader whose batch comes first; undefined when nothing durable is left. */
  const first = async (): Promise<SourceReader | undefined> => {
    for (const reader of all) if (reader.headAppendedAtMs === undefined && reader.waiting() > 0) await reader.ready();
    const ready = all.filter((reader) => reader.headAppendedAtMs !== undefined);
    return ready.reduce<SourceReader | undefined>((best, reader) => (best === undefined || reader.headAppendedAtMs! < best.headAppendedAtMs! ? reader : best), undefined);
  };

  return {
    positions: () => Object.fromEntries(all.map(({ stream, position }) => [stream, position])),
    appendedAtMs: () => new Map(all.map(({ stream, takenAppendedAtMs }) => [stream, takenAppendedAtMs])),
    waiting: () => all.reduce((sum, reader) => sum + reader.waiting(), 0),
    gather: async (limit) => {
      const events: SourceEvent[] = [];
      const runs: [string, number][] = [];
      while (events.length < limit && !options.signal.aborted) {
        const reader = await first();
        if (reader === undefined) break;
        for (const event of reader.take(reader.headEnd)) events.push(event);
        const last = runs.at(-1);
        if (last?.[0] === reader.stream) last[1] = reader.position;
        else runs.push([reader.stream, reader.position]);
      }
      return { events, runs };
    },
    async *follow([stream, toOffset]) {
      const reader = readers.get(stream);
      if (reader === undefined) return; // a source of an earlier definition
      while (reader.position < toOffset && reader.waiting() > 0 && await reader.ready()) yield reader.take(toOffset);
    },
    news: () => Promise.race(all.map((reader) => reader.ready().catch(() => undefined))),
    [Symbol.asyncDispose]: async () => {
      for (const reader of all) await reader[Symbol.asyncDispose]();
    },
  };
}

/** Retention may have been faster. */
function startOf({ log, logger, positions, derived }: InputOptions, stream: string): number {
  const wanted = positions[stream] ?? 0;
  const { oldestOffset } = log.statistics(stream);
  if (wanted >= oldestOffset) return wanted;
  logger.log("warn", `Derived stream "${derived}" misses the events ${wanted} to ${oldestOffset - 1} of stream "${stream}": retention has removed them from the log`, { stream: derived, source: stream });
  return oldestOffset;
}
