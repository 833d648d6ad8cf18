/**
 * A circuit breaker as a state and three steps: calls go through while it is closed; too many failures open it; after
 * a while a few probes show whether to close again. Pure: the caller keeps the state and brings the time.
 */
export interface BreakerOptions {
  /** Failures in a row that open it. */
  readonly consecutiveFailures: number;
  /** Share of failures that opens it, once the window has `minimumCalls`. */
  readonly errorShare: number;
  readonly minimumCalls: number;
  readonly windowMs: number;
  /** How long it stays open the first time; doubles with each probe that fails, up to the maximum. */
  readonly openMs: number;
  readonly maximumOpenMs: number;
  /** Probes that must answer before it closes. They go one at a time. */
  readonly probes: number;
}

/** Five in a row is what a dead process shows within milliseconds; half of twenty in ten seconds is a sick one. */
export const BREAKER: BreakerOptions = {
  consecutiveFailures: 5, errorShare: 0.5, minimumCalls: 20, windowMs: 10_000, openMs: 1_000, maximumOpenMs: 30_000, probes: 2,
};

export interface BreakerState {
  readonly phase: "closed" | "open" | "half-open";
  readonly consecutive: number;
  /** This half of the window, and the one before. */
  readonly ok: number;
  readonly failed: number;
  readonly priorOk: number;
  readonly priorFailed: number;
  readonly halfStartedMs: number;
  readonly openUntilMs: number;
  /** Times it opened without closing since. */
  readonly openings: number;
  readonly isProbing: boolean;
  readonly probesAnswered: number;
}

export function closedBreaker(nowMs: number): BreakerState {
  return { phase: "closed", consecutive: 0, ok: 0, failed: 0, priorOk: 0, priorFailed: 0, halfStartedMs: nowMs, openUntilMs: 0, openings: 0, isProbing: false, probesAnswered: 0 };
}

/** Whether a call may go through now. */
export function breakerAdmits(state: BreakerState, nowMs: number): boolean {
  if (state.phase === "closed") return true;
  return !state.isProbing && (state.phase === "half-open" || nowMs >= state.openUntilMs);
}

/** A call was let through: the state, and whether it is a probe (say so again when it ends). */
export function breakerStarted(state: BreakerState): { readonly state: BreakerState; readonly isProbe: boolean } {
  if (state.phase === "closed") return { state, isProbe: false };
  const answered = state.phase === "open" ? 0 : state.probesAnswered;
  return { state: { ...state, phase: "half-open", isProbing: true, probesAnswered: answered }, isProbe: true };
}

export interface BreakerOutcome {
  /** undefined: the call was cancelled and says nothing. */
  readonly isOk: boolean | undefined;
  readonly isProbe: boolean;
  readonly nowMs: number;
}

/** A call ended. What calls from before the opening say is too old to count. */
export function breakerEnded(state: BreakerState, { isOk, isProbe, nowMs }: BreakerOutcome, options: BreakerOptions): BreakerState {
  if (isProbe) return probeEnded(state, { isOk, nowMs }, options);
  if (state.phase !== "closed" || isOk === undefined) return state;
  const half = turnWindow(state, nowMs, options);
  const next = isOk ? { ...half, ok: half.ok + 1, consecutive: 0 } : { ...half, failed: half.failed + 1, consecutive: half.consecutive + 1 };
  if (isOk) return next;
  const failed = next.failed + next.priorFailed;
  const calls = failed + next.ok + next.priorOk;
  const isSick = next.consecutive >= options.consecutiveFailures || (calls >= options.minimumCalls && failed / calls >= options.errorShare);
  return isSick ? opened(next, nowMs, options) : next;
}

function probeEnded(state: BreakerState, { isOk, nowMs }: Pick<BreakerOutcome, "isOk" | "nowMs">, options: BreakerOptions): BreakerState {
  if (state.phase !== "half-open") return state;
  if (isOk === undefined) return { ...state, isProbing: false };
  if (!isOk) return opened(state, nowMs, options);
  const probesAnswered = state.probesAnswered + 1;
  return probesAnswered >= options.probes ? closedBreaker(nowMs) : { ...state, isProbing: false, probesAnswered };
}

function opened(state: BreakerState, nowMs: number, { openMs, maximumOpenMs }: BreakerOptions): BreakerState {
  const waitMs = Math.min(maximumOpenMs, openMs * 2 ** Math.min(state.openings, 30));
  return { ...closedBreaker(nowMs), phase: "open", openUntilMs: nowMs + waitMs, openings: state.openings + 1 };
}

/** Two halves that take turns: what is older than the window is forgotten within half of it. */
function turnWindow(state: BreakerState, nowMs: number, { windowMs }: BreakerOptions): BreakerState {
  const ageMs = nowMs - state.halfStartedMs;
  if (ageMs < windowMs / 2) return state;
  const isFresh = ageMs < windowMs;
  return { ...state, ok: 0, failed: 0, priorOk: isFresh ? state.ok : 0, priorFailed: isFresh ? state.failed : 0, halfStartedMs: nowMs };
}
