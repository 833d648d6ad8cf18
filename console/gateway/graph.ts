/** The gateway as a graph: who calls which language model, and which upstreams answer for it. Pure, from the overview. */
import { formatMilliseconds, formatRate, formatUsd } from "../format/numbers.ts";
import { orderNodes } from "../loop/graph.ts";
import type { LoopEdge, LoopGraph, LoopNode } from "../loop/graph.ts";
import type { GatewayOverview, KeyOverview, LanguageModelOverview, TargetOverview } from "../../src/protocols/admin/overview.ts";
import { keyMarks, languageMarks, upstreamMarks } from "./marks.ts";

export const GATEWAY_COLUMNS = ["Callers", "Language models", "Upstreams"] as const;
/** Stands for all callers where the gateway keeps no books. */
export const EVERYBODY = "everybody";

export function buildGateway(gateway: GatewayOverview): LoopGraph {
  const nodes = [...callerNodes(gateway), ...gateway.models.map((model) => languageNode(model, gateway)), ...upstreamNodes(gateway)];
  const known = new Set(nodes.map(({ id }) => id));
  const edges = [...callEdges(gateway), ...targetEdges(gateway)].filter(({ from, to }) => known.has(from) && known.has(to));
  return { columns: GATEWAY_COLUMNS, nodes: orderNodes(nodes, edges), edges };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function callerNodes({ keys, models }: GatewayOverview): readonly LoopNode[] {
  if (keys === undefined) {
    return [{ id: `caller:${EVERYBODY}`, kind: "caller", name: EVERYBODY, column: 0, figure: formatRate(sum(models.map(({ callsPerSecond }) => callsPerSecond))), unit: "calls/s", marks: [] }];
  }
  return keys.map((key) => ({
    id: `caller:${key.id}`, kind: "caller" as const, name: key.name, column: 0, figure: formatUsd(key.spentUsd), unit: key.budgetUsd === undefined ? "today" : `of ${formatUsd(key.budgetUsd)}`, marks: keyMarks(key),
    ...(key.budgetUsd === undefined ? {} : { progress: spentShare(key) }),
  }));
}

/** Spent and reserved, of a key with a budget. */
export function spentShare({ spentUsd, reservedUsd, budgetUsd = 0 }: Pick<KeyOverview, "spentUsd" | "reservedUsd" | "budgetUsd">): number {
  return budgetUsd === 0 ? 1 : (spentUsd + reservedUsd) / budgetUsd;
}

function languageNode(model: LanguageModelOverview, { targets }: GatewayOverview): LoopNode {
  const { name, callsPerSecond, firstTokenP50Ms } = model;
  const unit = firstTokenP50Ms === null ? "calls/s" : `/s · first token ${formatMilliseconds(firstTokenP50Ms)}`;
  return { id: `language:${name}`, kind: "language", name, column: 1, figure: formatRate(callsPerSecond), unit, marks: languageMarks(model, targets) };
}

/** One node per upstream, whichever language models it answers for. */
function upstreamNodes({ targets }: GatewayOverview): readonly LoopNode[] {
  return Array.from(byUpstream(targets), ([name, mine]) => ({
    id: `upstream:${name}`, kind: "upstream" as const, name, column: 2, figure: formatRate(sum(mine.map(({ callsPerSecond }) => callsPerSecond))), unit: unitOf(mine), marks: upstreamMarks(mine),
  }));
}

export function byUpstream(targets: readonly TargetOverview[]): ReadonlyMap<string, readonly TargetOverview[]> {
  const found = new Map<string, TargetOverview[]>();
  for (const target of targets) found.set(target.upstream, [...(found.get(target.upstream) ?? []), target]);
  return found;
}

function unitOf(targets: readonly TargetOverview[]): string {
  const inFlight = sum(targets.map((target) => target.inFlight));
  const means = targets.filter(({ calls }) => calls > 0).map(({ meanMs }) => meanMs);
  const latency = means.length === 0 ? "calls/s" : `/s · ${formatMilliseconds(Math.max(...means))}`;
  return inFlight === 0 ? latency : `${latency} · ${inFlight} now`;
}

function callEdges({ keys, models }: GatewayOverview): readonly LoopEdge[] {
  const edge = (caller: string, model: string, perSecond: number, text: string): LoopEdge => ({ id: `${caller}→${model}`, from: `caller:${caller}`, to: `language:${model}`, kind: "flow", perSecond, text });
  if (keys === undefined) return models.map(({ name, callsPerSecond }) => edge(EVERYBODY, name, callsPerSecond, `${formatRate(callsPerSecond)} calls/s`));
  return keys.flatMap(({ id, calls }) => calls.map(({ model, today, perSecond }) => edge(id, model, perSecond, `${formatRate(perSecond)} calls/s, ${today} today`)));
}

function targetEdges({ targets }: GatewayOverview): readonly LoopEdge[] {
  const edges = new Map<string, LoopEdge>();
  for (const { languageModel, upstream, callsPerSecond } of targets) {
    const id = `${languageModel}→${upstream}`;
    const perSecond = callsPerSecond + (edges.get(id)?.perSecond ?? 0);
    edges.set(id, { id, from: `language:${languageModel}`, to: `upstream:${upstream}`, kind: "flow", perSecond, text: `${formatRate(perSecond)} calls/s` });
  }
  return [...edges.values()];
}
