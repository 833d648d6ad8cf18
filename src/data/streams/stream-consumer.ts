/**
 * Follows a stream's log and hands its rows to one handler, batch by batch, in offset order, each batch at least once.
 * Waiting for an offset gives read-your-writes: what an acknowledged append produced is applied when `caughtUp` resolves.
 * A handler that throws stops the consumer; skipping an event silently would make derived state wrong.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { StrataError } from "../../kernel/errors.ts";
import type { EventLog } from "../../ports/event-log.ts";
import type { DecodedBatch } from "./decoded-batch.ts";
import type { EventDecoder } from "./event-decoder.ts";
import { createOffsetWaiters } from "./offset-waiters.ts";

export type ConsumerState = "running" | "draining" | "stopped" | "failed";

export interface StreamConsumer extends AsyncDisposable {
  readonly stream: string;
  readonly state: ConsumerState;
  /** Why it failed. */
  readonly error: unknown;
  /** Everything below this offset was handled. */
  readonly appliedOffset: number;
  /** Resolves when the consumer has ended for any reason; see `state`. */
  readonly ended: Promise<void>;
  /**
   * Resolves when everything below `offset` was handled. Rejects with the handler's error when the consumer failed,
   * CLOSED when it stopped before, DEADLINE_EXCEEDED after `timeoutMs` of real time, ABORTED when the signal fires.
   */
  caughtUp(offset: number, options?: { readonly timeoutMs?: number; readonly signal?: AbortSignal }): Promise<void>;
  /**
   * Handles what is durable now, then ends; after `deadlineMs` (default: none) it ends after the batch in hand.
   * Rejects with the handler's error if that is what ended the consumer.
   */
  stop(deadlineMs?: number): Promise<void>;
}

export interface StreamConsumerOptions {
  readonly log: EventLog;
  readonly decoder: EventDecoder;
  readonly stream: string;
  /** Keeps this group's checkpoint in the log following behind what was handled, off the handler's path. */
  readonly group?: string;
  /** First offset to handle. */
  readonly fromOffset: number;
  readonly handle: (batch: DecodedBatch) => Promise<void> | void;
  /** Ends the consumer after the batch in hand, without draining. */
  readonly signal?: AbortSignal;
}

export function createStreamConsumer(options: StreamConsumerOptions): StreamConsumer {
  const { log, decoder, stream, handle, signal } = options;
  const reading = new AbortController();
  const waiters = createOffsetWaiters();
  const checkpoint = createCheckpoint(options);
  let state: ConsumerState = "running";
  let appliedOffset = options.fromOffset;
  let lastOffset = Infinity; // set by stop
  let error: unknown;

  const consume = async (): Promise<void> => {
    for await (const batch of log.read(stream, { from: { offset: appliedOffset }, follow: true, signal: reading.signal })) {
      if (reading.signal.aborted) break;
      if (decoder.isAwaited(stream, batch)) await nextTurn(); // a log may wake its readers before its writers
      await handle(decoder.decode(stream, batch));
      appliedOffset = batch.baseOffset + batch.records.length;
      waiters.reached(appliedOffset);
      checkpoint.advance(appliedOffset);
      if (appliedOffset >= lastOffset) break;
    }
  };

  const run = async (): Promise<void> => {
    try {
      await consume();
      await checkpoint.settle();
      state = "stopped";
      waiters.fail(new StrataError("CLOSED", { what: `The consumer of stream "${stream}"` }));
    } catch (thrown) {
      error = thrown;
      state = "failed";
      waiters.fail(thrown);
      await checkpoint.settle().catch(() => undefined); // the first failure is the one to report
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  };
  const abort = (): void => reading.abort();
  signal?.addEventListener("abort", abort, { once: true });
  if (signal?.aborted) abort();
  checkpoint.onFailure(abort);
  const ended = run();

  const stop = async (deadlineMs?: number): Promise<void> => {
    if (state === "running") {
      state = "draining";
      lastOffset = Math.min(lastOffset, log.statistics(stream).nextOffset);
      if (appliedOffset >= lastOffset) abort();
    }
    const timer = deadlineMs === undefined ? undefined : setTimeout(abort, deadlineMs);
    await ended;
    clearTimeout(timer);
    if (state === "failed") throw error;
  };

  return {
    stream, ended, stop,
    get state() { return state; },
    get error() { return error; },
    get appliedOffset() { return appliedOffset; },
    caughtUp: async (offset, { timeoutMs, signal: caller } = {}) => {
      if (appliedOffset >= offset) return;
      if (state === "failed") throw error;
      if (state === "stopped") throw new StrataError("CLOSED", { what: `The consumer of stream "${stream}"` });
      await withTimeout(`Applying offset ${offset} of stream "${stream}"`, timeoutMs, caller, (either) => waiters.wait(offset, either));
    },
    [Symbol.asyncDispose]: () => stop(),
  };
}

interface Checkpoint {
  advance(offset: number): void;
  /** Resolves when the last offset is committed; rejects with the first failure. */
  settle(): Promise<void>;
  onFailure(listener: () => void): void;
}

/** Commits one offset at a time, always the newest, so that a slow commit never holds the handler back. */
function createCheckpoint({ log, stream, group }: StreamConsumerOptions): Checkpoint {
  let wanted = 0, committed = 0;
  let committing: Promise<void> | undefined;
  let failed: { readonly error: unknown } | undefined;
  let tellFailure: () => void = () => undefined;

  const commitAll = async (to: string): Promise<void> => {
    while (committed < wanted && failed === undefined) {
      const target = wanted;
      try {
        await log.commit(stream, to, target);
        committed = target;
      } catch (thrown) {
        failed = { error: thrown };
        tellFailure();
      }
    }
    committing = undefined;
  };

  return {
    advance: (offset) => {
      if (group === undefined) return;
      wanted = offset;
      committing ??= commitAll(group);
    },
    settle: async () => {
      await committing;
      if (failed !== undefined) throw failed.error;
    },
    onFailure: (listener) => void (tellFailure = listener),
  };
}

async function withTimeout(what: string, timeoutMs: number | undefined, caller: AbortSignal | undefined, wait: (signal?: AbortSignal) => Promise<void>): Promise<void> {
  if (timeoutMs === undefined) return wait(caller);
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), timeoutMs);
  try {
    await wait(caller === undefined ? deadline.signal : AbortSignal.any([caller, deadline.signal]));
  } catch (thrown) {
    throw deadline.signal.aborted && caller?.aborted !== true ? new StrataError("DEADLINE_EXCEEDED", { what, timeoutMs }, { cause: thrown }) : thrown;
  } finally {
    clearTimeout(timer);
  }
}
