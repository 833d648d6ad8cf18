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
import type { TargetLease, TargetPool } from "./target-pool.ts";

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
  const patienceMs = Math.min(model.firstTokenTimeoutMs, model.totalTimeoutMs);
  const tried = new Set<Target>();
  const prefix = model.balance === "prefix" ? prefixOf(call.body) : "";
  for (let attempts = 1; ; attempts++) {
    if (control.isGone()) throw new StrataError("ABORTED", { what: "The call" });
    const lease = pool.lease(model, { tried, prefix });
    if (lease === undefined) throw unavailable(model, pool);
    try {
      return { ...await attempt(parts, call, lease), lease, attempts };
    } catch (thrown) {
      const error = toStrataError(thrown);
      const kind = failureKindOf(error);
      lease.end(kind);
      tried.add(lease.target);
      const decision = decideRetry({
        kind, retryAfterSeconds: error.retryAfterSeconds, attempts, retries: control.isGone() ? 0 : model.retries, hasUntried: tried.size < model.targets.length,
        remainingMs: patienceMs - (clock.monotonicMs() - startedMs), draw: random(),
      });
      if (kind !== "refused" && kind !== "cancelled") logger.log("warn", `Upstream ${lease.target.upstream.name} did not answer: ${error.message}`, { requestId: call.requestId, model: model.name, attempts, decision: decision.action });
      if (decision.action === "fail") throw error;
      if (decision.waitMs > 0) await clock.sleep(decision.waitMs, control.begin());
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
    const begun = answer.kind === "whole" ? answer : await firstToken(answer.batches[Symbol.asyncIterator](), target);
    lease.answered();
    return { answer: begun, sentMs, answeredMs: clock.monotonicMs() };
  } finally {
    control.rest();
  }
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

function unavailable(model: LanguageModel, pool: TargetPool): StrataError {
  const retryAfterSeconds = Math.max(1, Math.ceil(pool.retryAfterMs(model) / 1_000));
  return new StrataError("UPSTREAM_UNAVAILABLE", { model: model.name, reason: "all of them failed several times in a row" }, { retryAfterSeconds });
}

/** What requests of one conversation begin with. */
const PREFIX_CHARACTERS = 1_024;

function prefixOf({ messages, prompt }: JsonObject): string {
  return JSON.stringify(messages ?? prompt ?? "").slice(0, PREFIX_CHARACTERS);
}
