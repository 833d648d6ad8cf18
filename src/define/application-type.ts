/** What an application is once declared: its resources by kind and name. */
import type { Candidates } from "./candidates.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Expectations } from "./expectations.ts";
import type { FeatureService } from "./feature-service.ts";
import type { FeatureView } from "./feature-view.ts";
import type { InferenceGraph } from "./inference-graph.ts";
import type { LanguageModel, Upstream } from "./language-model.ts";
import type { Model } from "./model.ts";
import type { OnDemand } from "./on-demand.ts";
import type { ServedModel } from "./served-model.ts";
import type { Stream } from "./stream.ts";
import type { VectorIndex } from "./vector-index.ts";

export interface Application {
  readonly kind: "application";
  readonly name: string;
  readonly streams: ReadonlyMap<string, Stream>;
  readonly featureViews: ReadonlyMap<string, FeatureView>;
  readonly featureServices: ReadonlyMap<string, FeatureService>;
  readonly expectations: ReadonlyMap<string, Expectations>;
  readonly vectorIndexes: ReadonlyMap<string, VectorIndex>;
  readonly candidates: ReadonlyMap<string, Candidates>;
  readonly onDemand: ReadonlyMap<string, OnDemand>;
  readonly models: ReadonlyMap<string, Model>;
  readonly endpoints: ReadonlyMap<string, Endpoint>;
  readonly servedModels: ReadonlyMap<string, ServedModel>;
  readonly graphs: ReadonlyMap<string, InferenceGraph>;
  readonly upstreams: ReadonlyMap<string, Upstream>;
  readonly languageModels: ReadonlyMap<string, LanguageModel>;
}
