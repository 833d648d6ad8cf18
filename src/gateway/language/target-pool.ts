/**
 * Which target takes an attempt: the lowest priority that has one in order, among equals as the model's balance says.
 * Keeps what each target did: calls in flight, latency, failures.
 */
import type { LanguageModel, Target } from "../../define/language-model.ts";
import type { Clock } from "../../kernel/clock.ts";
import { hash32 } from "../../kernel/random.ts";
import type { FailureKind } from "./retry-decision.ts";

export interface TargetLease {
  readonly target: Target;
  /** The first token has come: what latency is judged by. */
  answered(): void;
  /** Exactly once; undefined: it answered well. */
  end(failure: FailureKind | undefined): void;
}

export interface TargetStatus {
  readonly languageModel: string;
  readonly upstream: string;
  readonly model: string;
  readonly url: string;
  readonly priority: number;
  readonly breaker: "closed" | "open" | "half-open";
  readonly inFlight: number;
  readonly calls: number;
  readonly failures: number;
  /** Average time to the first token (or the whole answer), recent calls weighing more; null before the first. */
  readonly latencyMs: number | null;
  readonly lastFailure: FailureKind | null;
}

export interface TargetPool {
  /** undefined: no target may be asked now. Targets that this call has tried come last. */
  lease(model: LanguageModel, choice: { readonly tried: ReadonlySet<Target>; readonly prefix: string }): TargetLease | undefined;
  /** Milliseconds until a target may be asked again. */
  retryAfterMs(model: LanguageModel): number;
  statuses(models: Iterable<LanguageModel>): readonly TargetStatus[];
}

interface TargetState {
  inFlight: number;
  calls: number;
  failures: number;
  consecutive: number;
  openUntilMs: number;
  busyUntilMs: number;
  latencyMs: number | undefined;
  lastFailure: FailureKind | undefined;
}

const OPENS_AFTER = 5;
const OPEN_MS = 5_000;
const BUSY_MS = 500;
/** Weight of the latest latency. */
const SMOOTHING = 0.2;

export function createTargetPool({ clock, random }: { readonly clock: Clock; readonly random: () => number }): TargetPool {
  const states = new WeakMap<Target, TargetState>();
  const stateOf = (target: Target): TargetState => {
    let state = states.get(target);
    if (state === undefined) states.set(target, state = { inFlight: 0, calls: 0, failures: 0, consecutive: 0, openUntilMs: 0, busyUntilMs: 0, latencyMs: undefined, lastFailure: undefined });
    return state;
  };
  const breakerOf = (state: TargetState, nowMs: number): TargetStatus["breaker"] =>
    state.consecutive < OPENS_AFTER ? "closed" : nowMs < state.openUntilMs || state.inFlight > 0 ? "open" : "half-open";

  const costOf = (model: LanguageModel, target: Target, prefix: string): number => {
    const { inFlight, latencyMs = 0 } = stateOf(target);
    switch (model.balance) {
      case "weighted": return -Math.log(1 - random()) / target.weight; // the least of exponential draws falls on each by its weight
      case "latency": return latencyMs * (inFlight + 1);
      case "prefix": return hash32(`${prefix} ${target.upstream.name} ${target.model}`) / 2 ** 32 + inFlight / (4 * target.weight);
      case "least-in-flight": return (inFlight + random() * 0.5) / target.weight;
    }
  };
  const cheapest = (model: LanguageModel, targets: readonly Target[], prefix: string): Target | undefined => {
    if (targets.length < 2) return targets[0];
    const costs = targets.map((target) => costOf(model, target, prefix));
    return targets[costs.indexOf(Math.min(...costs))];
  };
  const choose = (model: LanguageModel, tried: ReadonlySet<Target>, prefix: string): Target | undefined => {
    const nowMs = clock.monotonicMs();
    const usable = model.targets.filter((target) => breakerOf(stateOf(target), nowMs) !== "open");
    const fresh = usable.filter((target) => !tried.has(target));
    const calm = fresh.filter((target) => stateOf(target).busyUntilMs <= nowMs);
    const among = calm.length > 0 ? calm : fresh.length > 0 ? fresh : usable;
    const best = Math.min(...among.map((target) => priorityOf(model, target)));
    return cheapest(model, among.filter((target) => priorityOf(model, target) === best), prefix);
  };

  return {
    lease: (model, { tried, prefix }) => {
      const target = choose(model, tried, prefix);
      if (target === undefined) return undefined;
      const state = stateOf(target);
      const startedMs = clock.monotonicMs();
      let isEnded = false;
      state.inFlight += 1;
      state.calls += 1;
      return {
        target,
        answered: () => {
          const tookMs = clock.monotonicMs() - startedMs;
          state.latencyMs = state.latencyMs === undefined ? tookMs : state.latencyMs + SMOOTHING * (tookMs - state.latencyMs);
        },
        end: (failure) => {
          if (isEnded) return;
          isEnded = true;
          state.inFlight -= 1;
          if (failure === undefined) state.consecutive = 0;
          else noteFailure(state, failure, clock.monotonicMs());
        },
      };
    },
    retryAfterMs: ({ targets }) => Math.max(0, Math.min(...targets.map((target) => stateOf(target).openUntilMs)) - clock.monotonicMs()),
    statuses: (models) => [...models].flatMap((model) => model.targets.map((target): TargetStatus => {
      const state = stateOf(target);
      return {
        languageModel: model.name, upstream: target.upstream.name, model: target.model, url: target.upstream.url, priority: priorityOf(model, target),
        breaker: breakerOf(state, clock.monotonicMs()), inFlight: state.inFlight, calls: state.calls, failures: state.failures,
        latencyMs: state.latencyMs ?? null, lastFailure: state.lastFailure ?? null,
      };
    })),
  };
}

function noteFailure(state: TargetState, failure: FailureKind, nowMs: number): void {
  if (failure === "refused" || failure === "cancelled" || failure === "unsupported") return;
  state.lastFailure = failure;
  state.failures += 1;
  if (failure === "busy") {
    state.busyUntilMs = nowMs + BUSY_MS;
    return;
  }
  state.consecutive += 1;
  if (state.consecutive >= OPENS_AFTER) state.openUntilMs = nowMs + OPEN_MS;
}

/** A target without one is a fallback of those before it in the list. */
function priorityOf({ targets }: LanguageModel, target: Target): number {
  return target.priority ?? targets.indexOf(target);
}
