/**
 * Which target of a language model takes an attempt: one balancer per model, kept across reloads of the definition.
 * Targets of the lowest priority come first, among equals the model's balance decides; broken and busy ones are left alone.
 */
import type { LanguageModel, Target } from "../../define/language-model.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Random } from "../../kernel/random.ts";
import type { Meter } from "../../ports/telemetry.ts";
import { createBalancer } from "../../serving/index.ts";
import type { Balancer, CallOutcome, FleetReport } from "../../serving/index.ts";
import type { FailureKind } from "./retry-decision.ts";

export interface TargetLease {
  readonly target: Target;
  /** The first token has come: what latency is judged by. */
  answered(): void;
  /** Exactly once; undefined: it answered well. */
  end(failure: FailureKind | undefined, retryAfterSeconds?: number): void;
}

export interface TargetChoice {
  /** Targets that this call has tried: asked again only when there is no other. */
  readonly tried: ReadonlySet<Target>;
  readonly prefix: string | undefined;
}

export interface TargetPool {
  /** UPSTREAM_UNAVAILABLE when no target may be asked now. */
  lease(model: LanguageModel, choice: TargetChoice): TargetLease;
  /** Another target is in order. */
  hasUntried(model: LanguageModel, tried: ReadonlySet<Target>): boolean;
  /** The same target again costs a retry of the model's budget: a share of its calls, so that an outage is not made worse. */
  takeRetry(model: LanguageModel): boolean;
  reports(models: Iterable<LanguageModel>): readonly FleetReport[];
}

export interface TargetPoolOptions {
  readonly clock: Clock;
  readonly random: Pick<Random, "next">;
  readonly meter: Meter;
}

interface Fleet {
  model: LanguageModel;
  readonly balancer: Balancer<Target>;
}

/** An upstream may ask for more, but then it is better to try again and be told so again. */
const LONGEST_BUSY_MS = 60_000;

export function createTargetPool({ clock, random, meter }: TargetPoolOptions): TargetPool {
  const fleets = new Map<string, Fleet>();

  const balancerOf = (model: LanguageModel): Balancer<Target> => {
    const fleet = fleets.get(model.name);
    if (fleet?.model === model) return fleet.balancer;
    if (fleet !== undefined && fleet.model.balance === model.balance) {
      fleet.model = model;
      fleet.balancer.update(replicasOf(model));
      return fleet.balancer;
    }
    // targets are different models, so one that is slower than the others is no outlier
    const balancer = createBalancer<Target>({ name: model.name, replicas: replicasOf(model), policy: model.balance, clock, random, meter, ejection: false });
    fleets.set(model.name, { model, balancer });
    return balancer;
  };

  return {
    lease: (model, { tried, prefix }) => {
      const balancer = balancerOf(model);
      const exclude = namesOf(model, tried);
      if (tried.size === 0) balancer.payIn();
      const lease = balancer.acquire({ prefix, exclude: exclude.size > 0 && balancer.hasOther(exclude) ? exclude : undefined });
      return {
        target: lease.target, answered: lease.answered,
        end: (failure, retryAfterSeconds = 0) => lease.end(failure === undefined ? "ok" : OUTCOMES[failure], Math.min(LONGEST_BUSY_MS, retryAfterSeconds * 1_000)),
      };
    },
    hasUntried: (model, tried) => balancerOf(model).hasOther(namesOf(model, tried)),
    takeRetry: (model) => balancerOf(model).takeRetry(),
    reports: (models) => Array.from(models, (model) => balancerOf(model).report()),
  };
}

const OUTCOMES: Readonly<Record<FailureKind, CallOutcome>> = {
  refused: "refused", unsupported: "refused", busy: "busy", cancelled: "cancelled", failed: "failed", misconfigured: "failed", slow: "failed",
};

/** A target without a priority is a fallback of those before it in the list. */
function replicasOf({ targets }: LanguageModel) {
  return targets.map((target, at) => ({ name: nameOf(target, at), target, weight: target.weight, priority: target.priority ?? at }));
}

function namesOf({ targets }: LanguageModel, tried: ReadonlySet<Target>): ReadonlySet<string> {
  return tried.size === 0 ? NONE : new Set(targets.flatMap((target, at) => (tried.has(target) ? [nameOf(target, at)] : [])));
}

const NONE: ReadonlySet<string> = new Set();

/** The place in the list tells apart two targets on the same model. */
function nameOf({ upstream, model }: Target, at: number): string {
  return `${at}:${upstream.name}/${model}`;
}
