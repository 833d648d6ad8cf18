/**
 * Builds a view from the beginning of its stream in the background, while its old state goes on serving, and hands it
 * over at the moment it has caught up with the stream's follower, so that no event is missed or applied twice. Events
 * that retention has removed from the log come from the history. A build that is cut off is saved and taken up again.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { StrataError, isStrataError } from "../../kernel/errors.ts";
import type { DecodedBatch } from "../streams/decoded-batch.ts";
import { createStreamConsumer } from "../streams/stream-consumer.ts";
import { fieldsOfView } from "./event-fields.ts";
import type { StreamHistory } from "./stream-history.ts";
import { applyBatch } from "./stream-follower.ts";
import type { StreamFollower, StreamSource } from "./stream-follower.ts";
import type { ViewState } from "./view-state.ts";

export interface ViewRebuild {
  /** The state being built; another one once an earlier build was taken up. */
  readonly state: ViewState;
  /** Events read so far, those of an earlier build included, and those to read before the view is in service. */
  progress(): { readonly done: number; readonly total: number };
  /** Resolves when the view is in service; rejects with ABORTED when it was cancelled or suspended, or with what stopped it. */
  readonly ready: Promise<void>;
  /** Ends it for good. */
  cancel(): void;
  /** Ends it after the batch in hand and saves where it stands. */
  suspend(): Promise<void>;
}

export interface RebuildOptions extends StreamSource {
  /** Empty, where the build begins. */
  readonly state: ViewState;
  /** What an earlier build came to, in place of the empty state. */
  readonly resume: () => Promise<ViewState | undefined>;
  readonly save: (state: ViewState) => Promise<void>;
  /** Events between two saves. */
  readonly saveEvents: number;
  readonly history?: StreamHistory | undefined;
  readonly follower: StreamFollower;
  readonly latenessMs: () => number;
  /** Called at the moment the state has caught up. */
  readonly onReady: (state: ViewState) => void;
}

export function rebuildView(options: RebuildOptions): ViewRebuild {
  const build = new Build(options);
  const { follower } = options;
  const fromOffset = options.state.progress.nextOffset;
  const ready = build.isReady() ? Promise.resolve(options.onReady(options.state)) : build.run();
  return {
    ready,
    get state() { return build.state; },
    progress: () => {
      const { nextOffset } = build.state.progress;
      return { done: nextOffset - fromOffset, total: Math.max(nextOffset, follower.nextOffset) - fromOffset };
    },
    cancel: () => build.end(false),
    suspend: async () => {
      build.end(true);
      await ready.catch(() => undefined); // whoever waits for the view hears of it
    },
  };
}

class Build {
  readonly #options: RebuildOptions;
  readonly #stopping = new AbortController();
  state: ViewState;
  #isDone = false;
  #isKept = false;
  #unsaved = 0;

  constructor(options: RebuildOptions) {
    this.#options = options;
    this.state = options.state;
  }

  isReady(): boolean { return this.state.progress.nextOffset >= this.#options.follower.nextOffset; }

  end(isKept: boolean): void {
    this.#isKept = isKept;
    this.#stopping.abort();
  }

  async run(): Promise<void> {
    await this.#takeUp();
    for (let isOvertaken = true; isOvertaken && !this.#isDone && !this.#stopping.signal.aborted;) {
      const { oldestOffset } = this.#options.log.statistics(this.state.view.from.name);
      if (this.state.progress.nextOffset < oldestOffset) await this.#readHistory(oldestOffset);
      else isOvertaken = await this.#readLog();
    }
    if (this.#isDone) return;
    if (this.#isKept) await this.#options.save(this.state);
    throw new StrataError("ABORTED", { what: `Building feature view "${this.state.view.name}"` });
  }

  async #takeUp(): Promise<void> {
    const earlier = await this.#options.resume();
    if (earlier === undefined) return;
    this.state.store.close();
    this.state = earlier;
    if (!this.#stopping.signal.aborted) this.#handOver();
  }

  async #readHistory(toOffset: number): Promise<void> {
    const { view, progress: { nextOffset: fromOffset } } = this.state;
    const { signal } = this.#stopping;
    const { history } = this.#options;
    if (history === undefined) throw new StrataError("LOG_OFFSET_GONE", { offset: fromOffset, log: view.from.name, oldest: toOffset });
    try {
      for await (const batch of history.read(view.from, { fromOffset, toOffset, fields: fieldsOfView(view), signal })) {
        if (!signal.aborted) await this.#take(batch);
        if (signal.aborted || this.#isDone) return;
      }
    } catch (thrown) {
      if (!signal.aborted) throw thrown; // else the query was cut off
    }
  }

  /** Until the view is in service; true when retention was faster than the build, so that history has the next events. */
  async #readLog(): Promise<boolean> {
    const { log, decoder } = this.#options;
    const reading = new AbortController();
    const consumer = createStreamConsumer({
      log, decoder, stream: this.state.view.from.name, fromOffset: this.state.progress.nextOffset, signal: AbortSignal.any([reading.signal, this.#stopping.signal]),
      handle: async (batch) => {
        if (this.#stopping.signal.aborted) return;
        await this.#take(batch);
        if (this.#isDone) reading.abort();
      },
    });
    await consumer.ended;
    const isOvertaken = isStrataError(consumer.error) && consumer.error.code === "LOG_OFFSET_GONE" && this.#options.history !== undefined;
    if (consumer.state === "failed" && !isOvertaken) throw consumer.error;
    return isOvertaken;
  }

  async #take(batch: DecodedBatch): Promise<void> {
    const { clock, latenessMs, save, saveEvents } = this.#options;
    applyBatch(this.state, batch, { nowMs: clock.now(), latenessMs: latenessMs() });
    if (this.#handOver()) return;
    this.#unsaved += batch.rows.length;
    if (this.#unsaved >= saveEvents) {
      this.#unsaved = 0;
      await save(this.state);
    } else await nextTurn(); // reads and live events come first
  }

  #handOver(): boolean {
    if (!this.isReady()) return false;
    this.#isDone = true;
    this.#options.onReady(this.state);
    return true;
  }
}
