/**
 * Who moves the traffic of served models: people through the routes, and the judge of canaries on every tick. Each
 * move first makes sure that its versions are loaded, then becomes durable with its reason, then reaches the books
 * that answer requests. One move after another.
 */
import type { Clock } from "../../kernel/clock.ts";
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import type { Logger } from "../../ports/telemetry.ts";
import { sumCounts } from "./arm-counts.ts";
import type { TrafficCounts } from "./arm-counts.ts";
import { judgeCanary } from "./canary-judge.ts";
import { namesIn, pinMove, pinnedReason } from "./pinned-move.ts";
import { mergeTallies, newTally, reportOf } from "./shadow-report.ts";
import type { ShadowReport, ShadowTally } from "./shadow-report.ts";
import { moveTraffic, newTraffic } from "./traffic-move.ts";
import type { TrafficMove } from "./traffic-move.ts";
import { versionsOf } from "./traffic-state.ts";
import type { TrafficState } from "./traffic-state.ts";
import type { TrafficRecord, TrafficStore } from "./traffic-store.ts";

export interface TrafficDeskOptions {
  readonly store: TrafficStore;
  readonly clock: Pick<Clock, "now">;
  readonly logger: Logger;
  /** Resolves when the version can answer, with the version that an alias means; raises why it cannot. */
  readonly warm: (model: string, version: string) => Promise<string>;
  /** The version that answers while nothing is said. MODEL_NOT_FOUND, MODEL_NOT_READY. */
  readonly defaultVersion: (model: string) => Promise<string>;
  /** Resolves when every process answers by these states. */
  readonly apply: (states: readonly TrafficState[]) => Promise<void> | void;
  /** What the processes counted. */
  readonly counts: () => readonly TrafficCounts[];
  readonly tallies: () => readonly ShadowTally[];
  /** Hears of each move after it is durable. */
  readonly onMove?: (record: TrafficRecord) => void;
}

export interface TrafficView {
  readonly model: string;
  /** null: the model's default version answers everybody. */
  readonly state: TrafficState | null;
  /** Since the last move. */
  readonly counts: TrafficCounts | null;
  /** What the judge of the canary says now; "" without one. */
  readonly verdict: string;
  /** Newest first. */
  readonly moves: readonly Omit<TrafficRecord, "state">[];
}

export interface TrafficDesk {
  /** Reads the states and applies them; versions that cannot be loaded are logged, and others answer for them. */
  open(): Promise<void>;
  move(model: string, move: TrafficMove, note: { readonly reason: string; readonly actor: string }): Promise<TrafficView>;
  view(model: string): Promise<TrafficView>;
  /** What copies showed; empty before there are any. */
  shadowReport(model: string): ShadowReport;
  /** Judges canaries, and takes over what other processes on the same store moved. */
  tick(): Promise<void>;
}

const SHOWN_MOVES = 20;

export function createTrafficDesk(options: TrafficDeskOptions): TrafficDesk {
  const { store, clock, logger } = options;
  const states = new Map<string, TrafficState>();
  let queue: Promise<unknown> = Promise.resolve();
  const oneAfterAnother = <T>(work: () => Promise<T>): Promise<T> => {
    const done = queue.then(work);
    queue = done.catch(() => undefined); // told to whoever asked
    return done;
  };
  const apply = async (): Promise<void> => options.apply([...states.values()]);

  const moveNow = async (model: string, move: TrafficMove, note: { readonly reason: string; readonly actor: string }): Promise<void> => {
    const before = states.get(model) ?? newTraffic(model, await options.defaultVersion(model));
    moveTraffic(before, move, clock.now()); // a move that makes no sense loads nothing
    const versions = new Map<string, string>();
    for (const name of namesIn(move)) versions.set(name, await options.warm(model, name));
    const after = await ready(moveTraffic(before, pinMove(move, versions), clock.now()), move.kind);
    const reason = pinnedReason(note.reason, versions);
    const record: TrafficRecord = { model, revision: after.revision, timeMs: clock.now(), kind: move.kind, actor: note.actor, reason, state: after };
    await store.save(record);
    states.set(model, after);
    await apply();
    logger.log("info", "traffic of a model moved", { model, kind: move.kind, reason });
    options.onMove?.(record);
  };

  /** The state when its versions are loaded. A version to go back to that is gone is forgotten rather than in the way. */
  const ready = async (state: TrafficState, kind: TrafficMove["kind"]): Promise<TrafficState> => {
    if (kind === "rollback") return state; // going back must not depend on anything that can fail
    const { model, standby } = state;
    for (const version of versionsOf({ ...state, standby: null })) await options.warm(model, version);
    return standby === null ? state : options.warm(model, standby).then(() => state, () => ({ ...state, standby: null }));
  };

  const judge = async (): Promise<void> => {
    for (const { model, canary, revision } of states.values()) {
      if (canary === null) continue;
      const verdict = judgeCanary(canary, sumCounts(model, revision, options.counts()), clock.now());
      if (verdict.action === "none") continue;
      const isLast = verdict.action === "advance" && canary.step + 1 >= canary.steps.length;
      await moveNow(model, { kind: isLast ? "promote" : verdict.action }, { reason: verdict.reason, actor: "canary" });
    }
  };
  const takeOver = async (): Promise<void> => {
    const stored = await store.states();
    if (stored.every(({ model, revision }) => states.get(model)?.revision === revision)) return;
    for (const state of stored) states.set(state.model, state);
    await apply();
  };
  const knownModel = async (model: string): Promise<void> => { if (!states.has(model)) await options.defaultVersion(model); };

  const view = async (model: string): Promise<TrafficView> => {
    await knownModel(model);
    const state = states.get(model) ?? null;
    const counts = state && sumCounts(model, state.revision, options.counts());
    const moves = (await store.records(model, SHOWN_MOVES)).map(({ state: _state, ...rest }) => rest);
    return { model, state, counts, verdict: state?.canary && counts ? judgeCanary(state.canary, counts, clock.now()).reason : "", moves };
  };

  return {
    open: () => oneAfterAnother(async () => {
      await store.open();
      for (const state of await store.states()) states.set(state.model, state);
      await apply();
      for (const state of states.values()) {
        for (const version of versionsOf(state)) {
          await options.warm(state.model, version).catch((thrown: unknown) => logger.log("warn", "a version that traffic is divided to is not there", { model: state.model, version, reason: reasonOf(thrown) }));
        }
      }
    }),
    move: (model, move, note) => oneAfterAnother(() => moveNow(model, move, note)).then(() => view(model)),
    view,
    shadowReport: (model) => {
      const tallies = options.tallies().filter((tally) => tally.model === model);
      const current = states.get(model)?.shadow?.version ?? tallies.at(-1)?.version;
      if (current === undefined) throw new StrataError("REQUEST_INVALID", { reason: `No copies of the requests of "${model}" were compared; start with \`strata traffic shadow\`.` });
      return reportOf(tallies.filter(({ version }) => version === current).reduce(mergeTallies, newTally(model, current)));
    },
    tick: () => oneAfterAnother(async () => {
      await takeOver();
      await judge();
    }),
  };
}
