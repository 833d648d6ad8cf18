/**
 * Keeps one derived stream up to date until it is stopped: opens a session, lets it recover, takes what comes, moves the
 * watermarks of silent sources, and opens a new session after a failure. A divergence is not tried again.
 */
import { StrataError, isStrataError, reasonOf } from "../../kernel/errors.ts";
import { createOffsetWaiters, type OffsetWaiters } from "../streams/offset-waiters.ts";
import type { OperatorCounts } from "./operator.ts";
import { openSession, type DerivationOptions, type DerivationSession } from "./derivation-session.ts";

export type DerivationState = "recovering" | "running" | "retrying" | "stopped" | "failed";

export interface DerivationRun extends AsyncDisposable {
  readonly name: string;
  readonly state: DerivationState;
  /** Why it failed, or what it tries again after. */
  readonly error: unknown;
  /** Next source offset to apply, per source. */
  readonly positions: Readonly<Record<string, number>>;
  readonly counts: OperatorCounts;
  /** Resolves when everything of the source below the offset is applied and stored; rejects with what failed. */
  caughtUp(source: string, offset: number, signal?: AbortSignal): Promise<void>;
  checkpoint(): Promise<void>;
  /** Takes what is durable, checkpoints and ends; after `deadlineMs` it ends after the step in hand. */
  stop(deadlineMs?: number): Promise<void>;
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;
const NO_COUNTS: OperatorCounts = { late: 0, keyless: 0, held: 0 };

export function runDerivation(options: DerivationOptions): DerivationRun {
  const { stream: { name, derivation }, logger, clock } = options;
  const stopping = new AbortController();
  const waiters = new Map(derivation!.sources.map((source): [string, OffsetWaiters] => [source.name, createOffsetWaiters()]));
  const silentSince = new Map<string, number>();
  let state: DerivationState = "recovering";
  let error: unknown;
  let session: DerivationSession | undefined;
  let positions: Readonly<Record<string, number>> = {};
  let isDraining = false;
  let wanted: PromiseWithResolvers<void>[] = [];
  let wake = Promise.withResolvers<void>();

  const ring = (): void => {
    wake.resolve();
    wake = Promise.withResolvers();
  };
  const publish = (): void => {
    positions = session!.positions;
    for (const [source, offset] of Object.entries(positions)) waiters.get(source)?.reached(offset);
  };
  const saveAsked = async (): Promise<void> => {
    const asked = wanted;
    wanted = [];
    try {
      if (asked.length > 0) await session!.checkpoint();
      for (const one of asked) one.resolve();
    } catch (thrown) {
      for (const one of asked) one.reject(thrown);
      throw thrown;
    }
  };
  const silent = (source: string): number => silentSince.get(source) ?? 0;

  const waitForNews = async (opened: DerivationSession): Promise<void> => {
    const dueMs = opened.idleDueMs(silent);
    const leaving = new AbortController();
    const waits = [opened.inputs.news(), wake.promise];
    if (dueMs < Infinity) waits.push(clock.sleep(Math.max(1, Math.min(dueMs - clock.now(), 2 ** 31 - 1)), leaving.signal).catch(() => undefined));
    try {
      await Promise.race(waits);
    } finally {
      leaving.abort();
    }
  };

  const runSession = async (): Promise<void> => {
    const ending = new AbortController();
    const opened = session = await openSession(options, AbortSignal.any([stopping.signal, ending.signal]));
    try {
      await live(opened);
    } finally {
      ending.abort(); // readers that wait for news end
      await opened[Symbol.asyncDispose]();
    }
  };

  const live = async (opened: DerivationSession): Promise<void> => {
    publish();
    await opened.recover();
    publish();
    for (const source of waiters.keys()) silentSince.set(source, clock.now());
    state = "running";
    error = undefined;
    while (!stopping.signal.aborted) {
      const taken = await opened.step();
      publish();
      for (const [source, atMs] of opened.inputs.appendedAtMs()) silentSince.set(source, Math.max(silent(source), atMs));
      await saveAsked();
      if (taken > 0) continue;
      if (isDraining) break;
      await opened.idle(silent);
      if (!isDraining && wanted.length === 0) await waitForNews(opened);
    }
    if (!stopping.signal.aborted || isDraining) await opened.checkpoint();
  };

  const run = async (): Promise<void> => {
    for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(LONGEST_WAIT_MS, waitMs * 2)) {
      try {
        await runSession();
        return finish("stopped", new StrataError("CLOSED", { what: `The derivation of stream "${name}"` }));
      } catch (thrown) {
        if (stopping.signal.aborted || isDraining) return finish("stopped", thrown);
        error = thrown;
        if (isStrataError(thrown) && thrown.code === "DERIVATION_DIVERGED") return finish("failed", thrown);
        state = "retrying";
        logger.log("error", `The derivation of stream "${name}" failed; it goes on from its checkpoint in ${waitMs} ms: ${reasonOf(thrown)}`, { stream: name });
        await Promise.race([realSleep(waitMs), wake.promise]);
      }
    }
  };
  const finish = (end: "stopped" | "failed", reason: unknown): void => {
    state = end;
    if (end === "failed") logger.log("error", reasonOf(reason), { stream: name });
    for (const waiter of waiters.values()) waiter.fail(reason);
    for (const one of wanted) one.reject(reason);
  };
  const ended = run();

  const stop = async (deadlineMs?: number): Promise<void> => {
    isDraining = true;
    if (state === "retrying") stopping.abort();
    ring();
    const timer = deadlineMs === undefined ? undefined : setTimeout(() => stopping.abort(), deadlineMs);
    await ended;
    clearTimeout(timer);
    stopping.abort();
  };

  return {
    name, stop,
    get state() { return state; },
    get error() { return error; },
    get positions() { return positions; },
    get counts() { return session?.operator.counts ?? NO_COUNTS; },
    caughtUp: async (source, offset, signal) => {
      if ((positions[source] ?? 0) >= offset) return;
      if (state === "failed") throw error;
      if (state === "stopped") throw new StrataError("CLOSED", { what: `The derivation of stream "${name}"` });
      await waiters.get(source)?.wait(offset, signal);
    },
    checkpoint: async () => {
      if (state !== "running") return;
      const asked = Promise.withResolvers<void>();
      wanted.push(asked);
      ring();
      await asked.promise;
    },
    [Symbol.asyncDispose]: () => stop(),
  };
}

/** Real time: a disk that is full today is not emptied by a simulated clock. */
const realSleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms).unref());
