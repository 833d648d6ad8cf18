/**
 * The online feature engine: follows the streams' logs, keeps every view's windows in memory, answers reads within
 * microseconds, and checkpoints each view with its offset. What it answers at a time and an applied offset is, bit
 * for bit, what the point-in-time index answers for the same time and offset.
 */
import type { Application } from "../../define/index.ts";
import type { Clock } from "../../kernel/clock.ts";
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import type { EventLog } from "../../ports/event-log.ts";
import type { StateStore } from "../../ports/state-store.ts";
import type { Logger, Meter } from "../../ports/telemetry.ts";
import type { EventDecoder } from "../streams/event-decoder.ts";
import { createCheckpointer } from "./checkpointer.ts";
import type { StreamHistory } from "./stream-history.ts";
import type { ViewRebuild } from "./view-rebuild.ts";
import { createViewSeats } from "./view-seats.ts";
import type { FeatureSpill, ViewSeat, ViewSeats } from "./view-seats.ts";
import type { FeatureValue, ViewReader, ViewState } from "./view-state.ts";

export interface FeatureEngineOptions {
  /** The definition in force. */
  readonly application: () => Application;
  readonly log: EventLog;
  readonly decoder: EventDecoder;
  readonly states: StateStore;
  readonly clock: Clock;
  readonly meter: Meter;
  readonly logger: Logger;
  /** Events after which the views are checkpointed. Default 250,000: a restart replays at most a second or two. */
  readonly checkpointEvents?: number;
  /** Events after which the state of a view that is being built is saved, so that a restart goes on from there. Default 500,000. */
  readonly buildSaveEvents?: number;
  /** Events that retention has removed from the log. Default: views begin at the log's oldest event. */
  readonly history?: StreamHistory | undefined;
  /** Default: all rows stay in memory. */
  readonly spill?: FeatureSpill | undefined;
}

/** Features of many entities of one view at one moment. */
export interface FeatureRead {
  readonly view: string;
  /** One key per entity: its parts in the order of the view's entities. */
  readonly keys: readonly (readonly string[])[];
  /** ms since the epoch. */
  readonly atMs: number;
}

/**
 * One row per key, values in the order of the features of the view's definition in force. While a changed view is
 * being built, features that the old state lacks are null and the others are as the old definition has them.
 */
export type FeatureRows = readonly (readonly FeatureValue[])[];

export interface ViewProgressReport {
  readonly view: string;
  readonly done: number;
  readonly total: number;
}

export interface DefinitionProgress {
  /** Views that are being built, in events; a view that is in service is no longer listed. */
  progress(): readonly ViewProgressReport[];
  /** Resolves when every new or changed view is in service; rejects with the first failure. */
  readonly ready: Promise<void>;
}

export interface ViewStatistics {
  readonly view: string;
  readonly stream: string;
  readonly entities: number;
  /** Events that are kept, in memory and spilled. */
  readonly events: number;
  /** Events ever applied, without a usable key, and no longer in memory. */
  readonly appliedEvents: number;
  readonly keylessEvents: number;
  readonly evictedEvents: number;
  readonly memoryBytes: number;
  /** Entities whose rows are in the spill store, and their bytes. */
  readonly spilledEntities: number;
  readonly spilledBytes: number;
  /** Of the view's stream. */
  readonly appliedOffset: number;
  readonly eventsPerSecond: number;
  /** Share of the events read, present while a new state is being built. */
  readonly rebuild?: number;
}

export interface FeatureEngine extends AsyncDisposable {
  readonly name: "features";
  /** Loads the checkpoints and resolves when everything that is durable now is applied, save to views that are built from history first. */
  start(signal?: AbortSignal): Promise<void>;
  /** Applies what is durable, checkpoints and closes. */
  stop(deadlineMs?: number): Promise<void>;
  /** Resolves when everything that is durable in these streams at the time of the call is applied: read your writes. */
  fresh(streams: Iterable<string>, options?: { readonly timeoutMs?: number; readonly signal?: AbortSignal }): Promise<void>;
  /**
   * FEATURE_VIEW_NOT_FOUND, FEATURE_VIEW_BUILDING for a new view that is not ready, ENTITY_KEY_INVALID, or
   * FEATURE_TIME_TOO_OLD for times further back than the stream's lateness.
   */
  read(request: FeatureRead): FeatureRows;
  /** Several views at once, one result per request. */
  readMany(requests: readonly FeatureRead[]): readonly FeatureRows[];
  /** Reads one view as numbers; the same errors. Ask for it anew after each wait: a view that was built again has another state. */
  reader(view: string): ViewReader;
  /** Events of the stream below this offset are applied; 0 when no view follows the stream. */
  appliedOffset(stream: string): number;
  /** Views whose definition is unchanged keep their state, removed ones are dropped, the others are built from all history and then swapped in. */
  applyDefinition(next: Application): DefinitionProgress;
  /** Builds these views again from all history while the old state answers, then swaps them in. FEATURE_VIEW_NOT_FOUND, FEATURE_HISTORY_GONE. */
  rebuild(views: readonly string[]): DefinitionProgress;
  /** Saves every view that has moved on since its last checkpoint. */
  checkpoint(): Promise<void>;
  statistics(): readonly ViewStatistics[];
  health(): { readonly ok: boolean; readonly reason?: string };
}

/** A restart replays at most about a second of events per view. */
const DEFAULT_CHECKPOINT_EVENTS = 250_000;
/** A build is read again for a few seconds at most; saving it more often would cost more than that. */
const DEFAULT_BUILD_SAVE_EVENTS = 500_000;

