/**
 * Which state answers for each view. A changed definition gets a new state built in the background, which takes the
 * old one's seat when it has caught up; a view that is new has an empty seat until then.
 */
import type { Application, FeatureView } from "../../define/index.ts";
import { StrataError, isStrataError, reasonOf } from "../../kernel/errors.ts";
import type { StateStore } from "../../ports/state-store.ts";
import type { SpillStore } from "../../ports/spill-store.ts";
import type { Histogram, Logger } from "../../ports/telemetry.ts";
import type { StoreOptions } from "./entity-store.ts";
import { createBuildCheckpoints } from "./build-checkpoint.ts";
import type { StreamHistory } from "./stream-history.ts";
import { createStreamFollower } from "./stream-follower.ts";
import type { StreamFollower, StreamSource } from "./stream-follower.ts";
import { hashViewState, loadViewState, startAt } from "./view-checkpoint.ts";
import type { LogBounds } from "./view-checkpoint.ts";
import { loadAgain, watchSpill } from "./view-reload.ts";
import { rebuildView } from "./view-rebuild.ts";
import type { RebuildOptions, ViewRebuild } from "./view-rebuild.ts";
import { createViewState } from "./view-state.ts";
import type { ViewState } from "./view-state.ts";

/** A view's place: the state that answers, the one that will, and why the latter will not. */
export interface ViewSeat {
  readonly serving?: ViewState | undefined;
  /** Where the definition's features are in the state that answers, -1 for new ones; absent when it is the state of this definition. */
  readonly places?: readonly number[] | undefined;
  readonly rebuild?: ViewRebuild;
  failure?: string;
}

export interface ViewSeats {
  readonly seats: ReadonlyMap<string, ViewSeat>;
  readonly followers: ReadonlyMap<string, StreamFollower>;
  /** States that answer now. */
  serving(): readonly ViewState[];
  /**
   * Seats every view with its checkpoint, or at the beginning of the log, and begins to follow the streams. A view that
   * needs events from before the log's oldest one is built in the background.
   */
  load(application: Application): Promise<void>;
  /** Reseats the views of another definition; returns the rebuilds under way. */
  change(next: Application): readonly ViewRebuild[];
  /**
   * Builds views of the definition in force again from all history; one that is being built is not begun anew. FEATURE_VIEW_NOT_FOUND,
   * FEATURE_HISTORY_GONE when neither the log nor the history has events that the state in service still knows.
   */
  rebuild(names: readonly string[]): readonly ViewRebuild[];
  /** Closes the spill stores of all states, after what is being written; after that nothing can be read. */
  release(): Promise<void>;
  /** Suspends all rebuilds and, after what is durable is applied, all followers; rejects with the first failure. */
  close(deadlineMs?: number): Promise<void>;
}

/** Where the rows of views go that do not fit into memory. */
export interface FeatureSpill {
  /** The most bytes of rows that one view keeps in memory. */
  readonly residentBytes: number;
  /** A new spill store for a view. */
  readonly open: (view: string) => SpillStore;
}

export interface ViewSeatsOptions extends StreamSource {
  readonly states: StateStore;
  readonly logger: Logger;
  readonly freshness: Histogram;
  readonly onApplied: (events: number) => void;
  /** Resolves when the states in service are saved, so that a build's own checkpoint can go. */
  readonly onSeated: () => Promise<void>;
  readonly onRemoved: (view: string) => void;
  readonly spill?: FeatureSpill | undefined;
  /** Events that retention has removed from the log. Default: none, and views begin at the log's oldest event. */
  readonly history?: StreamHistory | undefined;
  /** Events after which the state of a view that is being built is saved. */
  readonly buildSaveEvents: number;
}

