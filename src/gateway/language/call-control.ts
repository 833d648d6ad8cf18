/**
 * The end of a call that does not end by itself: timeouts of its phases, and a caller who went away. Whatever comes
 * first aborts the attempt in progress with a coded reason. A caller who is gone leaves the upstream a moment to finish, because only
 * an answer that ends tells exactly what it cost.
 */
import { StrataError } from "../../kernel/errors.ts";

export interface CallControlOptions {
  /** Fires when the caller went away. */
  readonly signal: AbortSignal;
  /** How long the upstream may go on then; 0 stops it at once. */
  readonly drainMs: number;
  readonly totalMs: number;
}

export interface CallControl {
  /** The signal of a new attempt. */
  begin(): AbortSignal;
  /** From now on the attempt has this long for what it does. */
  expect(timeoutMs: number, what: string): void;
  /** It did, or is not asked to do anything at the moment. */
  rest(): void;
  /** Stops the attempt in progress. */
  stop(reason: StrataError): void;
  isGone(): boolean;
  /** Runs when time is over for the whole call. */
  onTotal(action: (error: StrataError) => void): void;
  /** Forgets all timers. */
  close(): void;
}

export function createCallControl({ signal, drainMs, totalMs }: CallControlOptions): CallControl {
  let attempt: AbortController | undefined;
  let timer: NodeJS.Timeout | undefined;
  let drain: NodeJS.Timeout | undefined;
  let atTotal: ((error: StrataError) => void) | undefined;
  let isOver: StrataError | undefined;

  const stop = (reason: StrataError): void => attempt?.abort(reason);
  const finish = (reason: StrataError): void => {
    isOver = reason;
    stop(reason);
  };
  const total = setTimeout(() => {
    const error = new StrataError("DEADLINE_EXCEEDED", { what: "The call", timeoutMs: totalMs });
    finish(error);
    atTotal?.(error);
  }, totalMs);
  const onGone = (): void => {
    const cut = (): void => finish(new StrataError("ABORTED", { what: "The call" }));
    if (drainMs === 0) return cut();
    drain = setTimeout(cut, drainMs);
  };
  if (signal.aborted) onGone();
  else signal.addEventListener("abort", onGone, { once: true });

  return {
    begin: () => {
      attempt = new AbortController();
      if (isOver) attempt.abort(isOver);
      return attempt.signal;
    },
    expect: (timeoutMs, what) => {
      clearTimeout(timer);
      timer = setTimeout(() => stop(new StrataError("DEADLINE_EXCEEDED", { what, timeoutMs })), timeoutMs);
    },
    rest: () => clearTimeout(timer),
    stop,
    isGone: () => signal.aborted,
    onTotal: (action) => { atTotal = action; },
    close: () => {
      clearTimeout(timer);
      clearTimeout(total);
      clearTimeout(drain);
      signal.removeEventListener("abort", onGone);
    },
  };
}
