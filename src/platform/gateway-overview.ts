/** The language gateway's part of the overview: telemetry of its calls, reports of its balancers, money and keys of the ledger. */
import type { Application, LanguageModel } from "../define/index.ts";
import type { LanguageGateway } from "../gateway/index.ts";
import type { Clock } from "../kernel/clock.ts";
import type { HistogramSeries, TelemetryStore } from "../observe/index.ts";
import type { BudgetLedger } from "../ports/budget-ledger.ts";
import type { GatewayOverview, LanguageModelOverview, TargetOverview } from "../protocols/admin/overview.ts";
import type { FleetReport } from "../serving/index.ts";
import { createKeyBooks } from "./key-books.ts";
import type { KeyBooks } from "./key-books.ts";
import { replicaOverview } from "./serving-overview.ts";
import { countReasons, readSeries, recentQuantiles, sumOf, weightedMedian } from "./telemetry-series.ts";
import type { TotalsHistory } from "./totals-history.ts";

export interface GatewayOverviewSources {
  readonly application: () => Application;
  readonly gateway: Pick<LanguageGateway, "upstreams">;
  /** Money and keys; neither is shown without one. */
  readonly ledger: Pick<BudgetLedger, "keys" | "balance" | "usage"> | undefined;
  readonly telemetry: TelemetryStore;
  readonly clock: Clock;
  /** By language model: see `languageTotals`. */
  readonly history: TotalsHistory;
}

const DURATION = "gen_ai_client_operation_duration_seconds";
const TOKENS = "gen_ai_client_token_usage";
const FIRST_TOKEN = "gen_ai_server_time_to_first_token_seconds";
const MODEL = "gen_ai_request_model";
/** Columns of the history. */
const [CALLS, INPUT, OUTPUT] = [0, 1, 2] as const;

/** Calls answered, input tokens and output tokens, by language model: what the history samples. */
export function languageTotals(telemetry: TelemetryStore): ReadonlyMap<string, readonly number[]> {
  const totals = new Map<string, [number, number, number]>();
  const add = (model: string | undefined, column: 0 | 1 | 2, amount: number): void => {
    const sums = totals.get(model ?? "") ?? [0, 0, 0];
    sums[column] += amount;
    totals.set(model ?? "", sums);
  };
  const series = readSeries(telemetry, [DURATION, TOKENS]);
  for (const { labels, count } of series.histograms(DURATION)) if (labels["error_type"] === undefined) add(labels[MODEL], CALLS, count);
  for (const { labels, sum } of series.histograms(TOKENS)) add(labels[MODEL], labels["gen_ai_token_type"] === "input" ? INPUT : OUTPUT, sum);
  return totals;
}

/** The part as a function to call once a second; undefined when the definition has no language model. */
export function createGatewayOverview(sources: GatewayOverviewSources): () => Promise<GatewayOverview | undefined> {
  const { application, gateway, ledger, telemetry, clock } = sources;
  const books = ledger && createKeyBooks({ ledger, clock });
  return async () => {
    const models = [...application().languageModels.values()];
    if (models.length === 0) return undefined;
    const series = readSeries(telemetry, [DURATION, FIRST_TOKEN]);
    const reports = new Map(gateway.upstreams().map((report) => [report.name, report]));
    const read: Readings = { durations: series.histograms(DURATION), firstTokens: series.histograms(FIRST_TOKEN), reports, books: await books?.read() };
    return {
      models: models.map((model) => modelOverview(sources, model, read)),
      targets: models.flatMap((model) => targetOverviews(model, read)),
      ...(read.books && { keys: read.books.keys, otherKeys: read.books.otherKeys }),
    };
  };
}

interface Readings {
  readonly durations: readonly HistogramSeries[];
  readonly firstTokens: readonly HistogramSeries[];
  readonly reports: ReadonlyMap<string, FleetReport>;
  readonly books: Awaited<ReturnType<KeyBooks["read"]>> | undefined;
}

function modelOverview({ history }: GatewayOverviewSources, model: LanguageModel, { durations, firstTokens, reports, books }: Readings): LanguageModelOverview {
  const { name, description } = model;
  const mine = (series: readonly HistogramSeries[]): readonly HistogramSeries[] => series.filter(({ labels }) => labels[MODEL] === name);
  const answered = mine(durations).filter(({ labels }) => labels["error_type"] === undefined);
  const refused = mine(durations).filter(({ labels }) => labels["error_type"] !== undefined);
  const used = books?.models.get(name);
  const first = Math.min(...prioritiesOf(model));
  return {
    name, description, calls: sumOf(answered, ({ count }) => count), callsPerSecond: sumOf(answered, ({ perSecond }) => perSecond.last10s),
    inputTokensPerSecond: history.perSecond(name, INPUT), outputTokensPerSecond: history.perSecond(name, OUTPUT),
    history: { callsPerSecond: history.changes(name, CALLS).map(short), outputTokensPerSecond: history.changes(name, OUTPUT).map(short) },
    firstTokenP50Ms: medianMs(mine(firstTokens)), durationP50Ms: medianMs(answered),
    ...(books && { costTodayUsd: (used?.costNanoUsd ?? 0) / 1e9 }), cacheHits: used?.cached ?? 0,
    fallbacks: sumOf(answered.filter((series) => (priorityOf(model, series) ?? first) > first), ({ count }) => count),
    failedAttempts: sumOf(reports.get(name)?.replicas ?? [], ({ calls }) => calls.busy + calls.faulty + calls.failed),
    refusals: countReasons(refused.map(({ labels, count }) => ({ reason: labels["error_type"]!, count }))),
  };
}

const short = (value: number): number => Number(value.toPrecision(3));

function medianMs(series: readonly HistogramSeries[]): number | null {
  const median = weightedMedian(series.flatMap((one) => {
    const quantiles = recentQuantiles(one);
    return quantiles ? [{ value: quantiles.p50, weight: one.rolling.count || one.count }] : [];
  }));
  return median === null ? null : median * 1_000;
}

/** A target without a priority is a fallback of those before it in the list, as in the gateway's pool. */
const prioritiesOf = ({ targets }: LanguageModel): readonly number[] => targets.map(({ priority }, at) => priority ?? at);

const isOf = ({ labels }: HistogramSeries, { upstream, model }: LanguageModel["targets"][number]): boolean =>
  labels["gen_ai_provider_name"] === upstream.name && labels["gen_ai_response_model"] === model;

/** undefined for what no target answered, such as a cache. */
function priorityOf(model: LanguageModel, series: HistogramSeries): number | undefined {
  const at = model.targets.findIndex((target) => isOf(series, target));
  return at === -1 ? undefined : prioritiesOf(model)[at];
}

/** The balancer lists the targets in the definition's order. */
function targetOverviews(model: LanguageModel, { durations, reports }: Readings): readonly TargetOverview[] {
  const replicas = reports.get(model.name)?.replicas ?? [];
  const priorities = prioritiesOf(model);
  return model.targets.flatMap((target, at): readonly TargetOverview[] => {
    const replica = replicas[at];
    if (replica === undefined) return [];
    const answered = durations.filter((series) => series.labels[MODEL] === model.name && series.labels["error_type"] === undefined && isOf(series, target));
    return [{
      ...replicaOverview(replica), languageModel: model.name, upstream: target.upstream.name, model: target.model, priority: priorities[at]!,
      callsPerSecond: sumOf(answered, ({ perSecond }) => perSecond.last10s),
    }];
  });
}
