/**
 * "view:feature" references and feature services, resolved as Feast does: each view once in first-seen order, on-demand
 * features last. A resolved selection is kept per definition, so that the next request with the same words finds it.
 */
import { selectFeatures } from "../../data/index.ts";
import type { FeatureSelection } from "../../data/index.ts";
import type { AggregationNode, Application, FeatureProvider, FeatureView, OnDemand } from "../../define/index.ts";
import { isIntegerField } from "../../define/index.ts";
import { FeastFailure, featureServiceNotFound, featureViewNotFound, keyError, plainError } from "./feast-error.ts";

export interface FeastSelection {
  readonly selection: FeatureSelection;
  /** Names of the answer's columns, by view and place; those of on-demand features after them. */
  readonly viewColumns: readonly (readonly ColumnName[])[];
  readonly onDemandColumns: readonly (readonly string[])[];
  /** The same names as JSON, joined. */
  readonly namesJson: string;
  /** Entities of the whole definition: Feast names them in its sentence about missing keys. */
  readonly knownEntities: readonly string[];
}

export interface ColumnName {
  readonly name: string;
  /** Python writes such a number with a point. */
  readonly isFloat: boolean;
}

/** What a request names: a service, or references. */
export interface FeaturesAsked {
  readonly service: string | undefined;
  readonly features: readonly string[];
  readonly isFullNames: boolean;
}

/** Selections kept per definition; more different requests than this are resolved anew. */
const MAX_KEPT = 1_000;
const kept = new WeakMap<Application, Map<string, FeastSelection>>();

/** FeastFailure in Feast's own words for what is not there. */
export function resolveFeatures(application: Application, asked: FeaturesAsked): FeastSelection {
  const key = `${asked.isFullNames ? "1" : "0"}${asked.service === undefined ? asked.features.join("\n") : `\t${asked.service}`}`;
  let known = kept.get(application);
  if (known === undefined) kept.set(application, known = new Map());
  const found = known.get(key);
  if (found !== undefined) return found;
  const made = resolve(application, asked);
  if (known.size >= MAX_KEPT) known.clear();
  known.set(key, made);
  return made;
}

function resolve(application: Application, asked: FeaturesAsked): FeastSelection {
  const providers = asked.service === undefined ? providersOf(application, asked.features, asked.isFullNames) : serviceProviders(application, asked.service);
  const selection = selectFeatures(providers);
  const nameOf = (view: string, feature: string): string => (asked.isFullNames ? `${view}__${feature}` : feature);
  const viewColumns = selection.views.map(({ view, features, places }) => places.map((place) => ({ name: nameOf(view.name, features[place]!), isFloat: isFloat(view, view.features[features[place]!]!) })));
  const onDemandColumns = selection.onDemand.map(({ onDemand, outputs }) => outputs.map((output) => nameOf(onDemand.name, output)));
  return {
    selection, viewColumns, onDemandColumns,
    namesJson: [...viewColumns.flat().map(({ name }) => name), ...onDemandColumns.flat()].map((name) => JSON.stringify(name)).join(","),
    knownEntities: [...new Set([...application.featureViews.values()].flatMap((view) => view.entities.map(({ name }) => name)))].toSorted(),
  };
}

const COUNTS: ReadonlySet<string> = new Set(["count", "distinct", "approximateDistinct", "histogram"]);
/** What they give is a whole number where the field is. */
const VALUES: ReadonlySet<string> = new Set(["sum", "min", "max", "first", "last", "lastN", "topK"]);

/** As a Feast user would declare it: counts and whole numbers are Int64, the rest Float64. */
function isFloat(view: FeatureView, { aggregation, of }: AggregationNode): boolean {
  if (COUNTS.has(aggregation)) return false;
  return !VALUES.has(aggregation) || of?.op !== "field" || !isIntegerField(view.from, of.name);
}

function serviceProviders({ featureServices, name: project }: Application, service: string): readonly FeatureProvider[] {
  const found = featureServices.get(service);
  if (found === undefined) throw featureServiceNotFound(service, project);
  return found.features;
}

interface Reference {
  readonly text: string;
  readonly view: string;
  readonly version: number | undefined;
  readonly feature: string;
}

/** Feast's _parse_feature_ref. */
function parseReference(text: string): Reference {
  const colon = text.indexOf(":");
  if (colon < 0) throw plainError(`Invalid feature reference '${text}'. Expected format: '<feature_view>:<feature>' or '<feature_view>@<version>:<feature>'`);
  const [part, feature] = [text.slice(0, colon), text.slice(colon + 1)];
  const [, view = part, version] = /^([^@]*)@(.*)$/s.exec(part) ?? [];
  if (version === undefined || version === "" || version.toLowerCase() === "latest") return { text, view, version: undefined, feature };
  const number = /^[vV](\d+)$/.exec(version)?.[1];
  return number === undefined ? { text, view: part, version: undefined, feature } : { text, view, version: Number(number), feature };
}

function providersOf(application: Application, texts: readonly string[], isFullNames: boolean): readonly FeatureProvider[] {
  const references = texts.map(parseReference);
  const byView = Map.groupBy(references, ({ view }) => view);
  if (byView.size === 0) throw plainError("No features specified for retrieval");
  const sources = [...byView].map(([name, asked]) => ({ source: sourceOf(application, name, asked), features: asked.map(({ feature }) => feature) }));
  refuseCollisions(references, isFullNames);
  for (const { source, features } of sources) {
    const known = source.kind === "on-demand" ? source.outputs : Object.keys(source.features);
    const missing = features.find((feature) => !known.includes(feature));
    if (missing !== undefined) throw keyErrorOf(missing, source.name);
  }
  const narrowed = sources.map(({ source, features }): FeatureProvider => ({ ...source, selected: features }));
  return [...narrowed.filter(({ kind }) => kind === "feature-view"), ...narrowed.filter(({ kind }) => kind === "on-demand")];
}

const keyErrorOf = (feature: string, view: string): FeastFailure => keyError(`Feature ${feature} not found in projection ${view}`);

function sourceOf({ featureViews, onDemand, name: project }: Application, name: string, asked: readonly Reference[]): FeatureView | OnDemand {
  const versioned = asked.find(({ version }) => version !== undefined);
  if (versioned !== undefined) {
    throw plainError(`Version-qualified ref '${name}@v${versioned.version}' not supported: online versioning is disabled. Set 'enable_online_feature_view_versioning: true' under 'registry' in feature_store.yaml.`);
  }
  const source = featureViews.get(name) ?? onDemand.get(name);
  if (source === undefined || (source.kind === "on-demand" && source.from.some(({ kind }) => kind === "candidates"))) throw featureViewNotFound(name, project);
  return source;
}

function refuseCollisions(references: readonly Reference[], isFullNames: boolean): void {
  const named = Map.groupBy(references, ({ text, feature }) => (isFullNames ? text : feature));
  const collisions = [...named].filter(([, same]) => same.length > 1).map(([name]) => (isFullNames ? name.replaceAll(":", "__") : name));
  if (collisions.length === 0) return;
  const remedy = isFullNames
    ? "To resolve this collision, please ensure that the feature views or their own features have different names. If you're intentionally joining the same feature view twice on different sets of entities, please rename one of the feature views with '.with_name'."
    : "To resolve this collision, either use the full feature name by setting 'full_feature_names=True', or ensure that the features in question have different names.";
  throw new FeastFailure(500, `Duplicate features named ${collisions.join(", ")} found.\n${remedy}`, "FeatureNameCollisionError");
}
