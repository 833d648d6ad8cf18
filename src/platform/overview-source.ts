/** Gathers the overview from the parts of the running platform. Every number is read where it is measured. */
import type { CandidateEngine, FeatureEngine, Ingestion, Lake } from "../data/index.ts";
import type { Application } from "../define/index.ts";
import { describeApplication, featureColumns, hashApplication } from "../define/index.ts";
import type { Clock } from "../kernel/clock.ts";
import type { Decision, DecisionLog, Experiments, ModelVersion, Registry, RolloutState, Rollouts, Run } from "../modelops/index.ts";
import type { HistogramSeries, TelemetryStore } from "../observe/index.ts";
import type { Monitor } from "../operate/index.ts";
import { ksOf, psiOf } from "../operate/index.ts";
import type { EventLog } from "../ports/event-log.ts";
import type {
  DecisionOverview, DriftOverview, EndpointOverview, ModelOverview, ModelVersionOverview, Overview, PerformanceOverview, RolloutOverview, RunOverview, TrainingProgressOverview,
} from "../protocols/admin/overview.ts";
import type { CallsOverview } from "./calls-overview.ts";
import { createDataOverview } from "./data-overview.ts";
import type { DataOverviewSources } from "./data-overview.ts";
import { latencySeries } from "./latency-series.ts";
import type { ProcessSampler } from "./process-sampler.ts";

export interface OverviewSources extends Pick<DataOverviewSources, "dataQuality" | "qualityWork"> {
  readonly application: () => Application;
  readonly version: string;
  readonly clock: Clock;
  readonly isSimulatedTime: boolean;
  readonly log: EventLog;
  readonly ingestion: Ingestion;
  readonly features: FeatureEngine;
  readonly candidates: CandidateEngine;
  readonly lake: Lake;
  readonly experiments: Experiments;
  readonly registry: Registry;
  readonly rollouts: Rollouts;
  readonly decisions: DecisionLog;
  readonly monitor: Monitor;
  readonly telemetry: TelemetryStore;
  readonly sampler: ProcessSampler;
  readonly training: (model: string) => TrainingProgressOverview | undefined;
  readonly calls: Pick<CallsOverview, "serving" | "gateway">;
}

const RUNS_SHOWN = 10;
const DECISIONS_SHOWN = 60;
const PERFORMANCE_WINDOW_MS = 86_400_000;
const CURVE_POINTS = 200;

