/**
 * The moves of a model's traffic, each from one state to the next. Pure: whoever applies one has made sure that the
 * versions are loaded, and keeps the result.
 */
import { StrataError } from "../../kernel/errors.ts";
import { allocateShares } from "./share-ranges.ts";
import { CANARY, STABLE } from "./traffic-state.ts";
import type { CanaryPlan, HeaderRule, TrafficArm, TrafficState } from "./traffic-state.ts";

export type TrafficMove =
  /** A/B: arms beside stable by shares; none ends the split. */
  | { readonly kind: "split"; readonly arms: readonly Pick<TrafficArm, "variant" | "version" | "share">[]; readonly rules?: readonly HeaderRule[] }
  /** A rollout that is judged and advances by itself. */
  | { readonly kind: "canary"; readonly version: string; readonly plan?: Partial<CanaryPlan> }
  /** Copies of requests, compared and thrown away; null ends it. */
  | { readonly kind: "shadow"; readonly shadow: { readonly version: string; readonly share?: number; readonly tolerance?: number } | null }
  /** Blue/green: everybody at once; what answered before stays loaded. */
  | { readonly kind: "switch"; readonly version: string }
  /** The canary, or the named arm, answers everybody. */
  | { readonly kind: "promote"; readonly variant?: string }
  /** Ends a split or canary; without one, back to what answered before. */
  | { readonly kind: "rollback" }
  /** The canary's next share, or the end of its shadow phase. */
  | { readonly kind: "advance" };

export const CANARY_PLAN: CanaryPlan = {
  steps: [0.05, 0.25, 0.5], stepMs: 60_000, minimumRequests: 100, alpha: 0.05, margin: 0.01, sloMs: undefined,
  shadowRequests: 0, tolerance: 1e-6, maximumDifferent: 0.01, maximumMs: 24 * 3_600_000,
};

export function newTraffic(model: string, stable: string): TrafficState {
  return { model, revision: 0, salt: `${model}#0`, stable, arms: [], rules: [], shadow: null, standby: null, canary: null };
}

/** REQUEST_INVALID when the move makes no sense in this state. */
export function moveTraffic(state: TrafficState, move: TrafficMove, nowMs: number): TrafficState {
  const next = { ...state, revision: state.revision + 1 };
  switch (move.kind) {
    case "split": return split(next, move);
    case "canary": return startCanary(next, move, nowMs);
    case "shadow": return { ...next, shadow: move.shadow && { share: 1, tolerance: 1e-6, ...move.shadow } };
    case "switch": return settle(next, move.version);
    case "promote": return settle(next, promoted(state, move.variant).version);
    case "rollback": return rollBack(next);
    case "advance": return advance(next, nowMs);
  }
}

function refuse(reason: string): never {
  throw new StrataError("REQUEST_INVALID", { reason });
}

function split(state: TrafficState, { arms, rules = state.rules }: Extract<TrafficMove, { kind: "split" }>): TrafficState {
  const names = arms.map(({ variant }) => variant);
  if (state.canary) refuse(`A canary of version ${state.canary.version} is in progress; promote it or roll it back first.`);
  if (names.includes(STABLE) || new Set(names).size < names.length) refuse(`The variants need different names, and none may be "${STABLE}".`);
  if (!arms.every(({ share }) => share > 0 && share <= 1) || arms.reduce((sum, { share }) => sum + share, 0) > 1 + 1e-9) refuse("Each share must lie between 0 and 1, and together they may not exceed 1.");
  for (const { variant } of rules) if (variant !== STABLE && !names.includes(variant)) refuse(`A rule names the variant "${variant}", which the split does not have.`);
  const isNew = state.arms.length === 0;
  const ranges = allocateShares(state.arms, arms);
  return { ...state, arms: arms.map((arm, index) => ({ ...arm, ranges: ranges[index]! })), rules, salt: isNew ? `${state.model}#${state.revision}` : state.salt };
}

function startCanary(state: TrafficState, { version, plan }: Extract<TrafficMove, { kind: "canary" }>, nowMs: number): TrafficState {
  if (state.arms.length > 0) refuse("A split or a canary is in progress; promote it or roll it back first.");
  if (version === state.stable) refuse(`Version ${version} already answers everybody.`);
  const merged = { ...CANARY_PLAN, ...plan };
  const { steps } = merged;
  if (steps.length === 0 || !steps.every((share, index) => share > (steps[index - 1] ?? 0) && share <= 1)) refuse("The steps must rise and lie between 0 and 1.");
  if (!(merged.alpha > 0 && merged.alpha < 1)) refuse("alpha must lie between 0 and 1.");
  const progress = { ...merged, version, startedAtMs: nowMs, stepStartedAtMs: nowMs };
  const started = { ...state, rules: [], salt: `${state.model}#${state.revision}` };
  if (merged.shadowRequests > 0) return { ...started, canary: { ...progress, phase: "shadow", step: -1 }, shadow: { version, share: 1, tolerance: merged.tolerance } };
  return { ...started, canary: { ...progress, phase: "steps", step: 0 }, arms: [armOf(version, steps[0]!)] };
}

function advance(state: TrafficState, nowMs: number): TrafficState {
  const { canary } = state;
  if (canary === null) return refuse("No canary is in progress.");
  const step = canary.step + 1;
  const share = canary.steps[step];
  if (share === undefined) return settle(state, canary.version);
  return { ...state, arms: [armOf(canary.version, share)], shadow: canary.phase === "shadow" ? null : state.shadow, canary: { ...canary, phase: "steps", step, stepStartedAtMs: nowMs } };
}

/** From the beginning of the line, so that a larger share holds every key of a smaller one. */
function armOf(version: string, share: number): TrafficArm {
  return { variant: CANARY, version, share, ranges: [[0, share]] };
}

function promoted({ arms, canary }: TrafficState, variant: string | undefined): { readonly version: string } {
  if (variant === undefined && canary) return canary;
  const found = variant === undefined ? (arms.length === 1 ? arms[0] : undefined) : arms.find((arm) => arm.variant === variant);
  return found ?? refuse(variant === undefined ? "There is no single variant to promote; name one." : `There is no variant "${variant}".`);
}

function settle(state: TrafficState, version: string): TrafficState {
  return { ...state, stable: version, standby: version === state.stable ? state.standby : state.stable, arms: [], rules: [], canary: null, shadow: state.shadow?.version === version || state.canary?.phase === "shadow" ? null : state.shadow };
}

function rollBack(state: TrafficState): TrafficState {
  const isShadowing = state.canary?.phase === "shadow";
  if (state.arms.length > 0 || state.canary) return { ...state, arms: [], rules: [], canary: null, shadow: isShadowing ? null : state.shadow };
  return state.standby === null ? refuse("There is nothing to go back to.") : settle(state, state.standby);
}
