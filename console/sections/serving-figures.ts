/** Key figures of serving and of the gateway, for the top of the page. */
import { h } from "preact";
import { Sparkline } from "../charts/sparkline.ts";
import { NO_VALUE, counted, formatMilliseconds, formatRate, formatUsd } from "../format/numbers.ts";
import type { FigureProps } from "../parts.ts";
import type { GatewayOverview, ServingOverview } from "../../src/protocols/admin/overview.ts";
import { busiestVersion } from "./serving-facts.ts";

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

/** Several histories as one, by their ends: a model that came later has a shorter one. */
export function addHistories(histories: readonly (readonly number[])[]): readonly number[] {
  const length = Math.max(0, ...histories.map((history) => history.length));
  return Array.from({ length }, (_, at) => total(histories.map((history) => history[history.length - length + at] ?? 0)));
}

/** Means of three seconds each: a small line of single seconds is noise. A mean of nothing that was measured is not a number. */
export function smoothed(values: readonly (number | null)[]): readonly number[] {
  const groups = Array.from({ length: Math.ceil(values.length / 3) }, (_, at) => values.slice(Math.max(0, values.length - 3 * (at + 1)), values.length - 3 * at).filter((value) => value !== null));
  return groups.toReversed().map((group) => (group.length === 0 ? Number.NaN : total(group) / group.length));
}

export function servingFigures({ models }: ServingOverview): readonly FigureProps[] {
  const versions = models.flatMap((model) => {
    const version = busiestVersion(model);
    return version?.computeMs ? [{ name: model.name, p99: version.computeMs.p99 + (version.queueMs?.p99 ?? 0), queue: version.queueMs?.p99 ?? 0 }] : [];
  });
  const slowest = versions.toSorted((a, b) => b.p99 - a.p99)[0];
  const [ready, all] = [models.filter(({ versions: each }) => each.some(({ state }) => state === "READY")).length, models.length];
  return [
    { label: "Inferences", value: formatRate(total(models.map(({ requestsPerSecond }) => requestsPerSecond))), unit: "/s", children: h(Sparkline, { values: smoothed(addHistories(models.map(({ history }) => history.requestsPerSecond))), tone: 1 }) },
    slowest === undefined ? { label: "Slowest p99", value: NO_VALUE, note: "no inferences yet" } : { label: "Slowest p99", value: formatMilliseconds(slowest.p99), note: `${slowest.name}, of it ${formatMilliseconds(slowest.queue)} queued` },
    { label: "Models ready", value: String(ready), unit: ` of ${all}`, note: counted(total(models.map(({ failures }) => failures)), "failed request") },
  ];
}

export function gatewayFigures({ models, keys, targets }: GatewayOverview): readonly FigureProps[] {
  const costs = models.flatMap(({ costTodayUsd }) => costTodayUsd ?? []);
  const open = targets.filter(({ state }) => state === "open").length;
  return [
    { label: "Language calls", value: formatRate(total(models.map(({ callsPerSecond }) => callsPerSecond))), unit: "/s", note: open === 0 ? `${counted(targets.length, "target")}, all in order` : `${counted(open, "breaker")} open` },
    { label: "Tokens out", value: formatRate(total(models.map(({ outputTokensPerSecond }) => outputTokensPerSecond))), unit: "/s", children: h(Sparkline, { values: smoothed(addHistories(models.map(({ history }) => history.outputTokensPerSecond))), tone: 2 }) },
    { label: "Cost today", value: costs.length === 0 ? NO_VALUE : formatUsd(total(costs)), note: keys === undefined ? "no books are kept" : counted(keys.length, "key") },
  ];
}
