/**
 * The call policy over a ledger: a call reserves the most it may cost, is cut when it reaches that, and books what it
 * did cost, once. Budgets and limits are taken in one step of the ledger, so what is refused took nothing. A key
 * without budget and limits costs the ledger one write, when it is settled.
 */
import { StrataError, isStrataError } from "../../../kernel/errors.ts";
import type { Clock } from "../../../kernel/clock.ts";
import type { IdSource } from "../../../kernel/ids.ts";
import type { BudgetLedger, LedgerRefusal, LedgerSettlement, LedgerTake, VirtualKeyRecord } from "../../../ports/budget-ledger.ts";
import type { Meter } from "../../../ports/telemetry.ts";
import type { AdmittedCall, CachedCall, CallOutcome, CallPolicy, CallRequest } from "../call-policy.ts";
import { costOf } from "../call-policy.ts";
import type { KeyDirectory } from "../keys/key-directory.ts";
import { requireModel } from "../keys/virtual-key.ts";
import { correctionOf, outputWithinLimit, takesOf } from "../limits/call-limits.ts";
import { affordableOutput, bookedCost, bookedUsage, boundOf } from "./call-budget.ts";
import { usdText } from "./money.ts";

export interface LedgerCallPolicyOptions {
  readonly ledger: BudgetLedger;
  readonly directory: KeyDirectory;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly meter: Meter;
}

const DEFAULT_TIMEOUT_MS = 600_000;
/** A call that ended at its timeout still has to be settled. */
const GRACE_MS = 60_000;

export function createLedgerCallPolicy(options: LedgerCallPolicyOptions): CallPolicy {
  const { directory, meter } = options;
  const refused = meter.counter("strata_gateway_refusals_total", "Calls of language models refused by keys, budgets and limits, by code.");
  const counted = async <T>(work: Promise<T>): Promise<T> => work.catch((thrown: unknown) => {
    if (isStrataError(thrown)) refused.add(1, { code: thrown.code });
    throw thrown;
  });
  const identified = async (secret: string | undefined, model: string): Promise<VirtualKeyRecord> => {
    const key = await directory.keyOf(secret);
    requireModel(key, model);
    return key;
  };
  return {
    identify: (secret, model) => counted(identified(secret, model).then((key) => ({ keyId: key.id, tenant: key.tenant }))),
    admit: (call) => counted(identified(call.secret, call.model).then((key) => admit(options, key, call))),
    admitCached: (call) => counted(identified(call.secret, call.model).then((key) => bookCached(options, key, call))),
  };
}

async function admit(options: LedgerCallPolicyOptions, key: VirtualKeyRecord, call: CallRequest): Promise<AdmittedCall> {
  const counted = onceCounted(call);
  const sized = key.tokensPerMinute === undefined ? call : { ...call, inputTokens: await counted() }; // a bound in bytes would use up a limit in tokens four times too fast
  if (key.budgetNanoUsd === undefined) return admitUnbudgeted(options, key, sized);
  const first = await reserve(options, key, sized);
  if (first.refusal?.reason === "budget" && await counted() < sized.inputTokens) return granted(options, key, await reserve(options, key, { ...sized, inputTokens: await counted() }));
  if (first.refusal !== undefined || first.grantedNanoUsd >= first.wantedNanoUsd) return granted(options, key, first);
  return granted(options, key, { ...first, call: { ...first.call, inputTokens: Math.min(first.call.inputTokens, await counted()) } }); // less input leaves more of a short grant for output
}

/** The exact count if it can be had, and never more than the bound. */
function onceCounted({ inputTokens, countInputTokens }: CallRequest): () => Promise<number> {
  let counted: Promise<number> | undefined;
  return () => counted ??= (countInputTokens?.() ?? Promise.resolve(inputTokens)).then((count) => Math.min(count, inputTokens));
}

async function admitUnbudgeted(options: LedgerCallPolicyOptions, key: VirtualKeyRecord, call: CallRequest): Promise<AdmittedCall> {
  const within = { ...call, maxOutputTokens: outputWithinLimit(key, call) };
  const takes = takesOf(key, within);
  await takeAll(options.ledger, key, { takes, atMs: Math.floor(options.clock.now()) });
  return admittedCall(options, { id: options.ids.next(), key, call: within, takes, grantedNanoUsd: undefined });
}

interface Reserved {
  readonly id: string;
  readonly call: CallRequest;
  readonly takes: readonly LedgerTake[];
  readonly wantedNanoUsd: number;
  readonly leastNanoUsd: number;
  readonly grantedNanoUsd: number;
  readonly availableNanoUsd: number;
  readonly refusal?: LedgerRefusal;
}

