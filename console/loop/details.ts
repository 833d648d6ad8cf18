/** All that is known of a node, as plain data for its panel: pure. */
import { counted, formatBytes, formatCount, formatMetric, formatMilliseconds, formatRate, formatShare } from "../format/numbers.ts";
import { formatAgo, formatDuration } from "../format/times.ts";
import type { DefinitionFacts } from "../live/definition-facts.ts";
import type { CandidatesOverview, EndpointOverview, FeatureViewOverview, ModelOverview, Overview, StreamOverview } from "../../src/protocols/admin/overview.ts";
import { marksOf } from "./marks.ts";
import type { Mark } from "./marks.ts";
import { KIND_NAMES, LOOP_KINDS } from "./node-kind.ts";
import type { LoopKind, NodeKind } from "./node-kind.ts";

export interface DetailRow {
  readonly label: string;
  readonly value: string;
}

export interface DetailGroup {
  readonly title: string;
  readonly rows: readonly DetailRow[];
}

export interface NodeDetails {
  readonly kind: NodeKind;
  readonly kindName: string;
  readonly name: string;
  readonly description: string;
  readonly marks: readonly Mark[];
  readonly rows: readonly DetailRow[];
  readonly groups: readonly DetailGroup[];
  readonly lists: readonly { readonly title: string; readonly items: readonly string[] }[];
}

type Content = Pick<NodeDetails, "rows" | "groups" | "lists"> & { readonly description: string };

const row = (label: string, value: string): DetailRow => ({ label, value });

/** undefined when no such node runs (any more). */
export function detailsOf(id: string, overview: Overview, facts: DefinitionFacts): NodeDetails | undefined {
  const kind = LOOP_KINDS.find((candidate) => id.startsWith(`${candidate}:`));
  if (kind === undefined) return undefined;
  const name = id.slice(kind.length + 1);
  const content = contentOf(kind, name, overview, facts);
  return content && { kind, kindName: KIND_NAMES[kind], name, marks: marksOf(overview, kind, name), ...content };
}

function contentOf(kind: LoopKind, name: string, overview: Overview, facts: DefinitionFacts): Content | undefined {
  const find = <T extends { readonly name: string }>(list: readonly T[], describe: (found: T) => Omit<Content, "description">, description: (found: T) => string): Content | undefined => {
    const found = list.find((entry) => entry.name === name);
    return found && { description: description(found), ...describe(found) };
  };
  const words = (found: { readonly description: string }): string => found.description;
  switch (kind) {
    case "stream": return find(overview.streams, streamContent, words);
    case "view": return find(overview.featureViews, viewContent, words);
    case "candidates": return find(overview.candidates, candidatesContent, words);
    case "model": return find(overview.models, (model) => modelContent(model, overview, facts), words);
    case "endpoint": return find(overview.endpoints, (endpoint) => endpointContent(endpoint, facts), words);
  }
}

function streamContent({ events, eventsPerSecond, sizeBytes, deadLetters, lakeRows, lakeFiles }: StreamOverview): Omit<Content, "description"> {
  const letters = Object.entries(deadLetters).toSorted(([, a], [, b]) => b - a);
  return {
    rows: [row("Events", formatCount(events)), row("Events per second", formatRate(eventsPerSecond)), row("Log", formatBytes(sizeBytes)), row("Lake", `${counted(lakeRows, "row")} in ${counted(lakeFiles, "file")}`)],
    groups: letters.length === 0 ? [] : [{ title: "Dead letters by reason", rows: letters.map(([reason, count]) => row(reason, formatCount(count))) }],
    lists: [],
  };
}

function viewContent({ entities, from, features, entityCount, lagEvents, spilledEntities, rebuild }: FeatureViewOverview): Omit<Content, "description"> {
  return {
    rows: [
      row("Stream", from), row(entities.length === 1 ? "Entity" : "Entities", entities.join(", ")), row("Keys", formatCount(entityCount)), row("Lag", counted(lagEvents, "event")),
      ...(spilledEntities === undefined ? [] : [row("On disk", counted(spilledEntities, "key"))]),
      ...(rebuild === undefined ? [] : [row("Rebuilt", formatShare(rebuild))]),
    ],
    groups: [], lists: [{ title: `${features.length} features`, items: features }],
  };
}

function candidatesContent({ from, itemCount, userCount, lagEvents }: CandidatesOverview): Omit<Content, "description"> {
  return { rows: [row("Items", formatCount(itemCount)), row("Users", formatCount(userCount)), row("Lag", counted(lagEvents, "event"))], groups: [], lists: [{ title: "From streams", items: from }] };
}

function modelContent(model: ModelOverview, { nowMs }: Overview, { retraining }: DefinitionFacts): Omit<Content, "description"> {
  const { name, objective, sources, featureCount, aliases, versions, training } = model;
  const version = (label: string, number: number | undefined): readonly DetailRow[] => (number === undefined ? [] : [row(label, `version ${number}`)]);
  const champion = versions.find((candidate) => candidate.version === aliases.champion);
  return {
    rows: [
      ...version("Champion", aliases.champion), ...version("Challenger", aliases.challenger), ...version("Previous", aliases.previous),
      row("Versions", formatCount(versions.length)), row("Objective", objective), row("Features", formatCount(featureCount)),
      ...(versions[0] ? [row("Latest version", formatAgo(versions[0].createdAtMs, nowMs))] : []),
    ],
    groups: [
      ...(training ? [{ title: "Training now", rows: [row("Stage", training.stage), row("Done", formatShare(training.share)), row("Detail", training.detail)] }] : []),
      ...(champion ? [{ title: `Metrics of version ${champion.version}`, rows: Object.entries(champion.metrics).map(([metric, value]) => row(metric, formatMetric(value))) }] : []),
    ],
    lists: [{ title: "Feature sources", items: sources }, ...((retraining[name]?.length ?? 0) > 0 ? [{ title: "Trains again", items: retraining[name]! }] : [])],
  };
}

function endpointContent(endpoint: EndpointOverview, { outcomes, rollouts }: DefinitionFacts): Omit<Content, "description"> {
  const { name, model, candidates, requests, requestsPerSecond, latencyMs, fallbackShare, traffic } = endpoint;
  const [outcome, rules] = [outcomes[name], rollouts[name]];
  const hasTraffic = requests > 0;
  return {
    rows: [
      row("Model", model), ...(candidates === undefined ? [] : [row("Candidates", candidates)]), row("Requests", formatCount(requests)), row("Requests per second", formatRate(requestsPerSecond)),
      ...(hasTraffic ? [row("Latency p50, p90, p99", [latencyMs.p50, latencyMs.p90, latencyMs.p99].map(formatMilliseconds).join(", ")), row("Fallback", formatShare(fallbackShare))] : []),
      ...(outcome ? [row("Outcomes", `${outcome.stream} within ${formatDuration(outcome.windowMs)}`)] : []),
      ...(rules ? [row("Rollout", `canary at ${rules.steps.map(formatShare).join(", ")}`), row("Margin", formatShare(rules.margin))] : []),
    ],
    groups: traffic.length === 0 ? [] : [{ title: "Traffic", rows: traffic.map(({ variant, version, share }) => row(version === 0 ? variant : `${variant} v${version}`, formatShare(share))) }],
    lists: [],
  };
}
