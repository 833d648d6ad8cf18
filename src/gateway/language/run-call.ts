/**
 * One call of a language model, step by step: guardrails, cache, bounds, admission, answer, settlement. Caches lie inside
 * the guardrails: they see the request as it goes upstream and the answer as it came.
 */
import type { LanguageModel, Target } from "../../define/language-model.ts";
import { StrataError, toStrataError } from "../../kernel/errors.ts";
import type { JsonObject, UpstreamOperation } from "../../ports/language-upstream.ts";
import { eachFinish, eachText } from "./answer-text.ts";
import { beginAnswer } from "./attempts.ts";
import type { AttemptParts, AttemptedCall, BegunAnswer } from "./attempts.ts";
import { boundsOf, priceOf } from "./call-bounds.ts";
import type { CallBounds } from "./call-bounds.ts";
import { createCallControl } from "./call-control.ts";
import type { CallControl } from "./call-control.ts";
import type { AdmittedCall, CallOutcome, CallPolicy, Operation, TokenUsage } from "./call-policy.ts";
import type { CallTelemetry } from "./call-telemetry.ts";
import type { CallNote, LanguageAnswer, LanguageCall } from "./language-call.ts";
import { failureKindOf } from "./retry-decision.ts";
import { guardStream, guardWhole } from "./guarded-answer.ts";
import type { GuardedCall, GuardrailRunner } from "./guardrails/guarded-call.ts";
import type { AnswerCache, CachedAnswer, CacheLookup } from "./cache/answer-cache.ts";
import { textsOf, withTexts } from "./request-texts.ts";
import { createStreamAccount } from "./stream-account.ts";
import { createStreamAssembly } from "./stream-assembly.ts";
import { relayStream } from "./stream-relay.ts";
import { countPrompt, loadTokenCount } from "./token-count.ts";
import type { CountTokens } from "./token-count.ts";
import { NO_USAGE, usageOf } from "./usage.ts";
import { piecesOf } from "./whole-as-stream.ts";

export interface CallParts extends AttemptParts {
  readonly policy: CallPolicy;
  readonly telemetry: CallTelemetry;
  readonly cache: AnswerCache | undefined;
  readonly guardrails: GuardrailRunner | undefined;
  /** A call begins; each one that does is told to `telemetry` when it ends. */
  readonly begun: () => void;
  /** Takes care of a settlement that nobody waits for. */
  readonly settle: (settlement: Promise<void>) => void;
}

/** Everything that is known about one call. */
export interface CallRun {
  readonly parts: CallParts;
  readonly model: LanguageModel;
  readonly call: LanguageCall;
  readonly operation: UpstreamOperation;
  readonly body: JsonObject;
  readonly bounds: CallBounds;
  readonly control: CallControl;
  readonly startedMs: number;
  readonly guard: GuardedCall | undefined;
  readonly lookup: CacheLookup;
  readonly countInput: () => Promise<{ readonly tokens: number; readonly count: CountTokens }>;
}

const UPSTREAM_OPERATIONS: Readonly<Record<Operation, UpstreamOperation>> = {
  chat: "chat", responses: "chat", messages: "chat", text_completion: "text_completion", embeddings: "embeddings",
};

export async function runCall(parts: CallParts, model: LanguageModel, call: LanguageCall): Promise<LanguageAnswer> {
  const startedMs = parts.clock.monotonicMs();
  const operation = UPSTREAM_OPERATIONS[call.operation];
  const bounds = boundsOf(model, operation, call.body);
  parts.begun();
  const control = createCallControl({ signal: call.signal, drainMs: model.drainMs, totalMs: model.totalTimeoutMs });
  let run: CallRun = { parts, model, call, operation, body: call.body, bounds, control, startedMs, guard: undefined, lookup: OFF, countInput: createInputCount(operation, call.body) };
  let admitted: AdmittedCall | undefined;
  let attempted: AttemptedCall | undefined;
  let begun: BegunAnswer;
  try {
    if (model.guardrails.length > 0 || mayBeCached(run)) run = await prepare(run);
    if (run.lookup.status === "hit" || run.lookup.status === "similar") return await cached(run, run.lookup.status, run.lookup.answer);
    admitted = await admit(run);
    attempted = { model, operation, body: run.body, isStream: call.isStream, requestId: call.requestId, limitAt: limitsOf(bounds, admitted), control, attempts: 0, lastTarget: undefined };
    begun = await beginAnswer(parts, attempted);
  } catch (thrown) {
    const error = toStrataError(thrown);
    control.close();
    failed(run, { admitted, attempted, error });
    throw error;
  }
  return begun.answer.kind === "whole" ? whole(run, admitted, begun) : streamed(run, admitted, begun);
}

const OFF: CacheLookup = { status: "off" };

function mayBeCached({ model, parts: { cache }, operation }: CallRun): boolean {
  return cache !== undefined && operation !== "embeddings" && (model.cacheMs > 0 || model.semanticCache !== undefined);
}

