/**
 * An application is the set of resources reachable from what it is given: name an endpoint and its model,
 * features and streams come along. All problems of a definition are reported together.
 */
import { StrataError, listProblems } from "../kernel/errors.ts";
import type { Problem } from "../kernel/errors.ts";
import type { Candidates } from "./candidates.ts";
import { derivationOf } from "./derivation.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Expectations } from "./expectations.ts";
import type { FeatureService } from "./feature-service.ts";
import type { FeatureView } from "./feature-view.ts";
import type { InferenceGraph } from "./inference-graph.ts";
import type { LanguageModel, Upstream } from "./language-model.ts";
import type { FeatureProvider, Model } from "./model.ts";
import type { OnDemand } from "./on-demand.ts";
import { checkApplication } from "./application-check.ts";
import type { Application } from "./application-type.ts";
import type { ServedModel } from "./served-model.ts";
import type { Stream } from "./stream.ts";
import { partsOf as partsOfVectorIndex } from "./vector-index.ts";
import type { VectorIndex } from "./vector-index.ts";

export type Resource = Stream<string, never> | Stream | FeatureProvider | FeatureService | Expectations | VectorIndex | Model | Endpoint | ServedModel | InferenceGraph | Upstream | LanguageModel;

/**
 * Declares the application; raises DEFINITION_INVALID with every problem found.
 * The definition file exports it as its default export.
 */
export function defineApplication(name: string, resources: readonly { readonly kind: string; readonly name: string }[]): Application {
  const collector = createCollector();
  for (const resource of resources) collector.add(resource as Resource); // made by a define function, told apart by `kind`
  const application = Object.freeze({ kind: "application" as const, name, ...collector.maps });
  const problems = [...collector.problems, ...checkApplication(application)];
  if (problems.length > 0) throw new StrataError("DEFINITION_INVALID", { count: problems.length, problems: listProblems(problems) }, { problems });
  return application;
}

function createCollector() {
  const maps = {
    streams: new Map<string, Stream>(), featureViews: new Map<string, FeatureView>(),
    featureServices: new Map<string, FeatureService>(), expectations: new Map<string, Expectations>(), vectorIndexes: new Map<string, VectorIndex>(), candidates: new Map<string, Candidates>(),
    onDemand: new Map<string, OnDemand>(), models: new Map<string, Model>(), endpoints: new Map<string, Endpoint>(),
    servedModels: new Map<string, ServedModel>(), graphs: new Map<string, InferenceGraph>(), upstreams: new Map<string, Upstream>(), languageModels: new Map<string, LanguageModel>(),
  };
  const problems: Problem[] = [];

  const put = <T extends { readonly name: string }>(map: Map<string, T>, kind: string, resource: T): boolean => {
    const known = map.get(resource.name);
    if (known === undefined) {
      map.set(resource.name, resource);
      return true;
    }
    if (!isSameDeclaration(known, resource)) problems.push({ path: `${kind}.${resource.name}`, message: `two different resources have the name "${resource.name}"`, code: "duplicate-name" });
    return false;
  };

  const add = (resource: Resource): void => {
    switch (resource.kind) {
      case "stream": if (put(maps.streams, "streams", resource as Stream)) addSources(resource); return;
      case "feature-view": if (put(maps.featureViews, "featureViews", resource)) add(resource.from); return;
      case "candidates": if (put(maps.candidates, "candidates", resource)) addCandidates(resource); return;
      case "feature-service": if (put(maps.featureServices, "featureServices", resource)) for (const provider of resource.features) add(provider); return;
      case "expectations": if (put(maps.expectations, "expectations", resource)) for (const stream of [resource.of, ...resource.references]) add(stream); return;
      case "vector-index": if (put(maps.vectorIndexes, "vectorIndexes", resource)) for (const part of partsOfVectorIndex(resource)) add(part); return;
      case "on-demand": if (put(maps.onDemand, "onDemand", resource)) for (const source of resource.from) add(source); return;
      case "model": if (put(maps.models, "models", resource)) addModel(resource); return;
      case "endpoint": if (put(maps.endpoints, "endpoints", resource)) addEndpoint(resource); return;
      case "served-model": put(maps.servedModels, "servedModels", resource); return;
      case "inference-graph": if (put(maps.graphs, "graphs", resource)) for (const member of resource.members) add(member); return;
      case "upstream": put(maps.upstreams, "upstreams", resource); return;
      case "language-model": if (put(maps.languageModels, "languageModels", resource)) addLanguageModel(resource); return;
      default: problems.push({ path: "resources", message: `not a resource: ${describe(resource)}`, code: "not-a-resource" });
    }
  };

  const addSources = (stream: Stream): void => {
    const derivation = derivationOf(stream);
    for (const source of derivation?.sources ?? []) add(source);
    if (derivation?.operator === "map") for (const { view } of derivation.enrich) add(view);
  };

  const addCandidates = ({ interactions, similar }: Candidates): void => {
    for (const { from } of interactions) add(from);
    if (similar) add(similar.index);
  };

  const addModel = (model: Model): void => {
    for (const provider of model.features) add(provider);
    add(model.examples.kind === "each-event" ? model.examples.from : model.examples.candidates);
    if (model.label.kind === "happens-within") add(model.label.from);
  };

  const addEndpoint = (endpoint: Endpoint): void => {
    add(endpoint.model);
    if (endpoint.candidates) add(endpoint.candidates);
    if (endpoint.outcome) add(endpoint.outcome.from);
  };

  const addLanguageModel = (model: LanguageModel): void => {
    for (const { upstream } of model.targets) add(upstream);
    if (model.semanticCache) add(model.semanticCache.embedWith);
  };

  return { maps, problems, add };
}

/** A view narrowed by `pick` is still the same view: it computes the same features. */
function isSameDeclaration(a: { readonly name: string }, b: { readonly name: string }): boolean {
  return a === b || ("features" in a && "features" in b && "by" in a && a.features === b.features);
}

function describe(value: unknown): string {
  return typeof value === "object" && value !== null ? `an object with keys ${Object.keys(value).join(", ")}` : String(value);
}
