/** The model server's part of the overview: its index and statistics, the telemetry of its versions, the traffic of its models. */
import type { Application, InferenceGraph, ServedModel } from "../define/index.ts";
import type { CounterSeries, HistogramSeries, TelemetryStore } from "../observe/index.ts";
import type { ReplicaOverview, ServedModelOverview, ServedTrafficOverview, ServedVersionOverview, ServingOverview, ShadowOverview } from "../protocols/admin/overview.ts";
import type { FleetReport, ModelServer, ModelStatistics, RepositoryEntry, TrafficBook } from "../serving/index.ts";
import { countReasons, readSeries, recentQuantiles, sumOf } from "./telemetry-series.ts";
import type { TotalsHistory } from "./totals-history.ts";

export interface ServingOverviewSources {
  readonly application: () => Application;
  readonly server: Pick<ModelServer, "index" | "statistics">;
  /** Replicas of a version that other servers run. */
  readonly replicas: (model: string, version: string) => FleetReport | undefined;
  /** How traffic is divided; undefined: each model's default version answers everybody. */
  readonly traffic: Pick<TrafficBook, "state" | "counts" | "tallies"> | undefined;
  readonly telemetry: TelemetryStore;
  /** By model: see `servingTotals`. */
  readonly history: TotalsHistory;
}

const REQUESTS = "strata_inference_requests_total";
const FAILURES = "strata_inference_failures_total";
const BATCHES = "strata_inference_batches_total";
const QUEUE = "strata_inference_queue_seconds";
const COMPUTE = "strata_inference_compute_seconds";

/** Requests answered and their milliseconds, by model: what the history samples. */
export function servingTotals(server: Pick<ModelServer, "statistics">): ReadonlyMap<string, readonly number[]> {
  const totals = new Map<string, readonly number[]>();
  for (const { name, success } of server.statistics()) {
    const [requests = 0, ms = 0] = totals.get(name) ?? [];
    totals.set(name, [requests + success.count, ms + success.ns / 1e6]);
  }
  return totals;
}

/** undefined when nothing is served as tensors. */
export function servingOverview(sources: ServingOverviewSources): ServingOverview | undefined {
  const { application, server, telemetry } = sources;
  const { servedModels, graphs, models: trained } = application();
  const statistics = Map.groupBy(server.statistics(), ({ name }) => name);
  const isAsked = (name: string): boolean => sumOf(statistics.get(name) ?? [], ({ success, fail }) => success.count + fail.count) > 0;
  const entries = Map.groupBy(server.index(), ({ name }) => name);
  for (const name of [...servedModels.keys(), ...graphs.keys()]) if (!entries.has(name)) entries.set(name, []);
  const names = [...entries.keys()].filter((name) => !trained.has(name) || isAsked(name)).toSorted();
  if (names.length === 0) return undefined;
  const series = readSeries(telemetry, [REQUESTS, FAILURES, BATCHES, QUEUE, COMPUTE]);
  const read: Readings = {
    requests: series.counters(REQUESTS), failures: series.counters(FAILURES), batches: series.counters(BATCHES), queue: series.histograms(QUEUE), compute: series.histograms(COMPUTE),
  };
  return { models: names.map((name) => modelOverview(sources, name, { entries: entries.get(name)!, statistics: statistics.get(name) ?? [], read })) };
}

interface Readings {
  readonly requests: readonly CounterSeries[];
  readonly failures: readonly CounterSeries[];
  readonly batches: readonly CounterSeries[];
  readonly queue: readonly HistogramSeries[];
  readonly compute: readonly HistogramSeries[];
}

interface ModelParts {
  readonly entries: readonly RepositoryEntry[];
  readonly statistics: readonly ModelStatistics[];
  readonly read: Readings;
}

function modelOverview(sources: ServingOverviewSources, name: string, { entries, statistics, read }: ModelParts): ServedModelOverview {
  const { application, history } = sources;
  const definition = application().servedModels.get(name);
  const graph = application().graphs.get(name);
  const mine = (series: readonly CounterSeries[]): readonly CounterSeries[] => series.filter(({ labels }) => labels["model"] === name);
  const reasons = (series: readonly CounterSeries[]) => countReasons(mine(series).map(({ labels, value }) => ({ reason: labels["reason"] ?? "", count: value })));
  const traffic = trafficOverview(sources, name);
  return {
    name, description: definition?.description ?? graph?.description ?? application().models.get(name)?.description ?? "", kind: kindOf(name, application(), definition),
    versions: entries.toSorted((a, b) => Number(b.version) - Number(a.version)).map((entry) =>
      versionOverview(entry, { sources, definition, statistics: statistics.find(({ version }) => version === entry.version), read })),
    requests: sumOf(statistics, ({ success }) => success.count), failures: sumOf(mine(read.failures), ({ value }) => value),
    requestsPerSecond: sumOf(mine(read.requests), ({ perSecond }) => perSecond.last10s),
    history: { requestsPerSecond: history.changes(name, 0).map(short), meanMs: history.ratios(name, 1, 0).map((ms) => (ms === null ? null : short(ms))) },
    batches: reasons(read.batches), failuresByReason: reasons(read.failures),
    ...(traffic && { traffic }), ...(graph && { members: membersOf(graph) }),
  };
}