/** Nothing is looked at for a caller who may not call at all. */
async function prepare(run: CallRun): Promise<CallRun> {
  const { parts, model, call, operation } = run;
  const { tenant } = await parts.policy.identify(call.secret, model.name);
  const guard = model.guardrails.length > 0 ? parts.guardrails?.open(model.guardrails) : undefined;
  const body = guard?.checksRequest === true ? withTexts(operation, call.body, await guard.checkRequest(textsOf(operation, call.body))) : call.body;
  const lookup = mayBeCached(run) ? await parts.cache!.lookUp({ tenant, model, operation: call.operation, body, signal: call.signal }) : OFF;
  return { ...run, guard: guard?.checksAnswer === true ? guard : undefined, body, lookup, countInput: createInputCount(operation, body) };
}

async function cached(run: CallRun, status: "hit" | "similar", answer: CachedAnswer): Promise<LanguageAnswer> {
  const { parts, call, model, control, guard, startedMs } = run;
  await parts.policy.admitCached({ secret: call.secret, operation: call.operation, model: model.name, usage: answer.usage, upstream: answer.upstream });
  control.close();
  const kept = JSON.parse(answer.body) as JsonObject;
  const json = guard ? await guardWhole(kept, guard) : kept;
  const tookMs = parts.clock.monotonicMs() - startedMs;
  const note: CallNote = { upstream: answer.upstream, model: "", attempts: 0, addedMs: tookMs, cache: status, isCutByBudget: false };
  parts.telemetry.finished({
    operation: call.operation, model: model.name, target: undefined, requestId: call.requestId, isStream: call.isStream, usage: NO_USAGE, isEstimated: false, outcome: "cached",
    errorCode: undefined, finishReasons: [], attempts: 0, tookMs, firstTokenMs: tookMs, addedMs: tookMs,
  });
  if (!call.isStream) return { kind: "whole", bytes: guard ? Buffer.from(JSON.stringify(json)) : Buffer.from(answer.body), json, note };
  const pieces = piecesOf(json).filter(({ chunk }) => wantsUsage(call.body) || (chunk["choices"] as readonly unknown[]).length > 0);
  return { kind: "stream", batches: oneBatch(pieces), note };
}

async function* oneBatch<T>(batch: T): AsyncGenerator<T, void, undefined> {
  yield await Promise.resolve(batch);
}

/** With the cheap bound; the policy counts exactly where that is not enough. */
function admit({ parts: { policy }, call, model, bounds, countInput }: CallRun): Promise<AdmittedCall> {
  return policy.admit({
    secret: call.secret, operation: call.operation, model: model.name, inputTokens: call.sizeBytes, maxOutputTokens: bounds.outputTokens, price: bounds.price,
    timeoutMs: model.totalTimeoutMs, countInputTokens: async () => withMargin((await countInput()).tokens),
  });
}

/** Other vendors' tokenizers make up to a quarter more tokens of English text than o200k. */
function withMargin(tokens: number): number {
  return Math.ceil(tokens * 1.25) + 16;
}

function createInputCount(operation: UpstreamOperation, body: JsonObject): CallRun["countInput"] {
  let counted: ReturnType<CallRun["countInput"]> | undefined;
  return () => (counted ??= loadTokenCount().then((count) => ({ tokens: countPrompt(operation, body, count), count })));
}

function limitsOf({ choices, asked }: CallBounds, admitted: AdmittedCall): (target: Target) => number | undefined {
  if (choices === 0) return () => undefined;
  const granted = Math.floor(admitted.maxOutputTokens / choices);
  if (granted < 1) throw new StrataError("BUDGET_SPENT", { key: admitted.keyId, tokens: 0 }); // pays for one choice, but not for all
  return (target) => Math.min(asked ?? target.maxOutputTokens, granted);
}

async function whole(run: CallRun, admitted: AdmittedCall, begun: BegunAnswer): Promise<LanguageAnswer> {
  const { answer } = begun;
  if (answer.kind !== "whole") throw new TypeError("a stream is no whole answer");
  run.control.close();
  begun.lease.end(undefined);
  const finishReasons: string[] = [];
  eachFinish(answer.json, (_, reason) => finishReasons.push(reason));
  const end = async (outcome: CallOutcome["outcome"], error?: StrataError): Promise<void> => {
    const reported = usageOf(answer.json);
    const usage = reported ?? await countWhole(run, answer.json);
    if (outcome === "ok" && run.lookup.status === "miss" && !isShortOf(run, admitted)) run.lookup.store({ body: Buffer.from(answer.bytes).toString("utf8"), usage, upstream: begun.lease.target.upstream.name });
    return finished(run, { admitted, begun, usage, isEstimated: reported === undefined, outcome, finishReasons, error });
  };
  const guarded = await guardedWhole(run, answer.json).catch((thrown: unknown) => {
    const error = toStrataError(thrown);
    run.parts.settle(end("refused", error));
    throw error;
  });
  run.parts.settle(end(run.call.signal.aborted ? "client-gone" : "ok"));
  const isCutByBudget = isShortOf(run, admitted) && finishReasons.includes("length");
  return { kind: "whole", bytes: guarded ? Buffer.from(JSON.stringify(guarded)) : answer.bytes, json: guarded ?? answer.json, note: noteOf(run, begun, isCutByBudget) };
}