export function createViewSeats(options: ViewSeatsOptions): ViewSeats {
  const { log, states, logger, history } = options;
  const builds = createBuildCheckpoints(states, logger);
  const seats = new Map<string, ViewSeat>();
  const followers = new Map<string, StreamFollower>();
  const closing = new AbortController();
  let application: Application | undefined;

  const storeOptions = (view: string): StoreOptions => {
    const { spill } = options;
    if (spill === undefined) return {};
    const onFailure = (reason: string): void => logger.log("error", `Feature view "${view}" keeps more in memory than it should: ${reason}`, { view });
    const open = (): SpillStore => {
      const store = watchSpill(spill.open(view), () => queueMicrotask(() => reload(view, store))); // whoever met the damage is in the middle of the state
      return store;
    };
    return { spill: { residentBytes: spill.residentBytes, open, onFailure } };
  };

  const latenessOf = (stream: string) => (): number => application?.streams.get(stream)?.latenessMs ?? Number.POSITIVE_INFINITY;

  const reach = (stream: string): LogBounds => {
    const { oldestOffset, nextOffset } = log.statistics(stream);
    return { oldestOffset: history?.oldestOffset(stream, oldestOffset) ?? oldestOffset, nextOffset };
  };

  const follow = (stream: string, fromOffset: number): StreamFollower => {
    const follower = createStreamFollower({ ...options, stream, fromOffset, latenessMs: latenessOf(stream), signal: closing.signal });
    followers.set(stream, follower);
    void follower.consumer.ended.then(() => {
      if (follower.consumer.state === "failed") logger.log("error", `Features no longer follow stream "${stream}": ${reasonOf(follower.consumer.error)}`, { stream });
    });
    return follower;
  };

  const retire = (state: ViewState | undefined): void => {
    if (state === undefined) return;
    followers.get(state.view.from.name)?.states.delete(state);
    state.store.close();
  };

  /** Once the state in service is saved, its build needs no checkpoint of its own; until then a restart would begin anew without it. */
  const saveSeated = (view: string): void => void options.onSeated().then(() => builds.forget(view), (thrown: unknown) => {
    logger.log("error", `Feature views could not be checkpointed: ${reasonOf(thrown)}`);
  });

  const seat = (state: ViewState): void => {
    const { name, from } = state.view;
    retire(seats.get(name)?.serving);
    followers.get(from.name)!.states.add(state);
    seats.set(name, { serving: state });
    saveSeated(name);
    logger.log("info", `Feature view "${name}" is built and in service`, { view: name, offset: state.progress.nextOffset });
  };

  const replay = (state: ViewState, follower: StreamFollower, resume: RebuildOptions["resume"]): ViewRebuild =>
    rebuildView({ ...options, follower, state, resume, latenessMs: latenessOf(follower.stream), onReady: seat, save: builds.save, saveEvents: options.buildSaveEvents });

  /** From the beginning, or from what an earlier build came to, or from the state that is given. */
  const build = (view: FeatureView, serving: ViewState | undefined, taken?: ViewState): ViewRebuild => {
    const stream = view.from.name;
    const bounds = reach(stream);
    const follower = followers.get(stream) ?? follow(stream, bounds.nextOffset);
    const state = taken ?? startAt(createViewState(view, storeOptions(view.name)), bounds, logger);
    const rebuild = replay(state, follower, async () => (taken === undefined ? builds.load(view, reach(stream), storeOptions(view.name)) : undefined));
    if (seats.get(view.name)?.serving !== state) seats.set(view.name, { serving, places: serving && placesOf(view, serving.view), rebuild });
    return watchRebuild(view.name, rebuild);
  };

  const watchRebuild = (view: string, rebuild: ViewRebuild): ViewRebuild => {
    rebuild.ready.catch((thrown: unknown) => {
      rebuild.state.store.close();
      if (isStrataError(thrown) && thrown.code === "ABORTED") return;
      logger.log("error", `Feature view "${view}" could not be built: ${reasonOf(thrown)}`, { view });
      const failed = seats.get(view);
      if (failed?.rebuild === rebuild) failed.failure = reasonOf(thrown);
    });
    return rebuild;
  };

  /** The state that answers lost entities to a damaged spill file: nothing answers until one from the checkpoint and the log does. */
  const reload = (name: string, store: SpillStore): void => {
    const { serving, rebuild } = seats.get(name) ?? {};
    if (closing.signal.aborted || serving === undefined || serving.store.spilledTo !== store) return;
    logger.log("error", `The spill file of feature view "${name}" is damaged: the view is loaded again from its checkpoint and the log`, { view: name });
    retire(serving);
    const { view } = serving;
    const stream = view.from.name;
    seats.set(name, { rebuild: rebuild ?? watchRebuild(name, loadAgain({
      damaged: serving,
      oldestOffset: () => reach(stream).oldestOffset,
      load: () => loadViewState(view, states, { log: { oldestOffset: 0, nextOffset: log.statistics(stream).nextOffset }, logger, ...storeOptions(name) }),
      catchUp: (state) => replay(state, followers.get(stream)!, async () => undefined), // the damaged state was followed
    })) });
  };

  /** Keeps what fits the new definition, be it in service or being built, and builds the rest. */
  const reseat = (view: FeatureView): readonly ViewRebuild[] => {
    const hash = hashViewState(view);
    const { serving, rebuild, failure } = seats.get(view.name) ?? {};
    if (rebuild && failure === undefined && hashViewState(rebuild.state.view) === hash) return [rebuild];
    if (rebuild) discard(rebuild, hash);
    if (serving === undefined || hashViewState(serving.view) !== hash) return [build(view, serving)];
    seats.set(view.name, { serving });
    return [];
  };

  /** Where a failed build of the same definition stands is kept: it may be tried again. */
  const discard = (rebuild: ViewRebuild, wantedHash?: string): void => {
    rebuild.cancel();
    if (hashViewState(rebuild.state.view) !== wantedHash) void builds.forget(rebuild.state.view.name);
  };

  const remove = (view: string, { serving, rebuild }: ViewSeat): void => {
    if (rebuild) discard(rebuild);
    else void builds.forget(view); // a backfill that a restart cut off
    retire(serving);
    seats.delete(view);
    options.onRemoved(view);
  };

  /** From its checkpoint or its build's, whichever is further; else at the beginning. */
  const load = async (view: FeatureView): Promise<{ readonly state: ViewState; readonly isBuild: boolean }> => {
    const bounds = reach(view.from.name);
    const state = await loadViewState(view, states, { log: bounds, logger, ...storeOptions(view.name) });
    const built = await builds.load(view, bounds, storeOptions(view.name));
    const isBuild = built !== undefined && built.progress.nextOffset > state.progress.nextOffset;
    (isBuild ? state : built)?.store.close();
    return { state: isBuild ? built : state, isBuild };
  };

  return {
    seats, followers,
    serving: () => [...seats.values()].flatMap(({ serving }) => serving ?? []),
    load: async (first) => {
      application = first;
      await builds.forgetOthers(first.featureViews);
      const loaded = await Promise.all([...first.featureViews.values()].map(load));
      const isBehind = ({ state }: { readonly state: ViewState }): boolean => state.progress.nextOffset < log.statistics(state.view.from.name).oldestOffset;
      for (const [stream, group] of Map.groupBy(loaded.filter((one) => !isBehind(one)), ({ state }) => state.view.from.name)) {
        const follower = follow(stream, Math.min(...group.map(({ state }) => state.progress.nextOffset)));
        for (const { state } of group) {
          seats.set(state.view.name, { serving: state });
          follower.states.add(state);
        }
      }
      for (const { state, isBuild } of loaded) {
        if (isBehind({ state })) build(state.view, undefined, state);
        else if (isBuild) saveSeated(state.view.name);
      }
    },
    change: (next) => {
      application = next;
      for (const [view, each] of seats) if (!next.featureViews.has(view)) remove(view, each);
      return [...next.featureViews.values()].flatMap(reseat);
    },
    rebuild: (names) => names.map((name) => {
      const view = application?.featureViews.get(name);
      if (view === undefined) throw new StrataError("FEATURE_VIEW_NOT_FOUND", { view: name, known: [...seats.keys()].join(", ") });
      const { serving, rebuild, failure } = seats.get(name) ?? {};
      const { oldestOffset } = reach(view.from.name);
      if (serving !== undefined && oldestOffset > 0) throw new StrataError("FEATURE_HISTORY_GONE", { view: name, stream: view.from.name, oldest: oldestOffset });
      return rebuild !== undefined && failure === undefined ? rebuild : build(view, serving);
    }),
    release: async () => {
      await builds.idle();
      for (const { serving, rebuild } of seats.values()) for (const state of [serving, rebuild?.state]) state?.store.close();
    },
    close: async (deadlineMs) => {
      const suspended = [...seats.values()].flatMap(({ rebuild }) => rebuild?.suspend() ?? []);
      const results = await Promise.allSettled([...followers.values()].map(({ consumer }) => consumer.stop(deadlineMs)));
      closing.abort();
      await Promise.all(suspended);
      const failed = results.find((result) => result.status === "rejected");
      if (failed) throw failed.reason;
    },
  };
}

function placesOf(wanted: FeatureView, served: FeatureView): readonly number[] {
  const names = Object.keys(served.features);
  return Object.keys(wanted.features).map((name) => names.indexOf(name));
}
