/**
 * Builds a view from the beginning of its stream's log in the background, while its old state goes on serving, and
 * hands it over at the moment it has caught up with the stream's follower, so that no event is missed or applied twice.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { StrataError } from "../../kernel/errors.ts";
import { createStreamConsumer } from "../streams/stream-consumer.ts";
import { applyBatch } from "./stream-follower.ts";
import type { StreamFollower, StreamSource } from "./stream-follower.ts";
import type { ViewState } from "./view-state.ts";

export interface ViewRebuild {
  readonly state: ViewState;
  /** Events read so far, and those to read before the view is in service. */
  progress(): { readonly done: number; readonly total: number };
  /** Resolves when the view is in service; rejects with ABORTED when it was cancelled, or with what stopped it. */
  readonly ready: Promise<void>;
  cancel(): void;
}

export interface RebuildOptions extends StreamSource {
  readonly state: ViewState;
  readonly follower: StreamFollower;
  readonly latenessMs: () => number;
  /** Called at the moment the state has caught up. */
  readonly onReady: (state: ViewState) => void;
}

export function rebuildView(options: RebuildOptions): ViewRebuild {
  const { state, follower } = options;
  const fromOffset = state.progress.nextOffset;
  const stopping = new AbortController();
  const isReady = (): boolean => state.progress.nextOffset >= follower.nextOffset;
  return {
    state,
    ready: isReady() ? Promise.resolve(options.onReady(state)) : replay(options, { isReady, stopping }),
    progress: () => ({ done: state.progress.nextOffset - fromOffset, total: Math.max(state.progress.nextOffset, follower.nextOffset) - fromOffset }),
    cancel: () => stopping.abort(),
  };
}

interface Replay {
  readonly isReady: () => boolean;
  readonly stopping: AbortController;
}

async function replay({ state, log, decoder, clock, latenessMs, onReady }: RebuildOptions, { isReady, stopping }: Replay): Promise<void> {
  const { name } = state.view;
  let isDone = false;
  const consumer = createStreamConsumer({
    log, decoder, stream: state.view.from.name, fromOffset: state.progress.nextOffset, signal: stopping.signal,
    handle: async (batch) => {
      if (stopping.signal.aborted) return;
      applyBatch(state, batch, { nowMs: clock.now(), latenessMs: latenessMs() });
      isDone = isReady();
      if (isDone) {
        onReady(state);
        stopping.abort();
      } else await nextTurn(); // reads and live events come first
    },
  });
  await consumer.ended;
  if (consumer.state === "failed") throw consumer.error;
  if (!isDone) throw new StrataError("ABORTED", { what: `Building feature view "${name}"` });
}