function guardedWhole({ guard }: CallRun, json: JsonObject): Promise<JsonObject | undefined> {
  return guard ? guardWhole(json, guard) : Promise.resolve(undefined);
}

async function countWhole({ countInput }: CallRun, json: JsonObject): Promise<TokenUsage> {
  const { tokens, count } = await countInput();
  let outputTokens = 0;
  eachText(json, (_, text) => { outputTokens += count(text); });
  return { ...NO_USAGE, inputTokens: tokens, outputTokens };
}

function streamed(run: CallRun, admitted: AdmittedCall, begun: BegunAnswer): LanguageAnswer {
  const { answer, lease } = begun;
  if (answer.kind !== "stream") throw new TypeError("a whole answer is no stream");
  const assembly = run.lookup.status === "miss" ? createStreamAssembly() : undefined;
  const account = createStreamAccount({ choices: run.bounds.choices, ...(assembly ? { onChunk: assembly.add } : {}) });
  const { call, control, model, guard, lookup } = run;
  const batches = relayStream({
    model, upstream: lease.target.upstream.name, held: answer.held, rest: answer.rest, account, control, admitted, inputTokens: call.sizeBytes, countInput: run.countInput,
    wantsUsage: wantsUsage(call.body), isShort: isShortOf(run, admitted),
    ended: ({ outcome, error }) => {
      control.close();
      lease.end(outcome === "upstream-failed" && error ? failureKindOf(error) : undefined);
      const reported = account.reported();
      if (assembly && reported && outcome === "ok" && lookup.status === "miss") lookup.store({ body: JSON.stringify(assembly.whole(reported)), usage: reported, upstream: lease.target.upstream.name });
      const finish = (usage: TokenUsage, isEstimated: boolean): Promise<void> => finished(run, { admitted, begun, usage, isEstimated, outcome, finishReasons: account.finishReasons, error });
      run.parts.settle(reported ? finish(reported, false) : run.countInput().then(({ tokens, count }) => finish(account.counted(tokens, count), true)));
    },
  });
  return { kind: "stream", batches: guard ? guardStream(batches, guard) : batches, note: noteOf(run, begun, false) };
}

function wantsUsage({ stream_options: options }: JsonObject): boolean {
  return typeof options === "object" && options !== null && (options as JsonObject)["include_usage"] === true;
}

const isShortOf = ({ bounds }: CallRun, { maxOutputTokens }: AdmittedCall): boolean => maxOutputTokens < bounds.outputTokens;

function noteOf({ parts, startedMs, lookup }: CallRun, { lease, attempts, sentMs, answeredMs }: BegunAnswer, isCutByBudget: boolean): CallNote {
  const { target } = lease;
  const addedMs = parts.clock.monotonicMs() - startedMs - (answeredMs - sentMs);
  return { upstream: target.upstream.name, model: target.model, attempts, addedMs, cache: lookup.status === "off" ? undefined : lookup.status, isCutByBudget };
}

interface CallEnd {
  readonly admitted: AdmittedCall;
  readonly begun: BegunAnswer;
  readonly usage: TokenUsage;
  readonly isEstimated: boolean;
  readonly outcome: CallOutcome["outcome"];
  readonly finishReasons: readonly string[];
  readonly error: StrataError | undefined;
}

function finished(run: CallRun, { admitted, begun, usage, isEstimated, outcome, finishReasons, error }: CallEnd): Promise<void> {
  const { parts, call, model, startedMs } = run;
  const { target } = begun.lease;
  parts.telemetry.finished({
    operation: call.operation, model: model.name, target, requestId: call.requestId, isStream: call.isStream, usage, isEstimated, outcome, errorCode: error?.code, finishReasons,
    attempts: begun.attempts, tookMs: parts.clock.monotonicMs() - startedMs, firstTokenMs: begun.answeredMs - startedMs, addedMs: Math.max(0, begun.sentMs - startedMs),
  });
  return admitted.settle({ usage, price: priceOf(target), upstream: target.upstream.name, outcome, isEstimated });
}

/** Nothing of an answer came: nothing is charged. */
function failed({ parts, call, model, startedMs, bounds }: CallRun, { admitted, attempted, error }: { readonly admitted: AdmittedCall | undefined; readonly attempted: AttemptedCall | undefined; readonly error: StrataError }): void {
  const outcome = call.signal.aborted ? "client-gone" : error.fault === "caller" ? "refused" : "upstream-failed";
  const tookMs = parts.clock.monotonicMs() - startedMs;
  parts.telemetry.finished({
    operation: call.operation, model: model.name, target: attempted?.lastTarget, requestId: call.requestId, isStream: call.isStream, usage: NO_USAGE, isEstimated: false, outcome,
    errorCode: error.code, finishReasons: [], attempts: attempted?.attempts ?? 0, tookMs, firstTokenMs: undefined, addedMs: 0,
  });
  if (admitted) parts.settle(admitted.settle({ usage: NO_USAGE, price: bounds.price, upstream: "", outcome, isEstimated: false }));
}
