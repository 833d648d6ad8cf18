/** One call through a balancer: attempts, retries, and the race of a hedged attempt against the first. */
import type { Clock } from "../../kernel/clock.ts";
import { isStrataError } from "../../kernel/errors.ts";
import type { Random } from "../../kernel/random.ts";
import { mayRetry, outcomeOf } from "./call-outcome.ts";
import type { CallOutcome } from "./call-outcome.ts";
import type { FleetMetrics } from "./fleet-metrics.ts";
import type { Fleet, Lease } from "./fleet.ts";
import type { HedgeOptions, RecentLatencies } from "./hedge.ts";

/** One try at one replica. */
export interface Attempt<T> {
  readonly replica: string;
  readonly target: T;
  /** 1, 2, 3 … */
  readonly number: number;
  /** The caller's, or one that also fires when another attempt was faster. */
  readonly signal: AbortSignal | undefined;
  /** The first byte came. */
  answered(): void;
  /** The answer is a stream: the call counts as in flight until the returned function is called with how it ended. */
  keepOpen(): (outcome: CallOutcome) => void;
}

export interface CallOptions<R> {
  readonly prefix?: string | Uint8Array | undefined;
  /** Calls with the same key go to the same replica. */
  readonly sticky?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** On the clock's monotonic time: nothing is tried again after it. */
  readonly deadlineAtMs?: number | undefined;
  /** Attempts beyond the first; the balancer's when absent. */
  readonly retries?: number;
  /** false: neither hedged, nor retried unless the replica had no room for it. Default true. */
  readonly isIdempotent?: boolean;
  /** What a thrown value says about the replica; by the error table when absent. */
  readonly classify?: (thrown: unknown) => CallOutcome;
  /** Gets the answer of an attempt that came too late, to close it. */
  readonly discard?: (answer: R) => void;
}

/** How many retries there may be, over all calls. */
export interface RetryAllowance {
  /** A call came; for callers of `acquire` that retry by themselves. */
  payIn(): void;
  /** Takes one retry from the budget; false when there is none left. */
  takeRetry(): boolean;
}

export interface CallContext<T, R> {
  readonly balancer: Pick<Fleet<T>, "acquire" | "hasOther"> & RetryAllowance;
  readonly clock: Pick<Clock, "monotonicMs" | "sleep">;
  readonly random: Pick<Random, "next">;
  readonly metrics: FleetMetrics;
  readonly hedge: { readonly options: HedgeOptions; readonly latencies: RecentLatencies } | undefined;
  readonly work: (attempt: Attempt<T>) => Promise<R>;
  readonly retries: number;
  readonly options: CallOptions<R>;
}

/** Pause before asking a replica that just failed once more: doubles from here, with full jitter. */
const BACKOFF_MS = 20;

export async function balancedCall<T, R>(context: CallContext<T, R>): Promise<R> {
  const { balancer, options } = context;
  const retries = options.retries ?? context.retries;
  const tried = new Set<string>();
  balancer.payIn();
  let lease = balancer.acquire({ prefix: options.prefix, sticky: options.sticky });
  for (let attempt = 1; ; attempt++) {
    tried.add(lease.replica);
    try {
      return await hedgedAttempt(context, lease, { attempt, tried });
    } catch (thrown) {
      const next = attempt <= retries && canTryAgain(context, thrown) ? await nextLease(context, tried, attempt) : undefined;
      if (next === undefined) throw thrown;
      lease = next;
    }
  }
}

function classify<T, R>({ options }: CallContext<T, R>, thrown: unknown): CallOutcome {
  return options.signal?.aborted === true ? "cancelled" : (options.classify ?? outcomeOf)(thrown);
}

function canTryAgain<T, R>(context: CallContext<T, R>, thrown: unknown): boolean {
  const { options, clock, balancer, metrics } = context;
  const outcome = classify(context, thrown);
  if (!mayRetry(outcome) || (options.isIdempotent === false && outcome !== "busy")) return false;
  if (options.deadlineAtMs !== undefined && clock.monotonicMs() >= options.deadlineAtMs) return false;
  if (!balancer.takeRetry()) return false;
  metrics.retried();
  return true;
}

