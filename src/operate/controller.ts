/**
 * The control loop: on every tick it settles what was observed, moves rollouts, watches fresh champions, and starts
 * retraining where a trigger fires. All judgement is in pure functions of modelops; this file observes and acts, and
 * writes down every decision with its reason.
 */
import type { Application, Endpoint, Model } from "../define/index.ts";
import type { Clock } from "../kernel/clock.ts";
import { StrataError, reasonOf } from "../kernel/errors.ts";
import { advanceRollout, decideRetraining, decideRollback } from "../modelops/index.ts";
import type { DecisionLog, Experiments, GateVerdict, NewDecision, Registry, RetrainingSnapshot, RolloutAdvance, RolloutState, Rollouts, RunTrigger } from "../modelops/index.ts";
import { decideCanary } from "../observe/index.ts";
import type { Logger } from "../ports/telemetry.ts";
import type { TrafficPlan } from "../serving/index.ts";
import type { DriftWindow } from "./drift-watch.ts";
import { psiOf } from "./drift-watch.ts";
import type { Monitor } from "./monitor.ts";
import { planTraffic } from "./traffic-plan.ts";

export interface ControllerOptions {
  readonly application: () => Application;
  readonly monitor: Monitor;
  readonly registry: Registry;
  readonly experiments: Experiments;
  readonly rollouts: Rollouts;
  readonly decisions: DecisionLog;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly dailyTrainings: number;
  /** Trains, registers and evaluates; resolves with the version that may go on trial, if its gates passed. */
  readonly train: (model: Model, trigger: RunTrigger) => Promise<TrainedVersion>;
  /** Events in the model's example stream since the run started. */
  readonly newEvents: (model: Model, runParameters: Readonly<Record<string, unknown>> | undefined) => number;
  readonly dataQuality: (model: Model) => { readonly ok: boolean; readonly reason: string };
  /** Loads what the plan serves and drops what it does not. */
  readonly serve: (model: string, plan: TrafficPlan) => Promise<void>;
}

export interface TrainedVersion {
  readonly version: number;
  readonly passed: boolean;
  readonly reason: string;
  readonly gates: readonly GateVerdict[];
}

export interface Controller {
  /** Reads aliases and rollouts and makes serving follow them. */
  start(): Promise<void>;
  /** One round of decisions. Trainings it starts run on; see `idle`. */
  tick(): Promise<void>;
  /** The plan that serves the model now. */
  trafficPlan(model: string): TrafficPlan;
  /** Trains now, whatever the triggers say, and puts the result on trial or into service. */
  train(model: Model, trigger: RunTrigger): Promise<TrainedVersion>;
  rollback(model: string, reason: string, actor: string): Promise<void>;
  /** Ends the trial of a challenger; the champion stays. ROLLOUT_NOT_FOUND when there is none. */
  cancelRollout(model: string, reason: string, actor: string): Promise<void>;
  isTraining(model: string): boolean;
  /** Resolves when no training is running. */
  idle(): Promise<void>;
  onDriftWindow(window: DriftWindow): Promise<void>;
}

const DAY_MS = 86_400_000;
const PERFORMANCE_WINDOW_MS = DAY_MS;
const NOBODY: TrafficPlan = { champion: undefined, challenger: undefined, canaryShare: 0, isShadowing: false, salt: "" };
const ACTOR = "strata-controller";

