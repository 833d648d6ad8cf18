/**
 * The time and cancellation of one call to a server, and what its failures are called: the same network error is
 * ABORTED when the caller cancelled, DEADLINE_EXCEEDED when time ran out, and SERVER_UNREACHABLE otherwise.
 */
import { StrataError, isStrataError, reasonOf, toStrataError } from "../kernel/errors.ts";

export interface CallLimitOptions {
  /** "GET /v1/status". */
  readonly what: string;
  readonly url: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface CallLimit extends Disposable {
  /** Fires when the caller cancels or time runs out. */
  readonly signal: AbortSignal;
  /** Stops counting time, for uploads and streams that may be long. */
  pause(): void;
  /** Counts the whole time again from now. */
  resume(): void;
  /** The failed request went over a connection kept from an earlier call. */
  reusedConnection: boolean;
  /** What the source of an upload threw. */
  uploadFailure: unknown;
  explain(thrown: unknown): StrataError;
}

/** Counts from now until it is disposed. */
export function createCallLimit(options: CallLimitOptions): CallLimit {
  const { what, timeoutMs, url } = options;
  const late = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let disposed = false;
  const pause = (): void => clearTimeout(timer);
  const resume = (): void => {
    pause();
    if (!disposed) timer = setTimeout(() => late.abort(), timeoutMs);
  };
  const limit: CallLimit = {
    signal: options.signal === undefined ? late.signal : AbortSignal.any([late.signal, options.signal]),
    pause, resume,
    reusedConnection: false,
    uploadFailure: undefined,
    explain: (thrown) => {
      if (options.signal?.aborted === true) return new StrataError("ABORTED", { what }, { cause: thrown });
      if (late.signal.aborted) return new StrataError("DEADLINE_EXCEEDED", { what, timeoutMs }, { cause: thrown });
      if (limit.uploadFailure !== undefined) return toStrataError(limit.uploadFailure);
      if (isStrataError(thrown)) return thrown;
      return new StrataError("SERVER_UNREACHABLE", { url, reason: networkReason(thrown) }, { cause: thrown });
    },
    [Symbol.dispose]: () => {
      disposed = true;
      pause();
    },
  };
  resume();
  return limit;
}

/** Whether the other side closed the connection. */
export function isReset(thrown: unknown): boolean {
  const code = codeOf(thrown);
  return code === "ECONNRESET" || code === "EPIPE";
}

/** System error codes in words; others as they are. */
const NETWORK_REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "the connection was refused",
  ECONNRESET: "the connection was closed before the answer was complete",
  EPIPE: "the connection was closed before the answer was complete",
  ENOTFOUND: "the name of the machine is not known",
  EAI_AGAIN: "the name of the machine cannot be looked up now",
  EHOSTUNREACH: "the machine cannot be reached",
  ETIMEDOUT: "the connection timed out",
};

function networkReason(thrown: unknown): string {
  const code = codeOf(thrown);
  const known = code === undefined ? undefined : NETWORK_REASONS[code];
  return known ?? (reasonOf(thrown) || code || "the connection failed");
}

function codeOf(thrown: unknown): string | undefined {
  return thrown instanceof Error && "code" in thrown && typeof thrown.code === "string" ? thrown.code : undefined;
}
