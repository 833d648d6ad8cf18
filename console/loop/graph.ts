/** The loop as a graph: what runs, what flows where and how fast. Pure, from the overview and the definition's facts. */
import { counted, formatCount, formatMetric, formatMilliseconds, formatRate } from "../format/numbers.ts";
import { formatDuration } from "../format/times.ts";
import type { DefinitionFacts } from "../live/definition-facts.ts";
import type { EndpointOverview, ModelOverview, Overview, PerformanceOverview } from "../../src/protocols/admin/overview.ts";
import { marksOf } from "./marks.ts";
import type { Mark } from "./marks.ts";
import type { LoopKind, NodeKind } from "./node-kind.ts";
import { latestReward } from "./reward.ts";

export const COLUMNS = ["Streams", "Features and candidates", "Models", "Endpoints"] as const;

export interface LoopNode {
  /** "stream:purchases"; also its deep link. */
  readonly id: string;
  readonly kind: NodeKind;
  readonly name: string;
  /** Index into the picture's columns. */
  readonly column: number;
  /** The live figure and what it counts. */
  readonly figure: string;
  readonly unit: string;
  readonly marks: readonly Mark[];
  /** Share done of what runs in it, 0 to 1. */
  readonly progress?: number;
}

export interface LoopEdge {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly kind: "flow" | "outcome" | "training";
  /** Measured flow; of outcomes and trainings none is measured, so undefined. */
  readonly perSecond: number | undefined;
  readonly text: string;
  /** A training runs. */
  readonly isActive?: boolean;
}

/** What flows from column to column; the picture of the gateway is one, too. */
export interface LoopGraph {
  /** Their headings. */
  readonly columns: readonly string[];
  readonly nodes: readonly LoopNode[];
  readonly edges: readonly LoopEdge[];
}

export function buildLoop(overview: Overview, facts: DefinitionFacts): LoopGraph {
  const nodes = nodesOf(overview);
  const known = new Set(nodes.map((node) => node.id));
  const edges = [...featureEdges(overview), ...servingEdges(overview), ...feedbackEdges(overview, facts)].filter((edge) => known.has(edge.from) && known.has(edge.to));
  return { columns: COLUMNS, nodes: orderNodes(nodes, edges), edges };
}

function nodesOf(overview: Overview): readonly LoopNode[] {
  const node = (kind: LoopKind, name: string, column: number, [figure, unit]: readonly [string, string]): LoopNode => ({ id: `${kind}:${name}`, kind, name, column, figure, unit, marks: marksOf(overview, kind, name) });
  return [
    ...overview.streams.map((stream) => node("stream", stream.name, 0, [formatRate(stream.eventsPerSecond), "events/s"])),
    ...overview.featureViews.map((view) => ({ ...node("view", view.name, 1, [formatCount(view.entityCount), entityNoun(view.entities)]), ...progress(view.rebuild) })),
    ...overview.candidates.map((candidates) => node("candidates", candidates.name, 1, [formatCount(candidates.itemCount), "items"])),
    ...overview.models.map((model) => ({ ...node("model", model.name, 2, modelFigure(model)), ...progress(model.training?.share) })),
    ...overview.endpoints.map((endpoint) => node("endpoint", endpoint.name, 3, [formatRate(endpoint.requestsPerSecond), endpointUnit(endpoint)])),
  ];
}

const progress = (share: number | undefined): { readonly progress?: number } => (share === undefined ? {} : { progress: share });

const entityNoun = (entities: readonly string[]): string => (entities.length === 1 ? `${entities[0]} keys` : entities.length === 0 ? "keys" : "pairs");

function modelFigure({ aliases: { champion } }: ModelOverview): readonly [string, string] {
  return champion === undefined ? ["No", "champion yet"] : [`v${champion}`, "champion"];
}

function endpointUnit({ latencyMs, requests }: EndpointOverview): string {
  return requests === 0 ? "requests/s" : `/s · p99 ${formatMilliseconds(latencyMs.p99)}`;
}

