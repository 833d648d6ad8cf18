/** Moves rollouts: observes what a decision needs, asks for it, and makes aliases and records follow. */
import type { Application } from "../define/index.ts";
import type { Clock } from "../kernel/clock.ts";
import { StrataError } from "../kernel/errors.ts";
import { advanceRollout, decideRollback } from "../modelops/index.ts";
import type { NewDecision, Registry, RolloutAdvance, RolloutState, Rollouts } from "../modelops/index.ts";
import { decideCanary } from "../observe/index.ts";
import type { Monitor } from "./monitor.ts";

export interface RolloutDriverOptions {
  readonly application: () => Application;
  readonly monitor: Monitor;
  readonly registry: Registry;
  readonly rollouts: Rollouts;
  readonly clock: Clock;
  readonly decide: (decision: NewDecision) => Promise<void>;
  /** Makes serving follow aliases and rollouts. */
  readonly refresh: (model: string) => Promise<void>;
}

export interface RolloutDriver {
  /** One step of every rollout in progress. */
  moveAll(): Promise<void>;
  /** A promoted champion is watched for as long as its trial took, at least a day, and rolled back if it falls. */
  watch(model: string): Promise<void>;
  rollback(model: string, reason: string, actor: string): Promise<void>;
  /** ROLLOUT_NOT_FOUND when there is none. */
  cancel(model: string, reason: string, actor: string): Promise<void>;
}

export const CONTROLLER = "strata-controller";
const DAY_MS = 86_400_000;

export function createRolloutDriver({ application, monitor, registry, rollouts, clock, decide, refresh }: RolloutDriverOptions): RolloutDriver {
  const settled = new Set<string>();

  const move = async (rollout: RolloutState): Promise<void> => {
    const endpoint = application().endpoints.get(rollout.endpoint);
    if (endpoint === undefined) {
      await rollouts.cancel(rollout.id, `Endpoint "${rollout.endpoint}" is no longer defined.`);
      return refresh(rollout.model);
    }
    const rules = { policy: endpoint.rollout, deadlineMs: endpoint.deadlineMs, decideCanary };
    const advance = await rollouts.advance(rollout.id, (state) => advanceRollout(state, observe(state), rules));
    if (advance.action !== "none") await follow(rollout, advance);
  };

  /** Arm totals are cumulative since the phase began; both arms count the same time. */
  const observe = ({ endpoint, champion, challenger, startedAtMs, phaseStartedAtMs }: RolloutState) => {
    const failures = monitor.failures(endpoint, phaseStartedAtMs);
    const treatment = monitor.rewards(endpoint, { version: challenger, variant: "canary", sinceMs: phaseStartedAtMs });
    const control = monitor.rewards(endpoint, { version: champion, variant: "champion", sinceMs: phaseStartedAtMs });
    return {
      nowMs: clock.now(), shadow: monitor.shadow(endpoint, challenger, startedAtMs),
      canary: { control, treatment, requests: treatment.n, errors: 0, fallbacks: 0, championFallbackShare: failures.fallbacks / Math.max(1, failures.answers) },
    };
  };

  const follow = async (rollout: RolloutState, { action, reason, state }: RolloutAdvance): Promise<void> => {
    const { model, challenger, champion } = rollout;
    const decision = state.decisions.at(-1);
    if (action === "promote") {
      const gates = await registry.gates(model, challenger);
      await registry.moveAlias({ model, alias: "champion", version: challenger, gates, expected: champion, reason, actor: CONTROLLER, decision });
    }
    if (action === "reject") await registry.removeAlias({ model, alias: "challenger", reason, actor: CONTROLLER, decision });
    await decide({ kind: "rollout", subject: model, verdict: action, reason });
    await refresh(model);
  };

  const rollback = async (model: string, reason: string, actor: string): Promise<void> => {
    const active = await rollouts.activeOf(model);
    if (active) await rollouts.cancel(active.id, `Rolled back: ${reason}`);
    const { champion } = await registry.aliases(model);
    await registry.rollback({ model, reason, actor, expected: champion ?? null });
    await decide({ kind: "alias", subject: model, verdict: "rollback", reason });
    await refresh(model);
  };

  return {
    moveAll: async () => {
      for (const rollout of await rollouts.active()) await move(rollout);
    },
    watch: async (model) => {
      const latest = (await rollouts.list({ model, limit: 1 })).rollouts[0];
      const { champion, previous } = await registry.aliases(model);
      if (latest?.phase !== "promoted" || latest.challenger !== champion || settled.has(latest.id)) return;
      const endpoint = application().endpoints.get(latest.endpoint);
      if (endpoint === undefined) return;
      const trialMs = latest.phaseStartedAtMs - latest.startedAtMs;
      const before = monitor.rewards(endpoint.name, { version: latest.champion, variant: "champion", sinceMs: latest.startedAtMs });
      const after = monitor.rewards(endpoint.name, { version: latest.challenger, variant: "champion", sinceMs: latest.phaseStartedAtMs });
      const watch = { model, nowMs: clock.now(), promotedAtMs: latest.phaseStartedAtMs, watchMs: Math.max(DAY_MS, trialMs), champion, previous, before, after };
      const { action, reason } = decideRollback(watch, { policy: endpoint.rollout, decideCanary });
      if (action === "watch") return;
      settled.add(latest.id);
      if (action === "rollback") await rollback(model, reason, CONTROLLER);
      else await decide({ kind: "rollout", subject: model, verdict: "settled", reason });
    },
    rollback,
    cancel: async (model, reason, actor) => {
      const active = await rollouts.activeOf(model);
      if (active === undefined) throw new StrataError("ROLLOUT_NOT_FOUND", { model });
      await rollouts.cancel(active.id, reason);
      await registry.removeAlias({ model, alias: "challenger", reason, actor });
      await decide({ kind: "rollout", subject: model, verdict: "cancel", reason });
      await refresh(model);
    },
  };
}
