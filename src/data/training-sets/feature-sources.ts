/** Where a model's features come from: its own providers and those that its on-demand features build on. */
import type { Candidates, FeatureProvider, FeatureView, Model } from "../../define/index.ts";

export interface NeededView {
  readonly view: FeatureView;
  /** The features to compute: all of them where an on-demand feature may read any. */
  readonly features: readonly string[];
}

export interface FeatureSources {
  readonly views: readonly NeededView[];
  readonly candidates: readonly Candidates[];
}

export function featureSourcesOf(model: Pick<Model, "features">): FeatureSources {
  const views = new Map<string, { readonly view: FeatureView; readonly features: Set<string> }>();
  const candidates = new Map<string, Candidates>();
  const add = (provider: FeatureProvider, isWhole: boolean): void => {
    if (provider.kind === "candidates") candidates.set(provider.name, provider);
    if (provider.kind === "on-demand") for (const source of provider.from) add(source, true);
    if (provider.kind !== "feature-view") return;
    const known = views.get(provider.name) ?? { view: provider, features: new Set<string>() };
    views.set(provider.name, known);
    for (const feature of isWhole ? Object.keys(provider.features) : provider.selected) known.features.add(feature);
  };
  for (const provider of model.features) add(provider, false);
  return { views: [...views.values()].map(({ view, features }) => ({ view, features: [...features] })), candidates: [...candidates.values()] };
}
