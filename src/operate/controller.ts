/**
 * The control loop: on every tick it settles what was observed, moves rollouts, watches fresh champions, and starts
 * retraining where a trigger fires. All judgement is in pure functions of modelops; this folder observes and acts, and
 * writes down every decision with its reason.
 */
import type { Model } from "../define/index.ts";
import { reasonOf } from "../kernel/errors.ts";
import { decideRetraining } from "../modelops/index.ts";
import type { DecisionLog, GateVerdict, NewDecision, RunTrigger } from "../modelops/index.ts";
import type { Logger } from "../ports/telemetry.ts";
import type { TrafficPlan } from "../serving/index.ts";
import type { DriftWindow } from "./drift-watch.ts";
import { endpointOf, retrainingSnapshot } from "./retraining-signals.ts";
import type { SignalSources } from "./retraining-signals.ts";
import { CONTROLLER, createRolloutDriver } from "./rollout-driver.ts";
import { planTraffic } from "./traffic-plan.ts";

export interface ControllerOptions extends SignalSources {
  readonly decisions: DecisionLog;
  readonly logger: Logger;
  /** Trains, registers and evaluates; resolves with the version that may go on trial, if its gates passed. */
  readonly train: (model: Model, trigger: RunTrigger) => Promise<TrainedVersion>;
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

const NOBODY: TrafficPlan = { champion: undefined, challenger: undefined, canaryShare: 0, isShadowing: false, salt: "" };

export function createController(options: ControllerOptions): Controller {
  const { application, monitor, registry, rollouts, decisions, logger } = options;
  const plans = new Map<string, TrafficPlan>();
  const trainings = new Map<string, Promise<TrainedVersion>>();
  const lastVerdicts = new Map<string, string>();

  const decide = async (decision: NewDecision): Promise<void> => {
    await decisions.append(decision);
    logger.log("info", `${decision.kind} ${decision.subject}: ${decision.verdict}. ${decision.reason}`);
  };
  /** Repeats of the same verdict are not news. */
  const decideOnce = async (decision: NewDecision, key: string): Promise<void> => {
    const subject = `${decision.kind}|${decision.subject}`;
    if (lastVerdicts.get(subject) === key) return;
    lastVerdicts.set(subject, key);
    await decide(decision);
  };
  const refresh = async (model: string): Promise<void> => {
    const plan = planTraffic(await registry.aliases(model), await rollouts.activeOf(model));
    await options.serve(model, plan).catch((thrown: unknown) => // the registry decides who serves; who cannot be loaded is answered for by the fallback
      logger.log("error", `not every version of ${model} that should serve can be loaded`, { reason: reasonOf(thrown) }));
    plans.set(model, plan);
  };
  const driver = createRolloutDriver({ ...options, decide, refresh });

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

  /** The first version that passes becomes champion; later ones go on trial against it, one at a time. */
  const putIntoService = async (model: Model, { version, gates }: TrainedVersion): Promise<void> => {
    const { champion } = await registry.aliases(model.name);
    const endpoint = endpointOf(application(), model);
    const active = await rollouts.activeOf(model.name);
    if (active !== undefined) {
      return decide({ kind: "rollout", subject: model.name, verdict: "skipped", reason: `Version ${version} passed its gates and does not go on trial: version ${active.challenger} is on trial against version ${active.champion}.` });
    }
    if (champion === undefined || endpoint === undefined) {
      const reason = `Version ${version} passed its gates and ${champion === undefined ? "there is no champion yet" : "no endpoint can try it on traffic"}.`;
      await registry.moveAlias({ model: model.name, alias: "champion", version, gates, reason, actor: CONTROLLER });
      await decide({ kind: "alias", subject: model.name, verdict: "champion", reason });
    } else {
      const reason = `Version ${version} goes on trial against version ${champion}: in shadow for ${endpoint.rollout.shadowRequests} requests first.`;
      await registry.moveAlias({ model: model.name, alias: "challenger", version, gates, reason: `Version ${version} passed its gates.`, actor: CONTROLLER });
      await rollouts.start({ model: model.name, endpoint: endpoint.name, challenger: version, champion, reason });
      await decide({ kind: "rollout", subject: model.name, verdict: "start", reason });
    }
    await refresh(model.name);
  };

  const considerRetraining = async (model: Model): Promise<void> => {
    const decision = decideRetraining(await retrainingSnapshot(options, model, trainings.has(model.name)));
    if (decision.retrain) {
      lastVerdicts.delete(`trigger|${model.name}`);
      await decide({ kind: "trigger", subject: model.name, verdict: "retrain", reason: decision.reason, details: decision.triggers });
      train(model, { kind: decision.trigger ?? "schedule", reason: decision.reason }).catch((thrown: unknown) =>
        logger.log("error", `training of ${model.name} failed`, { reason: reasonOf(thrown) }));
    } else if (decision.blockedBy !== undefined && decision.blockedBy !== "training-running") {
      await decideOnce({ kind: "trigger", subject: model.name, verdict: "blocked", reason: decision.reason }, `blocked by ${decision.blockedBy}`);
    }
  };

  const round = async (): Promise<void> => {
    await monitor.settle();
    await driver.moveAll();
    for (const model of application().models.values()) {
      await driver.finish(model.name);
      await driver.watch(model.name);
      const { champion } = await registry.aliases(model.name);
      if (model.retrain.length > 0 && champion !== undefined) await considerRetraining(model);
    }
  };
  let lastRound: Promise<void> = Promise.resolve();

  return {
    start: async () => {
      for (const model of application().models.keys()) await refresh(model);
    },
    tick: () => (lastRound = lastRound.then(round, round)), // asked for by a timer and by people: two rounds at once would decide twice
    trafficPlan: (model) => plans.get(model) ?? NOBODY,
    train,
    rollback: driver.rollback, cancelRollout: driver.cancel,
    isTraining: (model) => trainings.has(model),
    idle: async () => {
      await Promise.allSettled(trainings.values());
    },
    onDriftWindow: async ({ model, version, rows, report, prediction }) => {
      const drifted = report.columns.filter((column) => column.status === "drifted").map((column) => column.column).toSorted();
      const verdict = drifted.length > 0 ? "drift" : "stable";
      const reason = `Version ${version}, ${rows} scored rows against its training data: ${report.reason} ${prediction.reason}`;
      await decideOnce({ kind: "alert", subject: model, verdict, reason }, `${version} ${verdict} ${drifted.join(",")}`);
    },
  };
}
