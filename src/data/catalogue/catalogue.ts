/**
 * The catalogue: every resource of the data side of a definition with who owns it, what it is and what it is made of,
 * and the lineage between them, from the stream an event enters to the endpoint that answers with it. Pure: it reads a
 * definition and nothing else.
 */
import { derivationOf } from "../../define/index.ts";
import type { AggregationNode, Application, FeatureProvider, FeatureView, Stream } from "../../define/index.ts";

export type CatalogueKind = "stream" | "feature-view" | "on-demand" | "candidates" | "feature-service" | "model" | "endpoint" | "expectations";

export interface CatalogueFeature {
  readonly name: string;
  /** "sum", "count", …; "computed" for on-demand outputs. */
  readonly aggregation: string;
  /** In ms for a sliding window; absent for a whole life, or another kind of window. */
  readonly windowMs?: number;
  /** "tumbling", "hopping", "session", where it is not sliding. */
  readonly window?: string;
}

export interface CatalogueEntry {
  readonly kind: CatalogueKind;
  readonly name: string;
  readonly description: string;
  readonly owner?: string;
  readonly tags: readonly string[];
  readonly entities: readonly string[];
  /** Views, services and on-demand functions. */
  readonly features: readonly CatalogueFeature[];
  /** Streams: names of the fields. */
  readonly fields: readonly string[];
  readonly ttlMs?: number;
  /** What it is made of and what is made of it, as "kind:name". */
  readonly from: readonly string[];
  readonly usedBy: readonly string[];
}

interface Draft extends Omit<CatalogueEntry, "usedBy" | "from"> {
  readonly from: readonly (readonly [CatalogueKind, string])[];
}

/** In the order of the flow: streams first, endpoints last. */
export function describeCatalogue(application: Application): readonly CatalogueEntry[] {
  const drafts: readonly Draft[] = [
    ...[...application.streams.values()].map(streamDraft),
    ...[...application.expectations.values()].map(({ name, description, of }): Draft => draft({ kind: "expectations", name, description, from: [["stream", of.name]] })),
    ...[...application.featureViews.values()].map(viewDraft),
    ...[...application.candidates.values()].map(({ name, description, entities, interactions }): Draft => draft({
      kind: "candidates", name, description, entities: entities.map((entity) => entity.name), from: interactions.map(({ from }) => ["stream", from.name] as const),
    })),
    ...[...application.onDemand.values()].map(({ name, description, owner, tags, outputs, from }): Draft => draft({
      kind: "on-demand", name, description, owner, tags, features: outputs.map((output) => ({ name: output, aggregation: "computed" })), from: from.map(refOf),
    })),
    ...[...application.featureServices.values()].map(({ name, description, owner, tags, features }): Draft => draft({
      kind: "feature-service", name, description, owner, tags, features: features.flatMap(selectedFeatures), entities: entityNames(features), from: features.map(refOf),
    })),
    ...[...application.models.values()].map((model): Draft => draft({
      kind: "model", name: model.name, description: model.description, features: model.features.flatMap(selectedFeatures), entities: entityNames(model.features),
      from: [...model.features.map(refOf), ...(model.label.kind === "happens-within" ? [["stream", model.label.from.name] as const] : []), ...(model.examples.kind === "each-event" ? [["stream", model.examples.from.name] as const] : [])],
    })),
    ...[...application.endpoints.values()].map(({ name, description, model, candidates, outcome, keys }): Draft => draft({
      kind: "endpoint", name, description, entities: Object.keys(keys), from: [["model", model.name], ...(candidates ? [["candidates", candidates.name] as const] : []), ...(outcome ? [["stream", outcome.from.name] as const] : [])],
    })),
  ];
  const refs = drafts.map(({ from }) => [...new Set(from.map(([kind, name]) => `${kind}:${name}`))]);
  return drafts.map((each, index) => {
    const own = `${each.kind}:${each.name}`;
    return { ...each, from: refs[index]!, usedBy: drafts.flatMap(({ kind, name }, at) => (refs[at]!.includes(own) ? [`${kind}:${name}`] : [])) };
  });
}

interface DraftParts extends Partial<Omit<Draft, "owner">> {
  readonly kind: CatalogueKind;
  readonly name: string;
  readonly owner?: string | undefined;
}

