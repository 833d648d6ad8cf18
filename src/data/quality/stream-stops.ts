/**
 * Streams that take nothing because a stop rule failed, durably: a restart does not open them. A person resumes a
 * stream with a reason, which also accepts the data below: they do not stop the stream or a training again.
 */
import type { Clock } from "../../kernel/clock.ts";
import { StrataError } from "../../kernel/errors.ts";
import type { SqlDatabase } from "../../ports/sql.ts";
import type { QualityTables } from "./tables.ts";

export interface StreamStop {
  readonly stream: string;
  readonly atMs: number;
  readonly expectations: string;
  readonly rule: string;
  /** The verdict's sentence. */
  readonly reason: string;
}

export interface Acceptance {
  readonly stream: string;
  /** Data below are accepted. */
  readonly nextOffset: number;
  readonly atMs: number;
  readonly reason: string;
}

export interface StreamStops {
  load(): Promise<void>;
  /** Raises STREAM_STOPPED when the stream is stopped. */
  admit(stream: string): void;
  of(stream: string): StreamStop | undefined;
  all(): readonly StreamStop[];
  acceptance(stream: string): Acceptance | undefined;
  /** Stops the stream at once, and durably when it resolves; a stream that is stopped keeps its first reason. */
  stop(stop: StreamStop): Promise<void>;
  /** Resumes the stream and accepts what is stored below the offset. */
  resume(acceptance: Acceptance): Promise<StreamStop | undefined>;
}

export function createStreamStops({ database, clock }: { readonly database: SqlDatabase; readonly clock: Clock }): StreamStops {
  const tables = database.as<QualityTables>();
  const stopped = new Map<string, StreamStop>();
  const accepted = new Map<string, Acceptance>();
  return {
    load: async () => {
      for (const row of await tables.selectFrom("quality_stop").selectAll().execute()) stopped.set(row.stream, { stream: row.stream, atMs: row.at_ms, expectations: row.expectations, rule: row.rule, reason: row.reason });
      for (const row of await tables.selectFrom("quality_acceptance").selectAll().execute()) accepted.set(row.stream, { stream: row.stream, nextOffset: row.next_offset, atMs: row.at_ms, reason: row.reason });
    },
    admit: (stream) => {
      if (stopped.size === 0) return;
      const stop = stopped.get(stream);
      if (stop === undefined) return;
      const since = new Date(stop.atMs).toISOString();
      throw new StrataError("STREAM_STOPPED", { stream, rule: `${stop.expectations}.${stop.rule}`, since, reason: stop.reason, agoMs: clock.now() - stop.atMs });
    },
    of: (stream) => stopped.get(stream),
    all: () => [...stopped.values()],
    acceptance: (stream) => accepted.get(stream),
    stop: async (stop) => {
      if (stopped.has(stop.stream)) return;
      stopped.set(stop.stream, stop);
      const { stream, atMs: at_ms, expectations, rule, reason } = stop;
      await tables.insertInto("quality_stop").values({ stream, at_ms, expectations, rule, reason }).onConflict((conflict) => conflict.column("stream").doNothing()).execute();
    },
    resume: async (acceptance) => {
      const { stream, nextOffset: next_offset, atMs: at_ms, reason } = acceptance;
      await database.transaction<QualityTables, void>(async (transaction) => {
        await transaction.deleteFrom("quality_stop").where("stream", "=", stream).execute();
        await transaction.insertInto("quality_acceptance").values({ stream, next_offset, at_ms, reason })
          .onConflict((conflict) => conflict.column("stream").doUpdateSet({ next_offset, at_ms, reason })).execute();
      });
      const stop = stopped.get(stream);
      stopped.delete(stream);
      accepted.set(stream, acceptance);
      return stop;
    },
  };
}
