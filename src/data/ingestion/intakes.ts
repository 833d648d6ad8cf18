/**
 * The intake of each stream, opened when first needed and remade when the definition changes. Counts what is under
 * way, so that closing waits for it.
 */
import { StrataError } from "../../kernel/errors.ts";
import { hash32 } from "../../kernel/random.ts";
import type { Stream } from "../../define/index.ts";
import type { Logger } from "../../ports/telemetry.ts";
import { createIdHash } from "./id-hash.ts";
import type { IngestMetrics } from "./ingest-metrics.ts";
import { createRecentIds } from "./recent-ids.ts";
import { openStreamIntake, redefineIntake } from "./stream-intake.ts";
import type { IntakeOptions, StreamIntake } from "./stream-intake.ts";

export interface Intakes {
  definition(stream: string): Stream;
  /** Runs `work` with the stream's intake. STREAM_NOT_FOUND; CLOSED after `close`. */
  use<T>(stream: string, work: (intake: StreamIntake, metrics: IngestMetrics) => Promise<T>): Promise<T>;
  /** Opens the intakes of all streams, so that no request waits for it. */
  openAll(): Promise<void>;
  /** Takes nothing new and resolves when nothing is under way. */
  close(): Promise<void>;
}

export interface IntakesOptions extends IntakeOptions {
  readonly streams: () => ReadonlyMap<string, Stream>;
  readonly logger: Logger;
  readonly metricsOf: (stream: string) => IngestMetrics;
}

interface OpenIntake {
  intake: StreamIntake;
  readonly metrics: IngestMetrics;
}

export function createIntakes(options: IntakesOptions): Intakes {
  const opening = new Map<string, Promise<OpenIntake>>();
  const open = new Map<string, OpenIntake>();
  const underWay = new Set<Promise<unknown>>();
  const key = options.ids.next();
  const hash = createIdHash(hash32(key), hash32(key, 1));
  let isClosed = false;

  const definition = (name: string): Stream => {
    const streams = options.streams();
    const stream = streams.get(name);
    if (stream === undefined) throw new StrataError("STREAM_NOT_FOUND", { stream: name, known: [...streams.keys()].join(", ") });
    return stream;
  };

  const openIntake = async (stream: Stream): Promise<OpenIntake> => {
    const startedMs = options.clock.now();
    const intake = await openStreamIntake(stream, { ...options, recentIds: createRecentIds(options.dedupeRecords, hash) });
    const opened = { intake, metrics: options.metricsOf(stream.name) };
    open.set(stream.name, opened);
    options.logger.log("debug", `Ingestion of stream "${stream.name}" is ready.`, { stream: stream.name, tookMs: options.clock.now() - startedMs });
    return opened;
  };

  /** Not a promise once it is open: then requests reach the log in the order they came. */
  const intakeFor = (stream: Stream): OpenIntake | Promise<OpenIntake> => {
    const ready = open.get(stream.name);
    if (ready !== undefined) {
      if (ready.intake.stream !== stream) ready.intake = redefineIntake(ready.intake, stream, options.door);
      return ready;
    }
    let pending = opening.get(stream.name);
    if (pending === undefined) {
      pending = openIntake(stream).finally(() => opening.delete(stream.name));
      opening.set(stream.name, pending);
    }
    return pending;
  };

  const run = async <T>(name: string, work: (intake: StreamIntake, metrics: IngestMetrics) => Promise<T>): Promise<T> => {
    if (isClosed) throw new StrataError("CLOSED", { what: "Ingestion" });
    const found = intakeFor(definition(name));
    const { intake, metrics } = found instanceof Promise ? await found : found;
    return work(intake, metrics);
  };

  return {
    definition,
    use: async (name, work) => {
      const running = run(name, work);
      underWay.add(running);
      try {
        return await running;
      } finally {
        underWay.delete(running);
      }
    },
    openAll: async () => {
      for (const stream of options.streams().values()) await intakeFor(stream);
    },
    close: async () => {
      isClosed = true;
      await Promise.allSettled(underWay);
    },
  };
}