export function createFeatureEngine(options: FeatureEngineOptions): FeatureEngine {
  const { log, states, logger, meter } = options;
  const checkpointer = createCheckpointer({
    states, logger, everyEvents: options.checkpointEvents ?? DEFAULT_CHECKPOINT_EVENTS, views: () => views.serving(),
  });
  const views = createViewSeats({
    ...options,
    buildSaveEvents: options.buildSaveEvents ?? DEFAULT_BUILD_SAVE_EVENTS,
    freshness: meter.histogram("strata_feature_freshness_seconds", "Seconds from an event's time until features show it"),
    onApplied: checkpointer.count, onRemoved: checkpointer.remove,
    onSeated: checkpointer.save, // or a restart would build it again
  });

  const fresh: FeatureEngine["fresh"] = async (streams, waiting) => {
    for (const stream of streams) {
      const follower = views.followers.get(stream);
      const target = follower === undefined ? 0 : log.statistics(stream).nextOffset;
      if (follower !== undefined && follower.nextOffset < target) await follower.consumer.caughtUp(target, waiting);
    }
  };

  const seated = (view: string): ViewSeat & { readonly serving: ViewState } => {
    const seat = views.seats.get(view);
    if (seat?.serving) return seat as ViewSeat & { readonly serving: ViewState };
    if (seat?.rebuild) throw new StrataError("FEATURE_VIEW_BUILDING", { view, ...seat.rebuild.progress() });
    throw new StrataError("FEATURE_VIEW_NOT_FOUND", { view, known: [...views.seats.keys()].join(", ") });
  };
  const read = ({ view, keys, atMs }: FeatureRead): FeatureRows => {
    const { serving, places } = seated(view);
    const rows = keys.map((key) => serving.read(key, atMs));
    return places === undefined ? rows : rows.map((row) => places.map((place) => row[place] ?? null));
  };

  const stop = async (deadlineMs?: number): Promise<void> => {
    try {
      await views.close(deadlineMs);
    } finally {
      try {
        await checkpointer.save();
      } finally {
        await views.release();
      }
    }
  };

  return {
    name: "features",
    start: async (signal) => {
      try {
        await views.load(options.application());
        await fresh(views.followers.keys(), signal && { signal });
      } catch (thrown) {
        await views.close(0).catch(() => undefined); // the first failure is the one worth reporting
        throw thrown;
      }
    },
    stop, fresh, read,
    readMany: (requests) => requests.map(read),
    reader: (view) => {
      const { serving, places } = seated(view);
      return places === undefined ? serving : readerAt(serving, places);
    },
    appliedOffset: (stream) => views.followers.get(stream)?.nextOffset ?? 0,
    applyDefinition: (next) => {
      const rebuilds = views.change(next);
      return { progress: () => reportProgress(views), ready: settled(rebuilds) };
    },
    rebuild: (names) => {
      const rebuilds = views.rebuild(names);
      return { progress: () => reportProgress(views), ready: settled(rebuilds) };
    },
    checkpoint: checkpointer.save,
    statistics: () => [...views.seats].map(([name, seat]) => describeSeat(name, seat, views)),
    health: () => {
      const reason = failureOf(views);
      return reason === undefined ? { ok: true } : { ok: false, reason };
    },
    [Symbol.asyncDispose]: () => stop(),
  };
}

/** While a changed view is being built: the old state's numbers, with the features in the order of the new definition. */
function readerAt(state: ViewState, places: readonly number[]): ViewReader {
  return {
    width: state.width, evaluate: state.evaluate,
    valueOf: (feature, values, start) => (places[feature]! < 0 ? null : state.valueOf(places[feature]!, values, start)),
  };
}

/** A caller that does not wait must not be brought down by a rejection that was already logged. */
function settled(rebuilds: readonly ViewRebuild[]): Promise<void> {
  const ready = Promise.all(rebuilds.map((rebuild) => rebuild.ready)).then(() => undefined);
  ready.catch(() => undefined);
  return ready;
}

function reportProgress({ seats }: ViewSeats): readonly ViewProgressReport[] {
  return [...seats].flatMap(([view, { rebuild }]) => (rebuild === undefined ? [] : [{ view, ...rebuild.progress() }]));
}

function describeSeat(view: string, { serving, rebuild }: ViewSeat, { followers }: ViewSeats): ViewStatistics {
  const state = serving ?? rebuild!.state; // one of the two is always there
  const { progress, store } = state;
  const stream = state.view.from.name;
  return {
    view, stream, entities: store.entityCount, events: store.eventCount,
    appliedEvents: progress.appliedEvents, keylessEvents: progress.keylessEvents, evictedEvents: progress.evictedEvents,
    memoryBytes: store.memoryBytes(), spilledEntities: store.spillStatistics()?.entities ?? 0, spilledBytes: store.spillStatistics()?.usedBytes ?? 0,
    appliedOffset: progress.nextOffset, eventsPerSecond: followers.get(stream)?.eventsPerSecond() ?? 0,
    ...(rebuild === undefined ? {} : { rebuild: shareOf(rebuild.progress()) }),
  };
}

const shareOf = ({ done, total }: ReturnType<ViewRebuild["progress"]>): number => (total === 0 ? 1 : done / total);

function failureOf({ seats, followers }: ViewSeats): string | undefined {
  for (const { stream, consumer } of followers.values()) {
    if (consumer.state === "failed") return `stream "${stream}" is not followed: ${reasonOf(consumer.error)}`;
  }
  for (const [view, { failure }] of seats) if (failure !== undefined) return `view "${view}" could not be built: ${failure}`;
  return undefined;
}