export function createOverviewSource(sources: OverviewSources): () => Promise<Overview> {
  const { application, clock, decisions, rollouts, sampler } = sources;
  const dataOverview = createDataOverview(sources);
  const runCache = new Map<string, RunOverview>();
  const versionCache = new Map<string, Pick<ModelVersionOverview, "importances">>();

  const modelOverview = async (name: string): Promise<ModelOverview> => {
    const { registry, experiments } = sources;
    const model = application().models.get(name)!;
    const exists = (await registry.models()).includes(name);
    const [aliases, versions, page] = await Promise.all([registry.aliases(name), exists ? registry.versions(name) : [], experiments.listRuns({ model: name, limit: RUNS_SHOWN })]);
    const training = sources.training(name);
    return {
      name, description: model.description, objective: model.trainer.parameters.objective,
      sources: model.features.map((provider) => provider.name), featureCount: featureColumns(model).length, aliases,
      versions: await Promise.all(versions.map((version) => versionOverview(version, aliases))),
      runs: await Promise.all(page.runs.map(runOverview)),
      ...(training ? { training } : {}),
    };
  };

  const versionOverview = async (version: ModelVersion, aliases: Readonly<Record<string, number>>): Promise<ModelVersionOverview> => {
    const key = `${version.model}@${version.version}`;
    const cached = versionCache.get(key) ?? { importances: await importancesOf(sources.experiments, version.run) };
    versionCache.set(key, cached);
    return {
      version: version.version, createdAtMs: version.createdAtMs, run: version.run, metrics: finite(version.metrics),
      aliases: Object.entries(aliases).filter(([, target]) => target === version.version).map(([alias]) => alias), ...cached,
    };
  };

  const runOverview = async (run: Run): Promise<RunOverview> => {
    const cached = runCache.get(run.id);
    if (cached) return cached;
    const overview: RunOverview = {
      id: run.id, status: run.status, trigger: run.trigger.kind, startedAtMs: run.startedAtMs,
      metrics: finite(Object.fromEntries(Object.entries(run.metrics).map(([name, point]) => [name, point.value]))),
      curves: await curvesOf(sources.experiments, run),
    };
    if (run.status !== "running") runCache.set(run.id, overview); // it will never change again
    return overview;
  };

  return async () => {
    const app = application();
    const [page, models, gateway, data] = await Promise.all([decisions.list({ limit: DECISIONS_SHOWN }), Promise.all([...app.models.keys()].map(modelOverview)), sources.calls.gateway(), dataOverview()]);
    const serving = sources.calls.serving();
    const latencies = latencySeries(sources.telemetry);
    return {
      application: app.name, definitionHash: hashApplication(app), strataVersion: sources.version,
      nowMs: clock.now(), isSimulatedTime: sources.isSimulatedTime, process: sampler.process(),
      streams: await Promise.all([...app.streams.keys()].map((stream) => streamOverview(sources, stream))),
      featureViews: [...app.featureViews.keys()].map((view) => viewOverview(sources, view)),
      candidates: [...app.candidates.keys()].map((name) => candidatesOverview(sources, name)),
      models,
      endpoints: [...app.endpoints.keys()].map((endpoint) => endpointOverview(sources, endpoint, latencies.get(endpoint))),
      rollouts: (await rollouts.list({ limit: 5 })).rollouts.map((rollout) => rolloutOverview(sources, rollout)),
      drift: [...app.models.keys()].flatMap((model) => driftOverview(sources, model)),
      performance: [...app.endpoints.values()].map((endpoint): PerformanceOverview => ({
        model: endpoint.model.name, endpoint: endpoint.name, windows: sources.monitor.performance(endpoint.name, PERFORMANCE_WINDOW_MS).slice(-120),
      })),
      ...(data && { data }), ...(serving && { serving }), ...(gateway && { gateway }),
      alerts: page.decisions.filter((decision) => decision.kind === "alert").slice(0, 10).map(decisionOverview),
      decisions: page.decisions.map(decisionOverview),
    };
  };
}

async function streamOverview({ application, log, ingestion, lake, sampler }: OverviewSources, name: string): Promise<Overview["streams"][number]> {
  const { nextOffset, sizeBytes } = log.statistics(name);
  const stored = lake.statistics()[name];
  return {
    name, description: application().streams.get(name)!.description, events: nextOffset, eventsPerSecond: sampler.eventsPerSecond(name), sizeBytes,
    deadLetters: await ingestion.deadLetterCounts(name), lakeRows: stored?.rows ?? 0, lakeFiles: stored?.files ?? 0,
  };
}

function viewOverview({ application, log, features }: OverviewSources, name: string): Overview["featureViews"][number] {
  const view = application().featureViews.get(name)!;
  const statistics = features.statistics().find((entry) => entry.view === name);
  const lagEvents = Math.max(0, log.statistics(view.from.name).nextOffset - (statistics?.appliedOffset ?? 0));
  return {
    name, description: view.description, entities: view.entities.map((entity) => entity.name), from: view.from.name,
    features: Object.keys(view.features), entityCount: statistics?.entities ?? 0, lagEvents,
    ...(statistics === undefined || statistics.spilledEntities === 0 ? {} : { spilledEntities: statistics.spilledEntities }),
    ...(statistics?.rebuild === undefined ? {} : { rebuild: statistics.rebuild }),
  };
}

function candidatesOverview({ application, log, candidates }: OverviewSources, name: string): Overview["candidates"][number] {
  const definition = application().candidates.get(name)!;
  const statistics = candidates.statistics().find((entry) => entry.candidates === name);
  const from = [...new Set(definition.interactions.map((interaction) => interaction.from.name))];
  const lagEvents = from.reduce((lag, stream) => lag + Math.max(0, log.statistics(stream).nextOffset - (statistics?.appliedOffsets[stream] ?? 0)), 0);
  return { name, description: definition.description, from, itemCount: statistics?.items ?? 0, userCount: statistics?.users ?? 0, lagEvents };
}