async function reserve({ ledger, clock, ids }: LedgerCallPolicyOptions, key: VirtualKeyRecord, call: CallRequest): Promise<Reserved> {
  const within = { ...call, maxOutputTokens: outputWithinLimit(key, call) };
  const { model, operation, timeoutMs = DEFAULT_TIMEOUT_MS } = call;
  const atMs = Math.floor(clock.now());
  const asked = { id: ids.next(), ...boundOf(within), takes: takesOf(key, within) };
  const [grant] = await ledger.reserve([{ ...asked, key: key.id, atMs, expiresAtMs: atMs + Math.ceil(timeoutMs) + GRACE_MS, model, operation }]);
  return { ...asked, ...grant!, call: within };
}

function granted(options: LedgerCallPolicyOptions, key: VirtualKeyRecord, { id, call, takes, leastNanoUsd, grantedNanoUsd, availableNanoUsd, refusal }: Reserved): AdmittedCall {
  if (refusal?.reason === "budget") throw new StrataError("BUDGET_EXHAUSTED", { key: key.name, available: usdText(availableNanoUsd), needed: usdText(leastNanoUsd) });
  if (refusal) throw rateLimited(key, refusal);
  return admittedCall(options, { id, key, call, takes, grantedNanoUsd });
}

async function takeAll(ledger: BudgetLedger, key: VirtualKeyRecord, { takes, atMs }: { readonly takes: readonly LedgerTake[]; readonly atMs: number }): Promise<void> {
  if (takes.length === 0) return;
  const refusal = await ledger.take(takes.map((take) => ({ ...take, key: key.id, atMs })));
  if (refusal) throw rateLimited(key, refusal);
}

interface Admission {
  readonly id: string;
  readonly key: VirtualKeyRecord;
  readonly call: CallRequest;
  readonly takes: readonly LedgerTake[];
  /** Undefined: the key has no budget. */
  readonly grantedNanoUsd: number | undefined;
}

function admittedCall({ ledger, clock }: LedgerCallPolicyOptions, { id, key, call, takes, grantedNanoUsd }: Admission): AdmittedCall {
  const { inputTokens, price, model, operation } = call;
  const maxOutputTokens = grantedNanoUsd === undefined ? call.maxOutputTokens : affordableOutput(grantedNanoUsd, call);
  let settled: Promise<void> | undefined;
  const settlement = ({ usage: reported, price: charged, upstream, outcome, isEstimated }: CallOutcome): LedgerSettlement => {
    const usage = bookedUsage(reported);
    return {
      id, key: key.id, isReserved: grantedNanoUsd !== undefined, costNanoUsd: bookedCost(usage, charged), usage,
      atMs: Math.floor(clock.now()), model, upstream, operation, outcome, isEstimated, takes: correctionOf(takes, usage),
    };
  };
  return {
    id, keyId: key.id, tenant: key.tenant, maxOutputTokens,
    meter: (usage) => {
      if (grantedNanoUsd === undefined || grantedNanoUsd === 0) return "continue";
      const soFar = usage.inputTokens > 0 ? usage : { ...usage, inputTokens }; // most upstreams tell the input at the end
      const isUsedUp = price.output > 0 && usage.outputTokens >= maxOutputTokens;
      return isUsedUp || costOf(soFar, price) > grantedNanoUsd ? "cut" : "continue";
    },
    settle: (outcome) => settled ??= ledger.settle([settlement(outcome)]),
  };
}

async function bookCached({ ledger, clock, ids }: LedgerCallPolicyOptions, key: VirtualKeyRecord, { operation, model, usage, upstream }: CachedCall): Promise<void> {
  const atMs = Math.floor(clock.now());
  const takes = takesOf(key, { inputTokens: 0, maxOutputTokens: 0 }).filter(({ kind }) => kind === "requests");
  await takeAll(ledger, key, { takes, atMs });
  await ledger.settle([{ id: ids.next(), key: key.id, isReserved: false, costNanoUsd: 0, usage: bookedUsage(usage), atMs, model, upstream, operation, outcome: "cached", isEstimated: false }]);
}

function rateLimited(key: VirtualKeyRecord, { reason, retryAfterMs }: LedgerRefusal): StrataError {
  const limit = reason === "requests" ? key.requestsPerMinute : key.tokensPerMinute;
  return new StrataError("RATE_LIMITED", { key: key.name, limit, kind: reason }, Number.isFinite(retryAfterMs) ? { retryAfterSeconds: retryAfterMs / 1_000 } : {});
}
