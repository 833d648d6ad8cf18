/**
 * From a stream's first token to its end: every piece is read, metered and passed on. What breaks after the first
 * token breaks the caller's stream too; it never looks like an end. Whatever happens, the end is told exactly once.
 */
import type { LanguageModel } from "../../define/language-model.ts";
import { StrataError, isStrataError, toStrataError } from "../../kernel/errors.ts";
import type { StreamPiece } from "../../ports/language-upstream.ts";
import type { CallControl } from "./call-control.ts";
import type { AdmittedCall, CallOutcome } from "./call-policy.ts";
import type { StreamAccount } from "./stream-account.ts";
import type { CountTokens } from "./token-count.ts";

export interface StreamEnd {
  readonly outcome: CallOutcome["outcome"];
  readonly error: StrataError | undefined;
}

export interface StreamRelay {
  readonly model: LanguageModel;
  readonly upstream: string;
  readonly held: readonly StreamPiece[];
  readonly rest: AsyncIterator<readonly StreamPiece[]>;
  readonly account: StreamAccount;
  readonly control: CallControl;
  readonly admitted: AdmittedCall;
  /** Bound and count of the input. */
  readonly inputTokens: number;
  readonly countInput: () => Promise<{ readonly tokens: number; readonly count: CountTokens }>;
  /** The caller asked for the chunk with the usage. */
  readonly wantsUsage: boolean;
  /** The budget pays for less than the caller asked for. */
  readonly isShort: boolean;
  readonly ended: (end: StreamEnd) => void;
}

export async function* relayStream(relay: StreamRelay): AsyncGenerator<readonly StreamPiece[], void, undefined> {
  const { held, control } = relay;
  let isEnded = false;
  const end = (outcome: StreamEnd["outcome"], error?: StrataError): void => {
    if (isEnded) return;
    isEnded = true;
    relay.ended({ outcome, error });
  };
  control.onTotal((error) => end("upstream-failed", error)); // also while a caller who reads nothing holds everything up
  const meter = createMeter(relay);
  try {
    for (let batch: readonly StreamPiece[] | undefined = held; batch !== undefined; batch = await nextBatch(relay)) {
      const passed = readBatch(relay, batch);
      await meter(passed.hasText);
      if (passed.pieces.length > 0) yield passed.pieces;
    }
    const incomplete = problemOf(relay);
    if (incomplete) throw incomplete;
    end(control.isGone() ? "client-gone" : "ok");
  } catch (thrown) {
    const error = toStrataError(thrown);
    control.stop(error);
    end(control.isGone() ? "client-gone" : error.code === "BUDGET_SPENT" ? "cut" : "upstream-failed", error);
    throw error;
  } finally {
    if (!isEnded) void leave(relay).then(end); // nobody takes pieces any more
  }
}

/** Time counts only while the upstream is waited for, not while a slow caller reads. */
async function nextBatch({ rest, control, model, upstream }: StreamRelay): Promise<readonly StreamPiece[] | undefined> {
  control.expect(model.idleTimeoutMs, `The next piece of ${upstream}`);
  try {
    const { done, value } = await rest.next();
    return done === true ? undefined : value;
  } finally {
    control.rest();
  }
}

interface PassedBatch {
  readonly pieces: readonly StreamPiece[];
  readonly hasText: boolean;
}

function readBatch({ account, wantsUsage, isShort }: StreamRelay, batch: readonly StreamPiece[]): PassedBatch {
  const pieces: StreamPiece[] = [];
  let hasText = false;
  for (const piece of batch) {
    const reading = account.read(piece);
    hasText ||= reading.hasText;
    const isHidden = (reading.isUsageOnly && !wantsUsage) || (isShort && reading.endsByLength); // a budget's end must not look like the caller's own limit
    if (!isHidden) pieces.push(piece);
  }
  return { pieces, hasText };
}

/**
 * Asks the policy with a bound that costs nothing, and counts only when that is not enough. A stream that has reached
 * its grant may still end by itself, which tells its exact usage; one more token and it is cut.
 */
function createMeter(relay: StreamRelay): (hasText: boolean) => Promise<void> {
  const { account, admitted, inputTokens, countInput } = relay;
  let isAtLimit = false;
  return async (hasText) => {
    if (!hasText) return;
    if (isAtLimit) throw spent(relay);
    if (admitted.meter(account.atMost(inputTokens)) === "continue") return;
    const { tokens, count } = await countInput();
    isAtLimit = admitted.meter(account.counted(tokens, count)) === "cut";
  };
}

function problemOf(relay: StreamRelay): StrataError | undefined {
  const { account, upstream, isShort } = relay;
  if (!account.isFinished()) return new StrataError("STREAM_BROKEN", { upstream, pieces: account.pieces(), reason: "it ended without a finish reason" });
  return isShort && account.finishReasons.includes("length") ? spent(relay) : undefined;
}

function spent({ admitted, account, inputTokens }: StreamRelay): StrataError {
  return new StrataError("BUDGET_SPENT", { key: admitted.keyId, tokens: (account.reported() ?? account.atMost(inputTokens)).outputTokens });
}

/** The caller went away: the rest is only counted. Otherwise a guardrail let nothing more through, and what comes is not wanted. */
async function leave(relay: StreamRelay): Promise<StreamEnd["outcome"]> {
  await new Promise((resolve) => { setImmediate(resolve); }); // a closed connection is told a moment later
  if (!relay.control.isGone()) {
    relay.control.stop(new StrataError("ABORTED", { what: "The stream" }));
    await Promise.resolve(relay.rest.return?.()).catch(() => undefined);
    return "refused";
  }
  await drain(relay);
  return "client-gone";
}

/** Until it ends, or the control's patience is over. */
async function drain({ rest, account, control }: StreamRelay): Promise<void> {
  try {
    for (;;) {
      const { done, value } = await rest.next();
      if (done === true) return;
      for (const piece of value) account.read(piece);
    }
  } catch (thrown) {
    if (!isStrataError(thrown)) control.stop(toStrataError(thrown));
  }
}
