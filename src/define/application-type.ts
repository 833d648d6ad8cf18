/** What an application is once declared: its resources by kind and name. */
import type { Candidates } from "./candidates.ts";
import type { Endpoint } from "./endpoint.ts";
import type { FeatureView } from "./feature-view.ts";
import type { InferenceGraph } from "./inference-graph.ts";
import type { LanguageModel, Upstream } from "./language-model.ts";
import type { Model } from "./model.ts";
import type { OnDemand } from "./on-demand.ts";
import type { ServedModel } from "./served-model.ts";
import type { Stream } from "./stream.ts";

export interface Application {
  readonly kind: "application";
  readonly name: string;
  readonly streams: ReadonlyMap<string, Stream>;
  readonly featureViews: ReadonlyMap<string, FeatureView>;
  readonly candidates: ReadonlyMap<string, Candidates>;
  readonly onDemand: ReadonlyMap<string, OnDemand>;
  readonly models: ReadonlyMap<string, Model>;
  readonly endpoints: ReadonlyMap<string, Endpoint>;
  readonly servedModels: ReadonlyMap<string, ServedModel>;
  readonly graphs: ReadonlyMap<string, InferenceGraph>;
  readonly upstreams: ReadonlyMap<string, Upstream>;
  readonly languageModels: ReadonlyMap<string, LanguageModel>;
}
