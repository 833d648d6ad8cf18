/**
 * The candidate sources of an application, kept up to date with their streams: reads are synchronous and see one
 * moment; checkpoints keep a restart short; a changed definition is built beside the running one and then swapped in.
 */
import type { Application, Candidates } from "../../define/index.ts";
import { hashCandidates } from "../../define/index.ts";
import type { Clock } from "../../kernel/clock.ts";
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import type { EventLog } from "../../ports/event-log.ts";
import type { StateStore } from "../../ports/state-store.ts";
import type { Logger, Meter } from "../../ports/telemetry.ts";
import type { EventDecoder } from "../streams/event-decoder.ts";
import { STATE_PREFIX, followCandidates, stateName } from "./candidate-follower.ts";
import type { CandidateFollower, EventHistory } from "./candidate-follower.ts";
import type { Candidate, CandidateQuery } from "./candidate-index.ts";

export interface CandidateEngineOptions {
  /** The definition in force. */
  readonly application: () => Application;
  readonly log: EventLog;
  readonly decoder: EventDecoder;
  readonly states: StateStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly meter: Meter;
  /** Where events are read that the log has dropped. Without it an index that must be rebuilt misses them, and says so. */
  readonly history?: EventHistory;
  /** A checkpoint is written after so many events. Default 100,000: about a second to replay. */
  readonly checkpointEvents?: number;
}

export interface FreshOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface CandidateStatistics {
  /** Name of the candidate source. */
  readonly candidates: string;
  readonly items: number;
  readonly users: number;
  /** Next offset to apply, per stream. */
  readonly appliedOffsets: Readonly<Record<string, number>>;
}

export interface CandidateEngine extends AsyncDisposable {
  /** Loads the checkpoints and resolves when everything that is durable now is applied. */
  start(signal?: AbortSignal): Promise<void>;
  /** Candidates as of the offsets applied now: a synchronous, pure read. NOT_FOUND when there is no such source. */
  query(name: string, query: CandidateQuery): readonly Candidate[];
  /** Next offset to apply of each stream of the source: what `query` in the same turn has seen. */
  appliedOffsets(name: string): Readonly<Record<string, number>>;
  /** Resolves when every event of these streams (default: all) that is durable now is applied. */
  fresh(streams?: Iterable<string>, options?: FreshOptions): Promise<void>;
  /** Builds what is new or changed by replay, then swaps it in; drops what is gone. */
  applyDefinition(application: Application): Promise<void>;
  /** Saves the state of every index with its offsets. */
  checkpoint(): Promise<void>;
  statistics(): readonly CandidateStatistics[];
  /** Stops following and saves a checkpoint. */
  stop(): Promise<void>;
}

/** Does nothing until `start`. */
export function createCandidateEngine(options: CandidateEngineOptions): CandidateEngine {
  const { log, decoder, states, clock, logger, meter, history, checkpointEvents = 100_000 } = options;
  const applied = meter.counter("strata_candidate_events_total", "Events applied to candidate indexes");
  const saving = meter.histogram("strata_candidate_checkpoint_seconds", "Seconds to save a candidate index");
  const followers = new Map<string, CandidateFollower>();
  let changing: Promise<void> = Promise.resolve();
  let checkpointing: Promise<void> | undefined;

  const follow = (candidates: Candidates): Promise<CandidateFollower> => followCandidates(candidates, {
    log, decoder, states, logger, history,
    onApplied: (stream, events) => {
      applied.add(events, { candidates: candidates.name, stream });
      const follower = followers.get(candidates.name);
      if (follower && follower.unsavedEvents >= checkpointEvents) checkpointing ??= saveAll().finally(() => { checkpointing = undefined; });
    },
  });
  /** A checkpoint that fails costs time at the next start, nothing else. */
  const saveAll = async (): Promise<void> => {
    for (const follower of followers.values()) {
      const startedMs = clock.monotonicMs();
      await follower.checkpoint().catch((thrown: unknown) => logger.log("error", "A candidate index could not be saved", { candidates: follower.candidates.name, reason: reasonOf(thrown) }));
      saving.record((clock.monotonicMs() - startedMs) / 1_000);
    }
  };
  const replace = async (candidates: Candidates, running: CandidateFollower | undefined): Promise<void> => {
    const follower = await follow(candidates);
    try {
      if (running) await follower.caughtUp(); // until then the running one answers
    } catch (thrown) {
      await follower.stop();
      throw thrown;
    }
    followers.set(candidates.name, follower);
    await running?.stop();
  };
  const change = async (application: Application): Promise<void> => {
    for (const candidates of application.candidates.values()) {
      const running = followers.get(candidates.name);
      if (running?.hash !== hashCandidates(candidates)) await replace(candidates, running);
    }
    for (const [name, follower] of followers) {
      if (application.candidates.has(name)) continue;
      followers.delete(name);
      await follower.stop();
    }
    await removeOtherStates(states, [...followers.values()].map(({ candidates }) => candidates));
  };
  const applyDefinition = (application: Application): Promise<void> => {
    const next = changing.catch(() => undefined).then(() => change(application));
    changing = next;
    return next;
  };
  const followerOf = (name: string): CandidateFollower => {
    const follower = followers.get(name);
    if (!follower) throw new StrataError("NOT_FOUND", { kind: "candidate source", name, known: [...followers.keys()].join(", ") });
    return follower;
  };
  const fresh = async (streams?: Iterable<string>, waiting?: FreshOptions): Promise<void> => {
    const wanted = streams && new Set(streams);
    await Promise.all([...followers.values()].map((follower) => follower.caughtUp(wanted, waiting)));
  };
  const stop = async (): Promise<void> => {
    await changing.catch(() => undefined);
    await Promise.all([...followers.values()].map((follower) => follower.stop()));
    await checkpointing;
    await saveAll();
    followers.clear();
  };

  return {
    start: async (signal) => {
      await applyDefinition(options.application());
      await fresh(undefined, signal && { signal });
    },
    query: (name, query) => followerOf(name).index.query(query),
    appliedOffsets: (name) => ({ ...followerOf(name).offsets }),
    fresh,
    applyDefinition,
    checkpoint: saveAll,
    statistics: () => [...followers].map(([candidates, { index, offsets }]) => ({ candidates, items: index.items, users: index.users, appliedOffsets: { ...offsets } })),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Checkpoints of definitions that are gone or were changed. */
async function removeOtherStates(states: StateStore, running: readonly Candidates[]): Promise<void> {
  const kept = new Set(running.map(stateName));
  for (const name of await states.names()) {
    if (name.startsWith(STATE_PREFIX) && !kept.has(name)) await states.delete(name);
  }
}