function featureEdges({ streams, featureViews, candidates, models, endpoints }: Overview): readonly LoopEdge[] {
  const eventRate = (stream: string): number => streams.find(({ name }) => name === stream)?.eventsPerSecond ?? 0;
  const reads = (model: string): number => endpoints.filter((endpoint) => endpoint.model === model).reduce((sum, endpoint) => sum + endpoint.requestsPerSecond, 0);
  const flow = (from: string, to: string, perSecond: number, unit: string): LoopEdge =>
    ({ id: `${from}→${to}`, from, to, kind: "flow", perSecond, text: `${formatRate(perSecond)} ${unit}` });
  return [
    ...featureViews.map((view) => flow(`stream:${view.from}`, `view:${view.name}`, eventRate(view.from), "events/s")),
    ...candidates.flatMap(({ name, from }) => from.map((stream) => flow(`stream:${stream}`, `candidates:${name}`, eventRate(stream), "events/s"))),
    ...models.flatMap((model) => [
      ...featureViews.filter(({ name }) => model.sources.includes(name)).map(({ name }) => flow(`view:${name}`, `model:${model.name}`, reads(model.name), "reads/s")),
      ...candidates.filter(({ name }) => model.sources.includes(name)).map(({ name }) => flow(`candidates:${name}`, `model:${model.name}`, reads(model.name), "reads/s")),
    ]),
  ];
}

function servingEdges({ endpoints }: Overview): readonly LoopEdge[] {
  return endpoints.flatMap(({ name, model, candidates, requestsPerSecond }) => {
    const edge = (from: string): LoopEdge => ({ id: `${from}→endpoint:${name}`, from, to: `endpoint:${name}`, kind: "flow", perSecond: requestsPerSecond, text: `${formatRate(requestsPerSecond)} requests/s` });
    return [edge(`model:${model}`), ...(candidates === undefined ? [] : [edge(`candidates:${candidates}`)])];
  });
}

/** What closes the loop: outcomes of an endpoint's answers come in through a stream, and models learn from them. */
function feedbackEdges({ endpoints, models, performance }: Overview, { outcomes, retraining }: DefinitionFacts): readonly LoopEdge[] {
  return endpoints.flatMap(({ name, model }): readonly LoopEdge[] => {
    const outcome = outcomes[name];
    const training = models.find((candidate) => candidate.name === model)?.training;
    const text = training ? `training: ${training.stage}` : (retraining[model] ?? []).join(", or ");
    return [
      ...(outcome === undefined ? [] : [{
        id: `outcome:${name}`, from: `endpoint:${name}`, to: `stream:${outcome.stream}`, kind: "outcome" as const, perSecond: undefined,
        text: `${outcome.stream} within ${formatDuration(outcome.windowMs)} of an answer${rewardText(performance.find(({ endpoint }) => endpoint === name))}`,
      }]),
      { id: `training:${name}`, from: `endpoint:${name}`, to: `model:${model}`, kind: "training", perSecond: undefined, text, isActive: training !== undefined },
    ];
  });
}

function rewardText(performance: PerformanceOverview | undefined): string {
  const latest = latestReward(performance);
  return latest === undefined ? "" : ` · mean reward ${formatMetric(latest.meanReward)} over ${counted(latest.answers, "answer")}`;
}

/** Each column in the order of what feeds it (one barycentre pass), which takes out most crossings. */
export function orderNodes(nodes: readonly LoopNode[], edges: readonly LoopEdge[]): readonly LoopNode[] {
  const flows = edges.filter((edge) => edge.kind === "flow");
  const placed = new Map<string, number>();
  const count = Math.max(0, ...nodes.map((node) => node.column + 1));
  return Array.from({ length: count }, (_, column) => column).flatMap((column) => {
    const weightOf = (node: LoopNode): number => {
      const sources = flows.filter((edge) => edge.to === node.id).flatMap((edge) => placed.get(edge.from) ?? []);
      return sources.length === 0 ? 0 : sources.reduce((sum, at) => sum + at, 0) / sources.length;
    };
    const ordered = nodes.filter((node) => node.column === column).map((node) => ({ node, weight: weightOf(node) })).toSorted((a, b) => a.weight - b.weight).map(({ node }) => node);
    for (const [at, node] of ordered.entries()) placed.set(node.id, ordered.length === 1 ? 0.5 : at / (ordered.length - 1));
    return ordered;
  });
}

/** 0 (nothing flows) to 5 (a thousand per second and more): thickness and speed of an edge. */
export function flowLevel(perSecond: number | undefined): number {
  if (perSecond === undefined || !(perSecond > 0)) return 0;
  return Math.min(5, Math.max(1, Math.floor(Math.log10(perSecond)) + 2));
}
