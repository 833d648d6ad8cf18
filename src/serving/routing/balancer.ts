/**
 * A balancer over anything that can be called: pick, call, observe. It retries what another replica may do better and
 * hedges what takes long, both within a budget and the caller's deadline. Models and the language gateway's upstreams
 * share it; a caller with an order of attempts of its own uses `acquire`.
 */
import type { Clock } from "../../kernel/clock.ts";
import type { Random } from "../../kernel/random.ts";
import { silentMeter } from "../../ports/telemetry.ts";
import { createFleet } from "./fleet.ts";
import type { Fleet, FleetOptions } from "./fleet.ts";
import { fleetMetrics } from "./fleet-metrics.ts";
import { balancedCall } from "./balanced-call.ts";
import type { Attempt, CallOptions, RetryAllowance } from "./balanced-call.ts";
import { createRecentLatencies } from "./hedge.ts";
import type { HedgeOptions } from "./hedge.ts";
import { HEDGE } from "./hedge.ts";
import { RETRY_BUDGET, payIn, startRetryBudget, takeOut } from "./retry-budget.ts";
import type { RetryBudgetOptions } from "./retry-budget.ts";

export interface BalancerOptions<T> extends Omit<FleetOptions<T>, "nowMs" | "draw"> {
  readonly clock: Pick<Clock, "monotonicMs" | "sleep">;
  readonly random: Pick<Random, "next">;
  /** Attempts beyond the first. Default 2. */
  readonly retries?: number;
  readonly retryBudget?: Partial<RetryBudgetOptions>;
  /** Ask a second replica when the first takes longer than most. Default: off. */
  readonly hedge?: Partial<HedgeOptions> | undefined;
}

export interface Balancer<T> extends Fleet<T>, RetryAllowance {
  /** The first good answer. Throws what the last attempt threw, or UPSTREAM_UNAVAILABLE when nobody could be asked. */
  call<R>(work: (attempt: Attempt<T>) => Promise<R>, options?: CallOptions<R>): Promise<R>;
}

export function createBalancer<T>(options: BalancerOptions<T>): Balancer<T> {
  const { clock, random } = options;
  const budgetOptions = { ...RETRY_BUDGET, ...options.retryBudget };
  const metrics = fleetMetrics(options.meter ?? silentMeter, options.name);
  const fleet = createFleet<T>({ ...options, nowMs: () => clock.monotonicMs(), draw: () => random.next() });
  const hedge = options.hedge && { options: { ...HEDGE, ...options.hedge }, latencies: createRecentLatencies() };
  let budget = startRetryBudget(clock.monotonicMs(), budgetOptions);

  const balancer: Balancer<T> = {
    ...fleet,
    payIn: () => { budget = payIn(budget, clock.monotonicMs(), budgetOptions); },
    takeRetry: () => {
      const left = takeOut(budget, clock.monotonicMs(), budgetOptions);
      if (left) budget = left;
      return left !== undefined;
    },
    call: (work, callOptions = {}) => balancedCall({ balancer, clock, random, metrics, hedge, work, retries: options.retries ?? 2, options: callOptions }),
  };
  return balancer;
}