/** Three digits are more than a line of 120 points shows, and the document is sent every second. */
const short = (value: number): number => Number(value.toPrecision(3));

function kindOf(name: string, { graphs, models }: Application, definition: ServedModel | undefined): string {
  if (graphs.has(name)) return "graph";
  return Object.values(definition?.versions ?? {}).at(-1)?.kind ?? (models.has(name) ? "trained" : "repository");
}

const membersOf = ({ members }: InferenceGraph): readonly string[] => members.map(({ name }) => name);

interface VersionParts {
  readonly sources: ServingOverviewSources;
  readonly definition: ServedModel | undefined;
  readonly statistics: ModelStatistics | undefined;
  readonly read: Readings;
}

function versionOverview({ name, version, state, reason }: RepositoryEntry, { sources, definition, statistics, read }: VersionParts): ServedVersionOverview {
  const of = <S extends { readonly labels: Readonly<Record<string, string>> }>(series: readonly S[]): readonly S[] => series.filter(({ labels }) => labels["model"] === name && labels["version"] === version);
  const quantiles = (series: readonly HistogramSeries[]) => {
    const found = of(series)[0];
    const seconds = found && recentQuantiles(found);
    return seconds ? { p50: seconds.p50 * 1_000, p99: seconds.p99 * 1_000 } : null;
  };
  const lookups = (statistics?.cacheHit.count ?? 0) + (statistics?.cacheMiss.count ?? 0);
  const replicas = state === "READY" ? sources.replicas(name, version)?.replicas.map(replicaOverview) : undefined;
  return {
    version, state, reason, aliases: Object.entries(definition?.aliases ?? {}).filter(([, target]) => target === version).map(([alias]) => alias),
    requests: statistics?.success.count ?? 0, requestsPerSecond: sumOf(of(read.requests), ({ perSecond }) => perSecond.last10s),
    queueMs: quantiles(read.queue), computeMs: quantiles(read.compute),
    meanBatchRows: statistics && statistics.executionCount > 0 ? statistics.inferenceCount / statistics.executionCount : null,
    cacheHitShare: lookups === 0 ? null : statistics!.cacheHit.count / lookups,
    failures: sumOf(of(read.failures), ({ value }) => value), ...(replicas && { replicas }),
  };
}

/** A replica as its balancer reports it. */
export function replicaOverview({ name, state, reason, inFlight, meanMs, calls }: FleetReport["replicas"][number]): ReplicaOverview {
  return { name, state, reason, inFlight, meanMs, calls: sumOf(Object.values(calls), (count) => count), failures: calls.busy + calls.faulty + calls.failed };
}

/** undefined while the model's default version answers everybody. */
function trafficOverview({ traffic }: ServingOverviewSources, model: string): ServedTrafficOverview | undefined {
  const state = traffic?.state(model);
  if (traffic === undefined || state === undefined) return undefined;
  const { stable, arms, canary, standby } = state;
  const counts = traffic.counts().find((one) => one.model === model)?.arms ?? {};
  const rest = 1 - sumOf(arms, ({ share }) => share);
  const shadow = shadowOverview(traffic, model);
  return {
    arms: [{ variant: "stable", version: stable, share: rest }, ...arms].map((arm) => ({ ...arm, requests: counts[arm.variant]?.requests ?? 0, errors: counts[arm.variant]?.errors ?? 0 })),
    ...(canary && { canary: { version: canary.version, phase: canary.phase, step: canary.step, steps: canary.steps, stepStartedAtMs: canary.stepStartedAtMs } }),
    ...(shadow && { shadow }), ...(standby !== null && { standby }),
  };
}

function shadowOverview(traffic: NonNullable<ServingOverviewSources["traffic"]>, model: string): ShadowOverview | undefined {
  const plan = traffic.state(model)?.shadow;
  if (!plan) return undefined;
  const tally = traffic.tallies().find((one) => one.model === model && one.version === plan.version);
  const compared = (tally?.copied ?? 0) - (tally?.failed ?? 0);
  return {
    version: plan.version, share: plan.share, compared, differingShare: compared === 0 ? 0 : (compared - tally!.equal) / compared,
    maximumAbsolute: Math.max(0, ...Object.values(tally?.outputs ?? {}).map(({ maximumAbsolute }) => maximumAbsolute)), failures: tally?.failed ?? 0,
  };
}