export function createController(options: ControllerOptions): Controller {
  const { application, monitor, registry, experiments, rollouts, decisions, clock, logger } = options;
  const plans = new Map<string, TrafficPlan>();
  const trainings = new Map<string, Promise<TrainedVersion>>();
  const lastVerdicts = new Map<string, string>();
  const settled = new Set<string>();

  const decide = async (decision: NewDecision): Promise<void> => {
    await decisions.append(decision);
    logger.log("info", `${decision.kind} ${decision.subject}: ${decision.verdict}. ${decision.reason}`);
  };

  /** Repeats of the same verdict are not news. */
  const decideOnce = async (decision: NewDecision, key = decision.verdict): Promise<void> => {
    const subject = `${decision.kind}|${decision.subject}`;
    if (lastVerdicts.get(subject) === key) return;
    lastVerdicts.set(subject, key);
    await decide(decision);
  };

  const refresh = async (model: string): Promise<void> => {
    const plan = planTraffic(await registry.aliases(model), await rollouts.activeOf(model));
    await options.serve(model, plan);
    plans.set(model, plan);
  };

  const endpointOf = (model: Model): Endpoint | undefined => [...application().endpoints.values()].find((endpoint) => endpoint.model.name === model.name);

  const train = (model: Model, trigger: RunTrigger): Promise<TrainedVersion> => {
    const running = trainings.get(model.name);
    if (running) return running;
    const training = runTraining(model, trigger).finally(() => trainings.delete(model.name));
    trainings.set(model.name, training);
    return training;
  };

  const runTraining = async (model: Model, trigger: RunTrigger): Promise<TrainedVersion> => {
    await decide({ kind: "training", subject: model.name, verdict: "started", reason: trigger.reason });
    try {
      const trained = await options.train(model, trigger);
      await decide({ kind: "gate", subject: model.name, verdict: trained.passed ? "passed" : "failed", reason: `Version ${trained.version}: ${trained.reason}`, details: trained.gates });
      if (trained.passed) await putIntoService(model, trained);
      return trained;
    } catch (thrown) {
      await decide({ kind: "training", subject: model.name, verdict: "failed", reason: reasonOf(thrown) });
      throw thrown;
    }
  };

  /** The first version that passes becomes champion; later ones go on trial against it. */
  const putIntoService = async (model: Model, { version, gates }: TrainedVersion): Promise<void> => {
    const { champion } = await registry.aliases(model.name);
    const endpoint = endpointOf(model);
    if (champion === undefined || endpoint === undefined) {
      const reason = champion === undefined ? `Version ${version} passed its gates and there is no champion yet.` : `Version ${version} passed its gates and no endpoint can try it on traffic.`;
      await registry.moveAlias({ model: model.name, alias: "champion", version, gates, reason, actor: ACTOR });
      await decide({ kind: "alias", subject: model.name, verdict: "champion", reason });
    } else {
      await registry.moveAlias({ model: model.name, alias: "challenger", version, gates, reason: `Version ${version} passed its gates.`, actor: ACTOR });
      const reason = `Version ${version} goes on trial against version ${champion}: in shadow for ${endpoint.rollout.shadowRequests} requests first.`;
      await rollouts.start({ model: model.name, endpoint: endpoint.name, challenger: version, champion, reason });
      await decide({ kind: "rollout", subject: model.name, verdict: "start", reason });
    }
    await refresh(model.name);
  };

  const moveRollout = async (rollout: RolloutState): Promise<void> => {
    const endpoint = application().endpoints.get(rollout.endpoint);
    if (endpoint === undefined) {
      await rollouts.cancel(rollout.id, `Endpoint "${rollout.endpoint}" is no longer defined.`);
      return refresh(rollout.model);
    }
    const advance = await rollouts.advance(rollout.id, (state) =>
      advanceRollout(state, observe(state), { policy: endpoint.rollout, deadlineMs: endpoint.deadlineMs, decideCanary }));
    if (advance.action !== "none") await actOn(rollout, advance);
  };

  const observe = (state: RolloutState) => {
    const { endpoint, champion, challenger, phaseStartedAtMs } = state;
    const failures = monitor.failures(endpoint, phaseStartedAtMs);
    const fallbackShare = failures.fallbacks / Math.max(1, failures.answers);
    const treatment = monitor.rewards(endpoint, { version: challenger, variant: "canary", sinceMs: phaseStartedAtMs });
    return {
      nowMs: clock.now(), shadow: monitor.shadow(endpoint, challenger, state.startedAtMs),
      canary: {
        control: monitor.rewards(endpoint, { version: champion, variant: "champion", sinceMs: phaseStartedAtMs }), treatment,
        requests: treatment.n, errors: 0, fallbacks: 0, championFallbackShare: fallbackShare,
      },
    };
  };

  const actOn = async (rollout: RolloutState, { action, reason, state }: RolloutAdvance): Promise<void> => {
    const { model, challenger, champion } = rollout;
    if (action === "promote") {
      const gates = await registry.gates(model, challenger);
      await registry.moveAlias({ model, alias: "champion", version: challenger, gates, expected: champion, reason, actor: ACTOR, decision: state.decisions.at(-1) });
    }
    if (action === "reject") await registry.removeAlias({ model, alias: "challenger", reason, actor: ACTOR, decision: state.decisions.at(-1) });
    await decide({ kind: "rollout", subject: model, verdict: action, reason });
    await refresh(model);
  };

  /** A promoted champion is watched for as long as its trial took, at least a day. */
  const watchChampion = async (model: Model): Promise<void> => {
    const latest = (await rollouts.list({ model: model.name, limit: 1 })).rollouts[0];
    const { champion, previous } = await registry.aliases(model.name);
    const endpoint = endpointOf(model);
    if (latest?.phase !== "promoted" || latest.challenger !== champion || endpoint === undefined || settled.has(latest.id)) return;
    const trialMs = latest.phaseStartedAtMs - latest.startedAtMs;
    const before = monitor.rewards(endpoint.name, { version: latest.champion, variant: "champion", sinceMs: latest.startedAtMs });
    const after = monitor.rewards(endpoint.name, { version: latest.challenger, variant: "champion", sinceMs: latest.phaseStartedAtMs });
    const watch = { model: model.name, nowMs: clock.now(), promotedAtMs: latest.phaseStartedAtMs, watchMs: Math.max(DAY_MS, trialMs), champion, previous, before, after };
    const { action, reason } = decideRollback(watch, { policy: endpoint.rollout, decideCanary });
    if (action === "watch") return;
    settled.add(latest.id);
    if (action === "rollback") await rollback(model.name, reason, ACTOR);
    else await decide({ kind: "rollout", subject: model.name, verdict: "settled", reason });
  };

  const rollback = async (model: string, reason: string, actor: string): Promise<void> => {
    const active = await rollouts.activeOf(model);
    if (active) await rollouts.cancel(active.id, `Rolled back: ${reason}`);
    const { champion } = await registry.aliases(model);
    await registry.rollback({ model, reason, actor, expected: champion ?? null });
    await decide({ kind: "alias", subject: model, verdict: "rollback", reason });
    await refresh(model);
  };

  const cancelRollout = async (model: string, reason: string, actor: string): Promise<void> => {
    const active = await rollouts.activeOf(model);
    if (active === undefined) throw new StrataError("ROLLOUT_NOT_FOUND", { model });
    await rollouts.cancel(active.id, reason);
    await registry.removeAlias({ model, alias: "challenger", reason, actor });
    await decide({ kind: "rollout", subject: model, verdict: "cancel", reason });
    await refresh(model);
  };

  const considerRetraining = async (model: Model): Promise<void> => {
    const decision = decideRetraining(await snapshotOf(model));
    if (decision.retrain) {
      lastVerdicts.delete(`trigger|${model.name}`);
      await decide({ kind: "trigger", subject: model.name, verdict: "retrain", reason: decision.reason, details: decision.triggers });
      train(model, { kind: decision.trigger ?? "schedule", reason: decision.reason }).catch((thrown: unknown) =>
        logger.log("error", `training of ${model.name} failed`, { reason: reasonOf(thrown) }));
      return;
    }
    if (decision.blockedBy !== undefined && decision.blockedBy !== "training-running") {
      await decideOnce({ kind: "trigger", subject: model.name, verdict: "blocked", reason: decision.reason }, `blocked by ${decision.blockedBy}`);
    }
  };

  const snapshotOf = async (model: Model): Promise<RetrainingSnapshot> => {
    const { runs } = await experiments.listRuns({ model: model.name, limit: 100 });
    const { champion } = await registry.aliases(model.name);
    const nowMs = clock.now();
    const quality = options.dataQuality(model);
    return {
      model: model.name, triggers: model.retrain, cooldownMs: model.cooldownMs, nowMs,
      trainingRunning: trainings.has(model.name), rolloutInProgress: (await rollouts.activeOf(model.name)) !== undefined,
      dataQualityOk: quality.ok, dataQualityReason: quality.reason,
      trainingsToday: runs.filter((run) => run.startedAtMs > nowMs - DAY_MS && run.trigger.kind !== "manual").length,
      dailyBudget: options.dailyTrainings,
      lastTrainingAtMs: runs[0]?.startedAtMs, drift: driftSignal(model, champion), performance: performanceSignal(model, champion),
      newEvents: options.newEvents(model, runs[0]?.parameters),
    };
  };

  const driftSignal = (model: Model, champion: number | undefined): RetrainingSnapshot["drift"] => {
    const latest = monitor.drift(model.name).at(-1);
    if (latest === undefined || latest.version !== champion) return undefined;
    return { features: latest.report.columns.flatMap((column) => { const psi = psiOf(column); return psi === undefined ? [] : [{ name: column.column, psi }]; }) };
  };

  const performanceSignal = (model: Model, champion: number | undefined): RetrainingSnapshot["performance"] => {
    const endpoint = endpointOf(model);
    if (endpoint === undefined) return undefined;
    const windows = monitor.performance(endpoint.name, PERFORMANCE_WINDOW_MS).filter((window) => window.version === champion && window.variant === "champion");
    const complete = windows.filter((window) => window.completeShare > 0.95);
    const [first, latest] = [complete[0], complete.at(-1)];
    return first && latest && first !== latest ? { baselineReward: first.meanReward, latestReward: latest.meanReward, latestN: latest.answers } : undefined;
  };

  return {
    start: async () => {
      for (const model of application().models.keys()) await refresh(model);
    },
    tick: async () => {
      await monitor.settle();
      for (const rollout of await rollouts.active()) await moveRollout(rollout);
      for (const model of application().models.values()) {
        await watchChampion(model);
        if (model.retrain.length > 0 && (await registry.aliases(model.name)).champion !== undefined) await considerRetraining(model);
      }
    },
    trafficPlan: (model) => plans.get(model) ?? NOBODY,
    train, rollback, cancelRollout,
    isTraining: (model) => trainings.has(model),
    idle: async () => {
      await Promise.allSettled(trainings.values());
    },
    onDriftWindow: async (window) => {
      const drifted = window.report.columns.filter((column) => column.status === "drifted");
      const verdict = drifted.length > 0 ? "drift" : "stable";
      await decideOnce({
        kind: "alert", subject: window.model, verdict,
        reason: `Version ${window.version}, ${window.rows} scored rows against its training data: ${window.report.reason} ${window.prediction.reason}`,
      }, `${window.version} ${verdict} ${drifted.map((column) => column.column).toSorted().join(",")}`);
    },
  };
}
