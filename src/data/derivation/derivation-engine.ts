/** All derived streams of the definition in force: started, followed through changes, waited for, checkpointed and stopped together. */
import type { Application, Stream } from "../../define/index.ts";
import { hashDerivation } from "../../define/index.ts";
import { reasonOf } from "../../kernel/errors.ts";
import type { DerivationOptions } from "./derivation-session.ts";
import { runDerivation, type DerivationRun, type DerivationState } from "./derivation-run.ts";

export interface DerivationEngineOptions extends Omit<DerivationOptions, "stream"> {
  readonly application: () => Application;
}

export interface DerivationStatistics {
  readonly stream: string;
  readonly operator: "map" | "join" | "session";
  readonly state: DerivationState;
  readonly reason?: string;
  /** Per source: the next offset to apply, and the durable events that wait. */
  readonly sources: readonly { readonly stream: string; readonly position: number; readonly lagEvents: number }[];
  /** Events that came after the watermark, events without a key, and what is held for later. */
  readonly late: number;
  readonly keyless: number;
  readonly held: number;
}

export interface DerivationEngine extends AsyncDisposable {
  readonly name: "derivations";
  /** Starts every derived stream; what is there to be made is made in the background. */
  start(): void;
  /** Derivations that changed go on under their new definition from where they stood. */
  applyDefinition(next: Application): Promise<void>;
  /** Resolves when everything that is durable now in the sources of these streams, and in theirs, is applied. */
  fresh(streams: Iterable<string>, options?: { readonly signal?: AbortSignal }): Promise<void>;
  /** Next offset of `source` that the derived stream needs from the log; Infinity when it reads it no more. */
  safeOffset(source: string): number;
  checkpoint(): Promise<void>;
  statistics(): readonly DerivationStatistics[];
  health(): { readonly ok: boolean; readonly reason?: string };
  stop(deadlineMs?: number): Promise<void>;
}

interface Place {
  readonly stream: Stream;
  readonly hash: string;
  readonly run: DerivationRun;
}

export function createDerivationEngine(options: DerivationEngineOptions): DerivationEngine {
  const places = new Map<string, Place>();

  const begin = (stream: Stream): void => {
    places.set(stream.name, { stream, hash: hashDerivation(stream), run: runDerivation({ ...options, stream }) });
  };
  const derivedOf = (application: Application): readonly Stream[] => [...application.streams.values()].filter(({ derivation }) => derivation !== undefined);
  /** Sources first, so that what they make while stopping is still taken. */
  const inOrder = (): readonly Place[] => {
    const ordered = new Set<Place>();
    const visit = (place: Place | undefined): void => {
      if (place === undefined || ordered.has(place)) return;
      for (const { name } of place.stream.derivation!.sources) visit(places.get(name));
      ordered.add(place);
    };
    for (const place of places.values()) visit(place);
    return [...ordered];
  };

  const fresh: DerivationEngine["fresh"] = async (streams, waiting) => {
    for (const name of streams) {
      const place = places.get(name);
      if (place === undefined) continue;
      const sources = place.stream.derivation!.sources.map((source) => source.name);
      await fresh(sources, waiting);
      for (const source of sources) await place.run.caughtUp(source, options.log.statistics(source).nextOffset, waiting?.signal);
    }
  };

  const stop = async (deadlineMs?: number): Promise<void> => {
    for (const { run } of inOrder()) await run.stop(deadlineMs);
  };

  return {
    name: "derivations", fresh, stop,
    start: () => {
      for (const stream of derivedOf(options.application())) begin(stream);
    },
    applyDefinition: async (next) => {
      const wanted = new Map(derivedOf(next).map((stream) => [stream.name, stream]));
      for (const [name, { hash, run }] of places) {
        const stream = wanted.get(name);
        if (stream !== undefined && hashDerivation(stream) === hash) continue;
        await run.stop();
        places.delete(name);
      }
      for (const stream of wanted.values()) if (!places.has(stream.name)) begin(stream);
    },
    safeOffset: (source) => Math.min(Infinity, ...[...places.values()].flatMap(({ stream, run }) => (stream.derivation!.sources.some(({ name }) => name === source) ? [run.positions[source] ?? 0] : []))),
    checkpoint: async () => {
      await Promise.all([...places.values()].map(({ run }) => run.checkpoint()));
    },
    statistics: () => [...places.values()].map((place) => describePlace(place, options)),
    health: () => {
      const broken = [...places.values()].find(({ run }) => run.state === "failed" || run.state === "retrying");
      return broken === undefined ? { ok: true } : { ok: false, reason: `derived stream "${broken.stream.name}": ${reasonOf(broken.run.error)}` };
    },
    [Symbol.asyncDispose]: () => stop(),
  };
}

function describePlace({ stream, run }: Place, { log }: DerivationEngineOptions): DerivationStatistics {
  const { operator, sources } = stream.derivation!; // every place has one
  return {
    stream: stream.name, operator, state: run.state, ...(run.error === undefined ? {} : { reason: reasonOf(run.error) }), ...run.counts,
    sources: sources.map(({ name }) => {
      const position = run.positions[name] ?? 0;
      return { stream: name, position, lagEvents: Math.max(0, log.statistics(name).nextOffset - position) };
    }),
  };
}
