/** Moves rollouts: observes what a decision needs, asks for it, and makes aliases and records follow. */
import type { Application } from "../define/index.ts";
import type { Clock } from "../kernel/clock.ts";
import { StrataError } from "../kernel/errors.ts";
import { advanceRollout, decideRollback } from "../modelops/index.ts";
import type { DecisionLog, NewDecision, Registry, RolloutState, Rollouts } from "../modelops/index.ts";
import { decideCanary } from "../observe/index.ts";
import type { Monitor } from "./monitor.ts";

export interface RolloutDriverOptions {
  readonly application: () => Application;
  readonly monitor: Monitor;
  readonly registry: Registry;
  readonly rollouts: Rollouts;
  readonly clock: Clock;
  readonly decisions: DecisionLog;
  readonly decide: (decision: NewDecision) => Promise<void>;
  /** Makes serving follow aliases and rollouts. */
  readonly refresh: (model: string) => Promise<void>;
}

export interface RolloutDriver {
  /** One step of every rollout in progress. */
  moveAll(): Promise<void>;
  /** Makes the aliases follow a rollout that ended while they could not: the process stopped in between, a write failed. */
  finish(model: string): Promise<void>;
  /** A promoted champion is watched for as long as its trial took, at least a day, and rolled back if it falls. */
  watch(model: string): Promise<void>;
  rollback(model: string, reason: string, actor: string): Promise<void>;
  /** ROLLOUT_NOT_FOUND when there is none. */
  cancel(model: string, reason: string, actor: string): Promise<void>;
}

export const CONTROLLER = "strata-controller";
const DAY_MS = 86_400_000;

export function createRolloutDriver({ application, monitor, registry, rollouts, clock, decisions, decide, refresh }: RolloutDriverOptions): RolloutDriver {
  const settled = new Set<string>();

  const move = async (rollout: RolloutState): Promise<void> => {
    const endpoint = application().endpoints.get(rollout.endpoint);
    if (endpoint === undefined) {
      return endTrial(await rollouts.cancel(rollout.id, `Endpoint "${rollout.endpoint}" is no longer defined.`));
    }
    const { champion } = await registry.aliases(rollout.model);
    if (champion !== rollout.champion) {
      return endTrial(await rollouts.cancel(rollout.id, `The champion is ${champion === undefined ? "gone" : `version ${champion}`} and no more version ${rollout.champion}, which the challenger was tried against.`));
    }
    const rules = { policy: endpoint.rollout, deadlineMs: endpoint.deadlineMs, decideCanary };
    const advance = await rollouts.advance(rollout.id, (state) => advanceRollout(state, observe(state), rules));
    if (advance.action === "none") return;
    if (advance.action === "promote" || advance.action === "reject") return endTrial(advance.state);
    await decide({ kind: "rollout", subject: rollout.model, verdict: advance.action, reason: advance.reason });
    await refresh(rollout.model);
  };

  /** Arm totals are cumulative since the phase began; both arms count the same time. */
  const observe = ({ endpoint, champion, challenger, startedAtMs, phaseStartedAtMs }: RolloutState) => {
    const tried = monitor.failures(endpoint, { sinceMs: phaseStartedAtMs, variant: "canary" });
    const proven = monitor.failures(endpoint, { sinceMs: phaseStartedAtMs, variant: "champion" });
    const treatment = monitor.rewards(endpoint, { version: challenger, variant: "canary", sinceMs: phaseStartedAtMs });
    const control = monitor.rewards(endpoint, { version: champion, variant: "champion", sinceMs: phaseStartedAtMs });
    return {
      nowMs: clock.now(), shadow: monitor.shadow(endpoint, challenger, startedAtMs),
      canary: { control, treatment, requests: tried.answers, errors: tried.errors, fallbacks: tried.fallbacks, championFallbackShare: proven.fallbacks / Math.max(1, proven.answers) },
    };
  };

  /** The winner becomes champion; who lost, or was cancelled, is no challenger any more. */
  const endTrial = async ({ model, challenger, champion, phase, decisions: taken }: RolloutState): Promise<void> => {
    const decision = taken.at(-1)!; // a rollout that ended has the decision that ended it
    const { action, reason } = decision;
    if (phase === "promoted") {
      const gates = await registry.gates(model, challenger);
      await registry.moveAlias({ model, alias: "champion", version: challenger, gates, expected: champion, reason, actor: CONTROLLER, decision });
    } else await registry.removeAlias({ model, alias: "challenger", reason, actor: CONTROLLER, decision });
    await decide({ kind: "rollout", subject: model, verdict: action, reason });
    await refresh(model);
  };

  const finish = async (model: string): Promise<void> => {
    const latest = (await rollouts.list({ model, limit: 1 })).rollouts[0];
    if (latest === undefined || latest.phase === "shadow" || latest.phase === "canary") return;
    if ((await registry.aliases(model)).challenger === latest.challenger) await endTrial(latest);
  };

  const rollback = async (model: string, reason: string, actor: string): Promise<void> => {
    const { champion } = await registry.aliases(model);
    await registry.rollback({ model, reason, actor, expected: champion ?? null }); // first: if it is refused, a trial goes on
    const active = await rollouts.activeOf(model);
    if (active) await rollouts.cancel(active.id, `Rolled back: ${reason}`);
    await registry.removeAlias({ model, alias: "challenger", reason, actor });
    await decide({ kind: "alias", subject: model, verdict: "rollback", reason });
    await refresh(model);
  };

  /** Also when an earlier process settled it: a champion is not judged again, weeks later, because of a restart. */
  const isSettled = async ({ id, model }: RolloutState): Promise<boolean> => {
    const [latest] = (await decisions.list({ kind: "rollout", subject: model, limit: 1 })).decisions;
    if (latest?.verdict === "settled") settled.add(id);
    return settled.has(id);
  };

  return {
    moveAll: async () => {
      for (const rollout of await rollouts.active()) await move(rollout);
    },
    finish,
    watch: async (model) => {
      const latest = (await rollouts.list({ model, limit: 1 })).rollouts[0];
      const { champion, previous } = await registry.aliases(model);
      if (latest?.phase !== "promoted" || latest.challenger !== champion || settled.has(latest.id)) return;
      const endpoint = application().endpoints.get(latest.endpoint);
      if (endpoint === undefined || await isSettled(latest)) return;
      const trialMs = latest.phaseStartedAtMs - latest.startedAtMs;
      const before = monitor.rewards(endpoint.name, { version: latest.champion, variant: "champion", sinceMs: latest.startedAtMs });
      const after = monitor.rewards(endpoint.name, { version: latest.challenger, variant: "champion", sinceMs: latest.phaseStartedAtMs });
      const watch = { model, nowMs: clock.now(), promotedAtMs: latest.phaseStartedAtMs, watchMs: Math.max(DAY_MS, trialMs), champion, previous, before, after };
      const { action, reason } = decideRollback(watch, { policy: endpoint.rollout, decideCanary });
      if (action === "watch") return;
      if (action === "rollback") await rollback(model, reason, CONTROLLER);
      else await decide({ kind: "rollout", subject: model, verdict: "settled", reason });
      settled.add(latest.id);
    },
    rollback,
    cancel: async (model, reason, actor) => {
      const active = await rollouts.activeOf(model);
      if (active === undefined) throw new StrataError("ROLLOUT_NOT_FOUND", { model });
      await registry.removeAlias({ model, alias: "challenger", reason, actor }); // first: it checks reason and actor
      await rollouts.cancel(active.id, reason);
      await decide({ kind: "rollout", subject: model, verdict: "cancel", reason });
      await refresh(model);
    },
  };
}
