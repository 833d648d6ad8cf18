/** Brings a view back whose spilled entities were damaged on the disk: noticing it, and loading the view again. */
import { StrataError, isStrataError } from "../../kernel/errors.ts";
import type { SpillStore } from "../../ports/spill-store.ts";
import type { ViewRebuild } from "./view-rebuild.ts";
import type { ViewState } from "./view-state.ts";

/** The same store, which tells of damage once. */
export function watchSpill(store: SpillStore, onDamaged: () => void): SpillStore {
  let isTold = false;
  const watched = (work: (kept: number) => Uint8Array) => (kept: number): Uint8Array => {
    try {
      return work(kept);
    } catch (thrown) {
      if (!isTold && isStrataError(thrown) && thrown.code === "SPILL_DAMAGED") {
        isTold = true;
        onDamaged();
      }
      throw thrown;
    }
  };
  return { ...store, read: watched(store.read), take: watched(store.take) };
}

export interface ViewReload {
  readonly damaged: ViewState;
  /** The state of the last checkpoint, or an empty one. */
  readonly load: () => Promise<ViewState>;
  /** Of what can be read: the log and the history before it. */
  readonly oldestOffset: () => number;
  /** Applies what has come since, and seats the state. */
  readonly catchUp: (state: ViewState) => ViewRebuild;
}

/**
 * A rebuild that begins with the checkpoint; until that is read, the damaged state stands for the view's definition and
 * place. A state that retention has left a gap for is refused: its numbers would be wrong, and the damaged one's were not.
 */
export function loadAgain({ damaged, load, oldestOffset, catchUp }: ViewReload): ViewRebuild {
  const total = damaged.progress.nextOffset;
  let isCancelled = false;
  let inner: ViewRebuild | undefined;
  const run = async (): Promise<void> => {
    const state = await load();
    const { view: { name }, progress: { nextOffset } } = state;
    const isLost = nextOffset < oldestOffset();
    if (isCancelled || isLost) state.store.close();
    if (isCancelled) throw new StrataError("ABORTED", { what: `Loading feature view "${name}" again` });
    if (isLost) throw new StrataError("SPILL_DAMAGED", { path: `of view "${name}"`, reason: `its checkpoint ends at offset ${nextOffset}, and retention has removed the events before ${oldestOffset()} from the log` });
    inner = catchUp(state);
    await inner.ready;
  };
  const cancel = (): void => {
    isCancelled = true;
    inner?.cancel();
  };
  const ready = run();
  return {
    get state() { return inner?.state ?? damaged; },
    progress: () => inner?.progress() ?? { done: 0, total },
    ready, cancel,
    suspend: async () => {
      await inner?.suspend();
      cancel();
      await ready.catch(() => undefined); // whoever waits for the view hears of it
    },
  };
}
