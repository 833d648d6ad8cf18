/**
 * From an admitted call to the first token of its answer: targets are asked one after another until one begins to
 * answer. Nothing of a failed attempt has reached the caller, so another may take its place.
 */
import type { LanguageModel, Target } from "../../define/language-model.ts";
import type { Clock } from "../../kernel/clock.ts";
import { StrataError, toStrataError } from "../../kernel/errors.ts";
import type { JsonObject, LanguageUpstream, StreamPiece, UpstreamOperation } from "../../ports/language-upstream.ts";
import type { Logger } from "../../ports/telemetry.ts";
import { eachFinish, hasText } from "./answer-text.ts";
import type { CallControl } from "./call-control.ts";
import { decideRetry, failureKindOf } from "./retry-decision.ts";
import type { TargetChoice, TargetLease, TargetPool } from "./target-pool.ts";
import { noMorePieces, piecesOf } from "./whole-as-stream.ts";

export interface AttemptParts {
  readonly pool: TargetPool;
  readonly upstreamOf: (target: Target) => LanguageUpstream;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
}

export interface AttemptedCall {
  readonly model: LanguageModel;
  readonly operation: UpstreamOperation;
  readonly body: JsonObject;
  readonly isStream: boolean;
  readonly requestId: string;
  /** Output tokens of one choice at a target. */
  readonly limitAt: (target: Target) => number | undefined;
  readonly control: CallControl;
  /** What was asked so far, and last; kept here so that a call that fails can tell. */
  attempts: number;
  lastTarget: Target | undefined;
}

export interface BegunAnswer {
  readonly lease: TargetLease;
  readonly attempts: number;
  /** On the monotonic clock: when the attempt that answered was sent, and when its answer (or first token) came. */
  readonly sentMs: number;
  readonly answeredMs: number;
  readonly answer:
    | { readonly kind: "whole"; readonly bytes: Uint8Array; readonly json: JsonObject }
    /** `held` came before and with the first token. */
    | { readonly kind: "stream"; readonly held: readonly StreamPiece[]; readonly rest: AsyncIterator<readonly StreamPiece[]> };
}

/** Raises the last attempt's error when none succeeds; UPSTREAM_UNAVAILABLE when no target is in order. */
export async function beginAnswer(parts: AttemptParts, call: AttemptedCall): Promise<BegunAnswer> {
  const { pool, clock, random, logger } = parts;
  const { model, control } = call;
  const startedMs = clock.monotonicMs();
  const tried = new Set<Target>();
  let last: StrataError | undefined;
  const prefix = model.balance === "prefix" ? prefixOf(call.body) : undefined;
  for (let attempts = 1; ; attempts++) {
    if (control.isGone()) throw new StrataError("ABORTED", { what: "The call" });
    const lease = leaseOf(pool, model, { tried, prefix }, last);
    call.attempts = attempts;
    call.lastTarget = lease.target;
    try {
      return { ...await attempt(parts, call, lease), lease, attempts };
    } catch (thrown) {
      const error = toStrataError(thrown);
      const kind = failureKindOf(error);
      lease.end(kind, error.retryAfterSeconds);
      tried.add(lease.target);
      last = error;
      const decision = decideRetry({
        kind, retryAfterSeconds: error.retryAfterSeconds, attempts, retries: control.isGone() ? 0 : model.retries, hasUntried: pool.hasUntried(model, tried),
        remainingMs: Math.min(model.firstTokenTimeoutMs, model.totalTimeoutMs - (clock.monotonicMs() - startedMs)), draw: random(),
      });
      if (kind !== "refused" && kind !== "cancelled") logger.log("warn", `Upstream ${lease.target.upstream.name} did not answer: ${error.message}`, { requestId: call.requestId, model: model.name, attempts, decision: decision.action });
      if (decision.action === "fail") throw error;
      if (decision.waitMs > 0) await waitToRetry(parts, call, decision.waitMs, error);
    }
  }
}

async function attempt({ upstreamOf, clock }: AttemptParts, call: AttemptedCall, lease: TargetLease): Promise<Pick<BegunAnswer, "answer" | "sentMs" | "answeredMs">> {
  const { model, operation, body, isStream, requestId, control } = call;
  const { target } = lease;
  control.expect(model.firstTokenTimeoutMs, isStream ? `The first token of ${target.upstream.name}` : `The answer of ${target.upstream.name}`);
  const sentMs = clock.monotonicMs();
  try {
    const answer = await upstreamOf(target).call({ operation, body, model: target.model, maxOutputTokens: call.limitAt(target), isStream, requestId, signal: control.begin() });
    const begun = answer.kind === "stream" ? await firstToken(answer.batches[Symbol.asyncIterator](), target) : isStream ? asStream(answer.json) : answer;
    lease.answered();
    return { answer: begun, sentMs, answeredMs: clock.monotonicMs() };
  } finally {
    control.rest();
  }
}

/** Some servers cannot stream, and answer whole. */
function asStream(json: JsonObject): BegunAnswer["answer"] {
  return { kind: "stream", held: piecesOf(json), rest: noMorePieces() };
}

/** Reads until something of the answer is there. A stream that ends before has said nothing. */
async function firstToken(rest: AsyncIterator<readonly StreamPiece[]>, { upstream }: Target): Promise<BegunAnswer["answer"]> {
  const held: StreamPiece[] = [];
  for (;;) {
    const { done, value } = await rest.next();
    if (done === true) throw new StrataError("STREAM_BROKEN", { upstream: upstream.name, pieces: held.length, reason: "it ended before the first token" });
    held.push(...value);
    if (value.some(({ chunk }) => hasText(chunk) || hasFinish(chunk))) return { kind: "stream", held, rest };
  }
}

function hasFinish(chunk: JsonObject): boolean {
  let found = false;
  eachFinish(chunk, () => { found = true; });
  return found;
}

/** When nobody can be asked any more, what the last one said tells the caller most. */
function leaseOf(pool: TargetPool, model: LanguageModel, choice: TargetChoice, last: StrataError | undefined): TargetLease {
  try {
    return pool.lease(model, choice);
  } catch (thrown) {
    throw last ?? thrown;
  }
}

/** A moment longer than the upstream asked for, so that it is over by every clock. */
const AFTER_MS = 5;

async function waitToRetry({ pool, clock }: AttemptParts, { model, control }: AttemptedCall, waitMs: number, error: StrataError): Promise<void> {
  if (!pool.takeRetry(model)) throw error;
  await clock.sleep(waitMs + AFTER_MS, control.begin());
}

/** What requests of one conversation begin with. */
const PREFIX_CHARACTERS = 32_768;

function prefixOf({ messages, prompt }: JsonObject): string {
  return JSON.stringify(messages ?? prompt ?? "").slice(0, PREFIX_CHARACTERS);
}