function endpointOverview({ application, monitor, sampler }: OverviewSources, name: string, latency: HistogramSeries | undefined): EndpointOverview {
  const endpoint = application().endpoints.get(name)!;
  const traffic = monitor.traffic(name);
  const requests = traffic.reduce((sum, part) => sum + part.requests, 0);
  const fallbacks = traffic.filter((part) => part.variant === "fallback").reduce((sum, part) => sum + part.requests, 0);
  const ms = (quantile: number | null | undefined): number => (quantile ?? 0) * 1000;
  return {
    name, description: endpoint.description, model: endpoint.model.name, ...(endpoint.candidates ? { candidates: endpoint.candidates.name } : {}),
    requests, requestsPerSecond: latency?.perSecond.last10s ?? 0,
    latencyMs: { p50: ms(latency?.rolling.p50 ?? latency?.total.p50), p90: ms(latency?.rolling.p90 ?? latency?.total.p90), p99: ms(latency?.rolling.p99 ?? latency?.total.p99) },
    fallbackShare: requests === 0 ? 0 : fallbacks / requests,
    traffic: traffic.map((part) => ({ ...part, share: requests === 0 ? 0 : part.requests / requests })),
    history: sampler.history(name),
  };
}

function rolloutOverview({ monitor }: OverviewSources, rollout: RolloutState): RolloutOverview {
  const { model, endpoint, champion, challenger, phase, share, startedAtMs, phaseStartedAtMs } = rollout;
  const latest = rollout.decisions.at(-1);
  const sinceMs = phase === "canary" ? phaseStartedAtMs : startedAtMs;
  const control = monitor.rewards(endpoint, { version: champion, variant: "champion", sinceMs });
  const treatment = monitor.rewards(endpoint, { version: challenger, variant: "canary", sinceMs });
  const interval = latest?.verdict?.confidenceSequence;
  return {
    model, endpoint, champion, challenger, phase, share, startedAtMs, reason: latest?.reason ?? "",
    ...(interval && control.n > 0 && treatment.n > 0 ? {
      test: { championMean: control.sum / control.n, challengerMean: treatment.sum / treatment.n, low: interval.low, high: interval.high, championN: control.n, challengerN: treatment.n },
    } : {}),
  };
}

function driftOverview({ monitor }: OverviewSources, model: string): readonly DriftOverview[] {
  const byVersion = Map.groupBy(monitor.drift(model), (window) => window.version);
  return [...byVersion].toSorted(([a], [b]) => b - a).map(([version, windows]) => ({
    model, version,
    windows: windows.slice(-60).map(({ atMs, rows, report, prediction }) => ({
      atMs, rows,
      features: report.columns.map((column) => ({ name: column.column, psi: psiOf(column) ?? 0, ks: ksOf(column) ?? null, drifted: column.status === "drifted" })),
      prediction: { psi: psiOf(prediction) ?? 0, ks: ksOf(prediction) ?? null, drifted: prediction.status === "drifted" },
    })),
  }));
}

function decisionOverview({ timeMs, kind, subject, verdict, reason }: Decision): DecisionOverview {
  return { atMs: timeMs, kind, subject, verdict, reason };
}

async function curvesOf(experiments: Experiments, run: Run): Promise<RunOverview["curves"]> {
  const names = Object.entries(run.metrics).filter(([, point]) => point.step > 0).map(([name]) => name);
  const histories = await Promise.all(names.map(async (name) => [name, (await experiments.metricHistory(run.id, name)).map(({ step, value }) => ({ step, value }))] as const));
  return Object.fromEntries(histories.map(([name, points]) => [name, thin(points)]));
}

function thin<T>(points: readonly T[]): readonly T[] {
  const step = Math.ceil(points.length / CURVE_POINTS);
  return step <= 1 ? points : points.filter((_, at) => at % step === 0 || at === points.length - 1);
}

/** Largest first, at most 20. */
async function importancesOf(experiments: Experiments, run: string): Promise<ModelVersionOverview["importances"]> {
  const { parameters } = await experiments.run(run);
  const shares = (parameters["importances"] ?? {}) as Readonly<Record<string, number>>; // written by the training pipeline
  return Object.entries(shares).map(([feature, share]) => ({ feature, share })).toSorted((a, b) => b.share - a.share).slice(0, 20);
}

function finite(metrics: Readonly<Record<string, number | null>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(metrics).flatMap(([name, value]) => (value !== null && Number.isFinite(value) ? [[name, value]] : [])));
}

/** The definition as the admin protocol shows it. */
export function definitionOf(application: Application): { readonly hash: string; readonly document: unknown } {
  return { hash: hashApplication(application), document: describeApplication(application) };
}
