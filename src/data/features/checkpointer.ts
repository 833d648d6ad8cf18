/** Saves views one after another, when asked and after so many events; a save that fails is logged and tried again with the next. */
import { reasonOf } from "../../kernel/errors.ts";
import type { StateStore } from "../../ports/state-store.ts";
import type { Logger } from "../../ports/telemetry.ts";
import { deleteViewState, saveViewState } from "./view-checkpoint.ts";
import type { ViewState } from "./view-state.ts";

export interface Checkpointer {
  /** Counts applied events towards the next automatic checkpoint. */
  count(events: number): void;
  /** Saves every view that has moved on; rejects with the first failure. */
  save(): Promise<void>;
  /** Forgets a view that is no longer defined. */
  remove(view: string): void;
}

export interface CheckpointerOptions {
  readonly states: StateStore;
  readonly logger: Logger;
  readonly everyEvents: number;
  /** The views in service. */
  readonly views: () => readonly ViewState[];
}

export function createCheckpointer({ states, logger, everyEvents, views }: CheckpointerOptions): Checkpointer {
  const savedOffsets = new WeakMap<ViewState, number>();
  let events = 0;
  let isSaving = false;
  let turn: Promise<unknown> = Promise.resolve();

  /** One write at a time, so that an old state can never overwrite a newer one. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = turn.then(work);
    turn = result.catch(() => undefined); // the caller hears of it
    return result;
  };
  const saveAll = async (): Promise<void> => {
    events = 0;
    for (const state of views()) {
      const { nextOffset } = state.progress;
      if (savedOffsets.get(state) === nextOffset) continue;
      await saveViewState(state, states);
      savedOffsets.set(state, nextOffset);
    }
  };
  const saveAutomatically = async (): Promise<void> => {
    isSaving = true;
    try {
      await inTurn(saveAll);
    } catch (thrown) {
      logger.log("error", `Feature views could not be checkpointed: ${reasonOf(thrown)}`);
    }
    isSaving = false;
  };

  return {
    save: () => inTurn(saveAll),
    count: (applied) => {
      events += applied;
      if (events >= everyEvents && !isSaving) void saveAutomatically();
    },
    remove: (view) => {
      inTurn(() => deleteViewState(view, states)).catch((thrown: unknown) => {
        logger.log("warn", `The checkpoint of the removed feature view "${view}" could not be deleted: ${reasonOf(thrown)}`, { view });
      });
    },
  };
}
