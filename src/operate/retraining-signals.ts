/** Gathers what the decision to retrain looks at: runs, drift, performance, new events, data quality. */
import type { Application, Endpoint, Model } from "../define/index.ts";
import type { Clock } from "../kernel/clock.ts";
import type { Experiments, Registry, RetrainingSnapshot, Rollouts } from "../modelops/index.ts";
import { psiOf } from "./drift-watch.ts";
import type { Monitor } from "./monitor.ts";

export interface SignalSources {
  readonly application: () => Application;
  readonly monitor: Monitor;
  readonly registry: Registry;
  readonly experiments: Experiments;
  readonly rollouts: Rollouts;
  readonly clock: Clock;
  readonly dailyTrainings: number;
  /** Events in the model's example stream since the run with these parameters. */
  readonly newEvents: (model: Model, runParameters: Readonly<Record<string, unknown>> | undefined) => number;
  readonly dataQuality: (model: Model) => { readonly ok: boolean; readonly reason: string };
}

const DAY_MS = 86_400_000;

export async function retrainingSnapshot(sources: SignalSources, model: Model, isTraining: boolean): Promise<RetrainingSnapshot> {
  const { experiments, registry, rollouts, clock, monitor } = sources;
  const { runs } = await experiments.listRuns({ model: model.name, limit: 100 });
  const { champion } = await registry.aliases(model.name);
  const nowMs = clock.now();
  const quality = sources.dataQuality(model);
  return {
    model: model.name, triggers: model.retrain, cooldownMs: model.cooldownMs, nowMs, trainingRunning: isTraining,
    rolloutInProgress: (await rollouts.activeOf(model.name)) !== undefined,
    dataQualityOk: quality.ok, dataQualityReason: quality.reason,
    trainingsToday: runs.filter((run) => run.startedAtMs > nowMs - DAY_MS && run.trigger.kind !== "manual").length,
    dailyBudget: sources.dailyTrainings, lastTrainingAtMs: runs[0]?.startedAtMs,
    drift: driftSignal(monitor, model, champion), performance: performanceSignal(monitor, endpointOf(sources.application(), model), champion),
    newEvents: sources.newEvents(model, runs[0]?.parameters),
  };
}

/** The endpoint whose traffic judges the model. */
export function endpointOf(application: Application, model: Model): Endpoint | undefined {
  return [...application.endpoints.values()].find((endpoint) => endpoint.model.name === model.name);
}

/** Only the champion's own windows count: what a challenger sees is no reason to replace the champion. */
function driftSignal(monitor: Monitor, model: Model, champion: number | undefined): RetrainingSnapshot["drift"] {
  const latest = monitor.drift(model.name).findLast((window) => window.version === champion);
  if (latest === undefined) return undefined;
  return { features: latest.report.columns.flatMap((column) => { const psi = psiOf(column); return psi === undefined ? [] : [{ name: column.column, psi }]; }) };
}

/** The champion's first complete day against its latest. */
function performanceSignal(monitor: Monitor, endpoint: Endpoint | undefined, champion: number | undefined): RetrainingSnapshot["performance"] {
  if (endpoint === undefined) return undefined;
  const windows = monitor.performance(endpoint.name, DAY_MS).filter((window) => window.version === champion && window.variant === "champion" && window.completeShare > 0.95);
  const [first, latest] = [windows[0], windows.at(-1)];
  return first && latest && first !== latest ? { baselineReward: first.meanReward, latestReward: latest.meanReward, latestN: latest.answers } : undefined;
}