function draft({ owner, ...parts }: DraftParts): Draft {
  return { description: "", tags: [], entities: [], features: [], fields: [], from: [], ...(owner === undefined ? {} : { owner }), ...parts };
}

function streamDraft(stream: Stream): Draft {
  const { name, description, owner, tags, schema } = stream;
  return draft({ kind: "stream", name, description, owner, tags, fields: Object.keys(schema.shape), from: sourcesOf(stream) });
}

/** Of a derived stream: the streams it reads and the views that enrich it. */
function sourcesOf(stream: Stream): Draft["from"] {
  const derivation = derivationOf(stream);
  if (derivation === undefined) return [];
  const views = derivation.operator === "map" ? derivation.enrich.map(({ view }) => ["feature-view", view.name] as const) : [];
  return [...derivation.sources.map(({ name }) => ["stream", name] as const), ...views];
}

function viewDraft(view: FeatureView): Draft {
  const { name, description, owner, tags, entities, from, ttlMs } = view;
  return draft({
    kind: "feature-view", name, description, owner, tags, entities: entities.map((entity) => entity.name), from: [["stream", from.name]],
    features: Object.entries(view.features).map(([feature, node]) => describeFeature(feature, node)), ...(ttlMs === undefined ? {} : { ttlMs }),
  });
}

function describeFeature(name: string, { aggregation, windowMs, window }: AggregationNode): CatalogueFeature {
  return { name, aggregation, ...(windowMs === undefined ? {} : { windowMs }), ...(window === undefined ? {} : { window: window.kind }) };
}

/** "view.feature", where several sources stand together. */
function selectedFeatures(provider: FeatureProvider): readonly CatalogueFeature[] {
  return provider.selected.map((feature) => {
    const node = provider.kind === "feature-view" ? provider.features[feature] : undefined;
    return node === undefined ? { name: `${provider.name}.${feature}`, aggregation: "computed" } : describeFeature(`${provider.name}.${feature}`, node);
  });
}

const refOf = ({ kind, name }: FeatureProvider): readonly [CatalogueKind, string] => [kind, name];

function entityNames(providers: readonly FeatureProvider[]): readonly string[] {
  const sources = providers.flatMap((provider) => (provider.kind === "on-demand" ? provider.from : [provider]));
  return [...new Set(sources.flatMap(({ entities }) => entities.map(({ name }) => name)))];
}

/** Entries that have every word in their name, description, owner, tags, entities, features or fields. */
export function searchCatalogue(entries: readonly CatalogueEntry[], text: string): readonly CatalogueEntry[] {
  const words = text.toLowerCase().split(/\s+/).filter((word) => word !== "");
  return entries.filter((entry) => {
    const said = [entry.kind, entry.name, entry.description, entry.owner ?? "", ...entry.tags, ...entry.entities, ...entry.features.map(({ name }) => name), ...entry.fields].join("\n").toLowerCase();
    return words.every((word) => said.includes(word));
  });
}

export interface LineageNode {
  /** "kind:name". */
  readonly ref: string;
  readonly next: readonly LineageNode[];
}

export interface Lineage {
  readonly ref: string;
  /** What it is made of, and of what that is made, to the streams. */
  readonly from: readonly LineageNode[];
  /** What is made of it, to the endpoints. */
  readonly usedBy: readonly LineageNode[];
}

/** `name` is a name, or "kind:name" where kinds share one; undefined when there is none. */
export function findEntry(entries: readonly CatalogueEntry[], name: string): CatalogueEntry | undefined {
  return entries.find((entry) => `${entry.kind}:${entry.name}` === name) ?? entries.find((entry) => entry.name === name);
}

export function lineageOf(entries: readonly CatalogueEntry[], entry: CatalogueEntry): Lineage {
  const byRef = new Map(entries.map((each) => [`${each.kind}:${each.name}`, each]));
  const follow = (refs: readonly string[], direction: "from" | "usedBy"): readonly LineageNode[] =>
    refs.map((ref) => ({ ref, next: follow(byRef.get(ref)?.[direction] ?? [], direction) }));
  return { ref: `${entry.kind}:${entry.name}`, from: follow(entry.from, "from"), usedBy: follow(entry.usedBy, "usedBy") };
}
