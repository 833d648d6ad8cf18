/** What deserves a look in the gateway, worst first: broken upstreams, budgets that end, calls that were refused. Pure. */
import { counted, formatCount, formatShare, formatUsd } from "../format/numbers.ts";
import { worstFirst } from "../loop/marks.ts";
import type { Mark, Tone } from "../loop/marks.ts";
import type { KeyOverview, LanguageModelOverview, TargetOverview } from "../../src/protocols/admin/overview.ts";

/** Of a budget: from here on it may end within one busy hour. */
const BUDGET_WARNING = 0.8;
const BUDGET_SPENT = 0.999;

export function keyMarks({ state, name, spentUsd, reservedUsd, budgetUsd }: KeyOverview): readonly Mark[] {
  if (state !== "active") return [{ tone: "info", text: state, explanation: `The key ${name} is ${state}: calls with it are refused.` }];
  if (budgetUsd === undefined) return [];
  const share = budgetUsd === 0 ? 1 : (spentUsd + reservedUsd) / budgetUsd;
  if (share < BUDGET_WARNING) return [];
  const isSpent = share >= BUDGET_SPENT;
  return [{ tone: isSpent ? "bad" : "warning", text: isSpent ? "budget spent" : `${formatShare(share)} of budget`, explanation: `${formatUsd(spentUsd)} is spent and ${formatUsd(reservedUsd)} held by calls in flight, of ${formatUsd(budgetUsd)}.` }];
}

/** Refusals of the platform's own rules, in words; the rest keeps its code. */
const REFUSALS: Readonly<Record<string, string>> = { GUARDRAIL_REFUSED: "by guardrails", BUDGET_EXHAUSTED: "for budget", RATE_LIMITED: "by limits" };

export function languageMarks({ name, refusals, fallbacks, calls }: LanguageModelOverview, targets: readonly TargetOverview[]): readonly Mark[] {
  const usable = targets.filter(({ languageModel, state }) => languageModel === name && state !== "open");
  const refused = refusals.reduce((sum, { count }) => sum + count, 0);
  return worstFirst([
    ...(usable.length === 0 && targets.some(({ languageModel }) => languageModel === name) ? [{ tone: "bad" as const, text: "no upstream", explanation: "The breakers of all its upstreams are open: calls are refused until one of them answers a probe." }] : []),
    ...(fallbacks === 0 ? [] : [{ tone: "info" as const, text: counted(fallbacks, "fallback"), explanation: `${formatCount(fallbacks)} of ${counted(calls, "call")} were answered by an upstream that is not the first.` }]),
    ...(refused === 0 ? [] : [{ tone: "info" as const, text: `${formatCount(refused)} refused`, explanation: `Not answered: ${refusals.map(({ reason, count }) => `${formatCount(count)} ${REFUSALS[reason] ?? reason}`).join(", ")}.` }]),
  ]);
}

const STATE_TONES: Readonly<Record<string, Tone>> = { open: "bad", "half-open": "warning", busy: "warning", slow: "warning", ejected: "warning", "starting slowly": "active" };
const STATE_TEXTS: Readonly<Record<string, string>> = { open: "breaker open", "half-open": "breaker half open" };

/** One mark per state: an upstream that two models call may be open for one of them. */
export function upstreamMarks(targets: readonly TargetOverview[]): readonly Mark[] {
  return worstFirst([...new Set(targets.map(({ state }) => state))].filter((state) => state !== "ready").map((state) => {
    const mine = targets.filter((target) => target.state === state);
    return { tone: STATE_TONES[state] ?? "info", text: STATE_TEXTS[state] ?? state, explanation: mine.map(({ languageModel, model, reason }) => `${model} for ${languageModel}: ${reason || state}.`).join(" ") };
  }));
}
