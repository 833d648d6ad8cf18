/**
 * One version of one model through its life: not there, loading, ready, unloading. A reload opens the new one beside
 * the old one and swaps them, so nobody notices; an unload drains first. Loads and unloads of a slot run one after another.
 */
import type { Clock } from "../../kernel/clock.ts";
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import type { ModelState, RepositoryEntry } from "../model-server.ts";
import type { RunningVersion } from "../models/running-version.ts";

export interface VersionSlot {
  readonly model: string;
  readonly version: string;
  readonly current: RunningVersion | undefined;
  /** Monotonic; when a request last used it. */
  lastUsedMs: number;
  entry(): RepositoryEntry;
  /** Loads it if it is not there; callers that come meanwhile wait for the same load. */
  ensure(): Promise<RunningVersion>;
  /** Opens it (again) and swaps; what was serving goes on when opening fails. */
  reload(): Promise<RunningVersion>;
  /** Resolves when what was in flight is answered and memory is given back. */
  unload(reason: string): Promise<void>;
  /** A failed load is not tried again by every request, but by one after a while. */
  mayTryAgain(): boolean;
}

export interface VersionSlotOptions {
  readonly model: string;
  readonly version: string;
  readonly clock: Clock;
  /** Opens and warms it; makes room for it. */
  readonly open: () => Promise<RunningVersion>;
}

/** Long enough that a broken file costs little, short enough that a remote model is found soon after it comes up. */
const RETRY_AFTER_MS = 2_000;

export function createVersionSlot({ model, version, clock, open }: VersionSlotOptions): VersionSlot {
  let current: RunningVersion | undefined;
  let loading: Promise<RunningVersion> | undefined;
  let state: ModelState = "UNAVAILABLE";
  let reason = "not loaded yet";
  let failedAtMs = Number.NEGATIVE_INFINITY;
  let turn: Promise<unknown> = Promise.resolve();
  /** Earlier ones that still answer what they had taken. */
  let retiring: Promise<unknown> = Promise.resolve();

  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = turn.then(work);
    turn = done.catch(() => undefined); // told to whoever asked
    return done;
  };
  const become = (next: ModelState, why: string): void => {
    state = next;
    reason = why;
  };

  const swap = async (): Promise<RunningVersion> => {
    const old = current;
    if (old === undefined) become("LOADING", "");
    try {
      const opened = await open();
      current = opened;
      become("READY", "");
      failedAtMs = Number.NEGATIVE_INFINITY;
      if (old) retiring = Promise.all([retiring, old.close()]);
      return opened;
    } catch (thrown) {
      failedAtMs = clock.monotonicMs();
      if (current === undefined) become("UNAVAILABLE", reasonOf(thrown));
      throw thrown;
    }
  };

  const reload = (): Promise<RunningVersion> => {
    const mine = inTurn(swap).finally(() => {
      if (loading === mine) loading = undefined;
    });
    loading = mine;
    mine.catch(() => undefined); // told to whoever asked
    return mine;
  };

  const slot = {
    model, version, lastUsedMs: clock.monotonicMs(),
    get current() { return current; },
    entry: () => ({ name: model, version, state, reason }),
    ensure: () => (current === undefined ? loading ?? reload() : Promise.resolve(current)),
    reload,
    unload: (why: string) => inTurn(async () => {
      const old = current;
      current = undefined; // from here on requests do not find it
      if (old !== undefined) become("UNLOADING", why);
      await Promise.all([retiring, old?.close()]);
      become("UNAVAILABLE", why);
    }),
    mayTryAgain: () => clock.monotonicMs() - failedAtMs >= RETRY_AFTER_MS,
  };
  return slot;
}

/** What a request hears when the version cannot answer it. */
export function unavailable({ model, version }: Pick<VersionSlot, "model" | "version">, { state, reason }: RepositoryEntry): StrataError {
  if (state === "UNLOADING" || state === "LOADING") return new StrataError("MODEL_BUSY", { model, state: state.toLowerCase() }, { retryAfterSeconds: 1 });
  return new StrataError("MODEL_UNAVAILABLE", { model, version, reason }, { retryAfterSeconds: 5 });
}