/** Somebody else at once, or the same replica after a pause. undefined: nobody can be asked in time. */
async function nextLease<T, R>({ balancer, options, clock, random }: CallContext<T, R>, tried: Set<string>, attempt: number): Promise<Lease<T> | undefined> {
  if (!balancer.hasOther(tried)) {
    const pauseMs = random.next() * BACKOFF_MS * 2 ** (attempt - 1);
    if (options.deadlineAtMs !== undefined && clock.monotonicMs() + pauseMs >= options.deadlineAtMs) return undefined;
    await clock.sleep(pauseMs, options.signal).catch(() => undefined); // cancelled: seen below
    if (options.signal?.aborted === true) return undefined;
    tried.clear();
  }
  try {
    return balancer.acquire({ prefix: options.prefix, sticky: options.sticky, exclude: tried });
  } catch {
    return undefined; // the first failure says more than "nobody left"
  }
}

interface Tries {
  readonly attempt: number;
  readonly tried: Set<string>;
}

async function hedgedAttempt<T, R>(context: CallContext<T, R>, lease: Lease<T>, tries: Tries): Promise<R> {
  const { hedge, options, clock } = context;
  const startedMs = clock.monotonicMs();
  const note = (answer: R): R => {
    hedge?.latencies.add(clock.monotonicMs() - startedMs);
    return answer;
  };
  const waitMs = options.isIdempotent === false ? undefined : hedge?.latencies.hedgeAfterMs(hedge.options);
  if (waitMs === undefined) return note(await runAttempt(context, lease, { number: tries.attempt, signal: options.signal }));
  const late = options.deadlineAtMs !== undefined && startedMs + waitMs >= options.deadlineAtMs;
  return note(await (late ? runAttempt(context, lease, { number: tries.attempt, signal: options.signal }) : race(context, lease, { ...tries, waitMs })));
}

/** The first good answer of two attempts; the other is cancelled. When both fail, the error of the first. */
function race<T, R>(context: CallContext<T, R>, first: Lease<T>, { attempt, tried, waitMs }: Tries & { readonly waitMs: number }): Promise<R> {
  const { options, balancer, clock, metrics } = context;
  const runners = new Map<Lease<T>, AbortController>();
  const waiting = new AbortController();
  let firstError: { readonly thrown: unknown } | undefined;
  return new Promise<R>((resolve, reject) => {
    let isDecided = false;
    const settle = (winner: Lease<T> | undefined, finish: () => void): void => {
      isDecided = true;
      waiting.abort();
      for (const [lease, controller] of runners) if (lease !== winner) controller.abort();
      finish();
    };
    const start = (lease: Lease<T>): void => {
      const controller = new AbortController();
      runners.set(lease, controller);
      const signal = options.signal ? AbortSignal.any([options.signal, controller.signal]) : controller.signal;
      runAttempt(context, lease, { number: attempt, signal }).then(
        (answer) => {
          if (isDecided) return options.discard?.(answer);
          settle(lease, () => resolve(answer));
        },
        (thrown: unknown) => {
          runners.delete(lease);
          if (isDecided) return;
          if (lease === first || firstError === undefined) firstError = { thrown };
          const { thrown: reason } = firstError;
          if (runners.size === 0) settle(undefined, () => reject(reason));
        },
      );
    };
    start(first);
    clock.sleep(waitMs, waiting.signal).then(() => {
      if (isDecided || runners.size === 0 || !balancer.hasOther(tried) || !balancer.takeRetry()) return;
      metrics.hedged();
      const second = balancer.acquire({ prefix: options.prefix, sticky: options.sticky, exclude: tried });
      tried.add(second.replica);
      start(second);
    }).catch(() => undefined); // decided before the wait was over
  });
}

async function runAttempt<T, R>(context: CallContext<T, R>, lease: Lease<T>, { number, signal }: { readonly number: number; readonly signal: AbortSignal | undefined }): Promise<R> {
  let isKeptOpen = false;
  const attempt: Attempt<T> = {
    replica: lease.replica, target: lease.target, number, signal,
    answered: lease.answered,
    keepOpen: () => {
      isKeptOpen = true;
      return (outcome) => lease.end(outcome);
    },
  };
  try {
    const answer = await context.work(attempt);
    if (isKeptOpen) lease.answered();
    else lease.end("ok");
    return answer;
  } catch (thrown) {
    const outcome = signal?.aborted === true ? "cancelled" : classify(context, thrown);
    lease.end(outcome, outcome === "busy" && isStrataError(thrown) ? (thrown.retryAfterSeconds ?? 0) * 1_000 : 0);
    throw thrown;
  }
}
