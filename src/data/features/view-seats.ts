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
import { createStreamFollower } from "./stream-follower.ts";
import type { StreamFollower, StreamSource } from "./stream-follower.ts";
import { hashViewState, loadViewState, startAt } from "./view-checkpoint.ts";
import { loadAgain, watchSpill } from "./view-reload.ts";
import { rebuildView } from "./view-rebuild.ts";
import type { ViewRebuild } from "./view-rebuild.ts";
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
  /** Seats every view with its checkpoint, or at the beginning of the log, and begins to follow the streams. */
  load(application: Application): Promise<void>;
  /** Reseats the views of another definition; returns the rebuilds under way. */
  change(next: Application): readonly ViewRebuild[];
  /**
   * Builds views of the definition in force again from all history; one that is being built is not begun anew. FEATURE_VIEW_NOT_FOUND,
   * FEATURE_HISTORY_GONE when retention has removed events from the log that the state in service still knows.
   */
  rebuild(names: readonly string[]): readonly ViewRebuild[];
  /** Closes the spill stores of all states; after that nothing can be read. */
  release(): void;
  /** Ends all rebuilds and, after what is durable is applied, all followers; rejects with the first failure. */
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
  readonly onSeated: () => void;
  readonly onRemoved: (view: string) => void;
  readonly spill?: FeatureSpill | undefined;
}

export function createViewSeats(options: ViewSeatsOptions): ViewSeats {
  const { log, states, logger } = options;
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

  const seat = (state: ViewState): void => {
    const { name, from } = state.view;
    retire(seats.get(name)?.serving);
    followers.get(from.name)!.states.add(state);
    seats.set(name, { serving: state });
    options.onSeated();
    logger.log("info", `Feature view "${name}" is built and in service`, { view: name, offset: state.progress.nextOffset });
  };

  const build = (view: FeatureView, serving: ViewState | undefined): ViewRebuild => {
    const stream = view.from.name;
    const bounds = log.statistics(stream);
    const follower = followers.get(stream) ?? follow(stream, bounds.nextOffset);
    const state = startAt(createViewState(view, storeOptions(view.name)), bounds, logger);
    const rebuild = rebuildView({ ...options, follower, state, latenessMs: latenessOf(stream), onReady: seat });
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
      oldestOffset: () => log.statistics(stream).oldestOffset,
      load: () => loadViewState(view, states, { log: { oldestOffset: 0, nextOffset: log.statistics(stream).nextOffset }, logger, ...storeOptions(name) }),
      catchUp: (state) => rebuildView({ ...options, follower: followers.get(stream)!, state, latenessMs: latenessOf(stream), onReady: seat }), // the damaged state was followed
    })) });
  };

  /** Keeps what fits the new definition, be it in service or being built, and builds the rest. */
  const reseat = (view: FeatureView): readonly ViewRebuild[] => {
    const hash = hashViewState(view);
    const { serving, rebuild, failure } = seats.get(view.name) ?? {};
    if (rebuild && failure === undefined && hashViewState(rebuild.state.view) === hash) return [rebuild];
    rebuild?.cancel();
    if (serving === undefined || hashViewState(serving.view) !== hash) return [build(view, serving)];
    seats.set(view.name, { serving });
    return [];
  };

  const remove = (view: string, { serving, rebuild }: ViewSeat): void => {
    rebuild?.cancel();
    retire(serving);
    seats.delete(view);
    options.onRemoved(view);
  };

  return {
    seats, followers,
    serving: () => [...seats.values()].flatMap(({ serving }) => serving ?? []),
    load: async (first) => {
      application = first;
      const views = [...first.featureViews.values()];
      const loaded = await Promise.all(views.map((view) => loadViewState(view, states, { log: log.statistics(view.from.name), logger, ...storeOptions(view.name) })));
      for (const [stream, group] of Map.groupBy(loaded, (state) => state.view.from.name)) {
        const follower = follow(stream, Math.min(...group.map((state) => state.progress.nextOffset)));
        for (const state of group) {
          seats.set(state.view.name, { serving: state });
          follower.states.add(state);
        }
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
      const { oldestOffset } = log.statistics(view.from.name);
      if (serving !== undefined && oldestOffset > 0) throw new StrataError("FEATURE_HISTORY_GONE", { view: name, stream: view.from.name, oldest: oldestOffset });
      return rebuild !== undefined && failure === undefined ? rebuild : build(view, serving);
    }),
    release: () => {
      for (const { serving, rebuild } of seats.values()) for (const state of [serving, rebuild?.state]) state?.store.close();
    },
    close: async (deadlineMs) => {
      for (const { rebuild } of seats.values()) rebuild?.cancel();
      const results = await Promise.allSettled([...followers.values()].map(({ consumer }) => consumer.stop(deadlineMs)));
      closing.abort();
      const failed = results.find((result) => result.status === "rejected");
      if (failed) throw failed.reason;
    },
  };
}

function placesOf(wanted: FeatureView, served: FeatureView): readonly number[] {
  const names = Object.keys(served.features);
  return Object.keys(wanted.features).map((name) => names.indexOf(name));
}
